#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is published to Kinesis keeps its order, however much of it fails: rows 5, 17 and 26."""
import base64
import contextlib
import hashlib
import json
import os
import unittest

from storm import StormCase, StormSite

import case
import cloud
import harness
from harness import poll

KEYS = 6
ROUNDS = 12
SCRIPTS = os.path.join(cloud.BUILD, "tests", "script_plugins")
POLICY = """(
      { when = { type = "test"; }; verdict = "flag"; actions = [ "publish" ]; }
    )"""


class StreamSite(StormSite):
    """Two hosts that publish what they are posted, in the order of its keys."""

    def __init__(self, weather, **keys):
        super().__init__(weather, wait="1s", visibility="6s")
        self.name = self.prefix + "stream"
        self.box.kinesis("CreateStream", StreamName=self.name, ShardCount=2)
        self.rounds = 0
        for host in self.hosts:
            self.set_up(host.settings, keys)

    def set_up(self, settings, keys):
        settings.groups["plugins"]["path"] = "[%s, %s]" % (os.path.join(cloud.BUILD, "plugins"),
                                                           SCRIPTS)
        settings.instances["script"] = ("inputs", {
            "plugin": "script_input", "transport": "http", "path": "/script"})
        settings.instances["publish"] = ("actions", {
            "plugin": "kinesis", "account": "streams", "stream": self.name, "attempts": "1000",
            **keys})
        settings.pipeline.update(inputs="[slack, script]", policy=POLICY)
        settings.lines.append(
            'accounts = ( { name = "streams"; region = "%s"; endpoint = "%s"; '
            'access_key_id = "%s"; secret_access_key = "aws-secret"; } );'
            % (cloud.REGION, self.box.url, self.given.aws_id))
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

    def await_published(self):
        poll("all of it to come to its end", lambda: (
            (seen := self.ledger())["in_flight"] == 0 and
            seen["accepted"] == 2 * KEYS * self.rounds, seen))

    def keys_by(self, shard):
        """Those whose records this shard has, and those of the others."""
        low, high = next(
            [int(each["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey")]
            for each in self.shards() if each["ShardId"] == shard)
        mine = {key for key in range(KEYS)
                if low <= int(hashlib.md5(b"k%d" % key).hexdigest(), 16) <= high}
        return mine, set(range(KEYS)) - mine

    def shards(self):
        return self.box.kinesis("ListShards", StreamName=self.name)["Shards"]

    def read(self):
        """(key, number) of each record, as one sees them who reads parents before children."""
        return [record for _, records in self.read_shards() for record in records]

    def read_shards(self):
        """A child's id is greater than its parents'."""
        return [(shard["ShardId"], self.read_shard(shard["ShardId"]))
                for shard in sorted(self.shards(), key=lambda shard: shard["ShardId"])]

    def read_shard(self, shard):
        iterator = self.box.kinesis("GetShardIterator", StreamName=self.name, ShardId=shard,
                                    ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        seen = []
        while iterator:
            answer = self.box.kinesis("GetRecords", ShardIterator=iterator)
            for record in answer["Records"]:
                data = json.loads(base64.b64decode(record["Data"]))
                seen.append((data["key"], data["number"]))
            iterator = answer.get("NextShardIterator")
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
        return seen


class Streams(StormCase):
    @contextlib.contextmanager
    def stream(self, *faults, **keys):
        """A site under these faults, which is well at the end."""
        site = StreamSite(self.cloud, **keys)
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
        seen = site.read()
        for key in range(KEYS):
            numbers = [number for of, number in seen if of == key]
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
            site.publish(ROUNDS)
            mine, others = site.keys_by(shard)
            self.assertTrue(mine and others, "all keys are on one shard")
            poll("the others' records", lambda: (
                len(seen := [key for key, _ in site.read()]) == ROUNDS * len(others), seen))
            self.assertEqual({key for key, _ in site.read()}, others)
            site.box.calm()
            self.judge(site)

    def test_17_a_stream_that_is_deleted_for_a_while(self):
        with self.stream() as site:
            site.explain("alarm", alarm="kinesis_refuses")
            site.box.kinesis("DeleteStream", StreamName=site.name)
            site.publish(2)
            site.hosts[0].await_log("alarm", alarm="kinesis_refuses")
            site.box.kinesis("CreateStream", StreamName=site.name, ShardCount=2)
            self.judge(site)

    def test_26_shards_are_split_and_merged_while_records_come(self):
        with self.stream(("partial", {"p": 0.2})) as site:
            site.publish(4)
            site.box.tell("reshard", stream=site.name, split="shardId-000000000000")
            site.publish(4)
            site.box.tell("reshard", stream=site.name, merge="shardId-000000000002",
                          **{"with": "shardId-000000000003"})
            site.publish(4)
            self.judge(site)
            self.assertGreater(len({shard for shard, _ in site.read_shards()}), 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
