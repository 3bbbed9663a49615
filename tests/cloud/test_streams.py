#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is published to Kinesis keeps its order, however much of it fails: rows 5, 16, 17 and 26."""
import contextlib
import json
import os
import signal
import unittest

from storm import StormCase, StormSite
from streams import Stream

import case
import cloud
import harness
from harness import poll

KEYS = 6
ROUNDS = 8
SCRIPTS = os.path.join(cloud.BUILD, "tests", "script_plugins")
POLICY = """(
      { when = { type = "test"; }; verdict = "flag"; actions = [ "publish" ]; }
    )"""


class StreamSite(StormSite):
    """Two hosts that publish what they are posted, in the order of its keys."""

    def __init__(self, weather):
        super().__init__(weather, wait="1s", visibility="6s")
        self.stream = Stream(self)
        self.rounds = 0
        for host in self.hosts:
            self.set_up(host.settings)

    def set_up(self, settings):
        settings.groups["plugins"]["path"] = "[%s, %s]" % (
            os.path.join(cloud.BUILD, "plugins"), SCRIPTS)
        settings.instances["script"] = ("inputs", {
            "plugin": "script_input", "transport": "http", "path": "/script"})
        settings.pipeline.update(inputs="[slack, script]", policy=POLICY)
        self.stream.add_to(settings)
        del settings.instances["block"], settings.instances["log"]

    def publish(self, rounds):
        """The next ones of each key, one after the other."""
        for number in range(self.rounds, self.rounds + rounds):
            script = "".join("id k%d-%d\norder k%d\ndata %s\nemit\n" % (
                key, number, key, json.dumps({"key": key, "number": number}))
                for key in range(KEYS))
            answer = harness.ask(self.hosts[0].port, "POST", "/script", script.encode())
            if answer.status != 200:
                raise harness.Failed("200 for what is published", answer.status)
        self.rounds += rounds

    def replace_key(self):
        """The old one is good for nothing once every host has heard of the new one."""
        old = self.given.stream_id
        self.given.stream_id = "AKIDREPLACED"
        self.given.stream_secret = "stream-secret-that-replaces-another"
        self.stream.accept_key()
        for host in self.hosts:
            host.settings.top["accounts"] = self.stream.account()
            host.write()
            host.signal(signal.SIGHUP)
            host.await_log("config.reload", result="loaded")
        self.box.tell("credentials", expire=True, access_key=old)

    def await_published(self):
        poll("all of it to come to its end", lambda: (
            (seen := self.ledger())["in_flight"] == 0 and
            seen["accepted"] == 2 * KEYS * self.rounds, seen))


class Streams(StormCase):
    @contextlib.contextmanager
    def stream(self, *faults):
        """A site under these faults, which is well at the end."""
        site = StreamSite(self.cloud)
        try:
            site.start()
            for kind, members in faults:
                site.box.fault(kind, action="PutRecords", **members)
            yield site
            site.box.calm()
            case.check(self, site)
        except BaseException:
            case.show_logs(site)
            raise
        finally:
            site.box.calm()
            site.close()

    def judge(self, site, are_repeats_expected=False):
        """Of each key all is there, and nothing before what was published before it."""
        site.await_published()
        seen = site.stream.read()
        for key in range(KEYS):
            numbers = [data["number"] for data in seen if data["key"] == key]
            firsts = list(dict.fromkeys(numbers))
            self.assertEqual(firsts, list(range(site.rounds)), "key %d: %s" % (key, numbers))
            if not are_repeats_expected:
                self.assertEqual(numbers, firsts, "key %d" % key)

    def endure(self, fault, are_repeats_expected=False, **members):
        with self.stream((fault, members)) as site:
            before = site.box.audit()["faults"].get(fault, 0)
            site.publish(ROUNDS)
            self.judge(site, are_repeats_expected)
            self.assertGreater(site.box.audit()["faults"][fault], before, "nothing failed")

    def test_05_records_fail_and_later_ones_of_the_same_call_do_not(self):
        self.endure("partial", p=0.3)

    def test_05_one_failure_is_told_though_all_have_failed(self):
        self.endure("dishonest", p=0.3)

    def test_05_records_fail_that_were_stored_all_the_same(self):
        self.endure("partial", p=0.3, after=True, are_repeats_expected=True)

    def test_05_calls_fail_that_have_stored_some_or_all(self):
        self.endure("reset", p=0.3, after=True, are_repeats_expected=True)

    def test_05_a_shard_that_is_throttled_holds_up_its_own_keys_only(self):
        shard = "shardId-000000000000"
        with self.stream(("shard", {"shard": shard})) as site:
            held = {key for key in range(KEYS) if site.stream.takes(shard, "k%d" % key)}
            self.assertTrue(0 < len(held) < KEYS, "all keys are on one shard")
            site.publish(ROUNDS)
            poll("the other shard's records", lambda: (
                len(seen := site.stream.read()) == ROUNDS * (KEYS - len(held)), seen))
            self.assertFalse(held & {data["key"] for data in site.stream.read()})
            site.box.calm()
            self.judge(site)

    def test_16_a_key_is_replaced_by_a_reload_while_records_come(self):
        with self.stream(("partial", {"p": 0.2})) as site:
            site.publish(3)
            site.replace_key()
            site.publish(3)
            self.judge(site)

    def test_17_a_stream_that_is_deleted_for_a_while(self):
        with self.stream() as site:
            site.explain("alarm", alarm="kinesis_refuses")
            site.stream.delete()
            site.publish(2)
            poll("an alarm", lambda: (any(host.logged("alarm", alarm="kinesis_refuses")
                                          for host in site.hosts), "none"))
            site.stream.create()
            self.judge(site)

    def test_26_shards_are_split_and_merged_while_records_come(self):
        with self.stream(("partial", {"p": 0.2})) as site:
            site.publish(3)
            site.stream.split("shardId-000000000000")
            site.publish(3)
            site.stream.merge("shardId-000000000002", "shardId-000000000003")
            site.publish(3)
            self.judge(site)
            self.assertEqual(site.stream.open_shards(),
                             ["shardId-000000000004", "shardId-000000000001"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
