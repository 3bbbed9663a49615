#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random faults and kills among two processes of each stage, and what must be true at the end.

    test_oracle.py                    the seeds of $ORACLE_SEEDS ("1-5"), one after the other
    ORACLE_SEEDS=17 test_oracle.py    one again, as a failure has named it
"""
import json
import os
import random
import time
import unittest

from storm import StormCase, StormSite
from streams import Stream

import case
import harness
from harness import poll
from hosts import Host

LEAKS = 14
CLEAN = 4
KILLS = 4
QUEUE = {"visibility": "5s", "wait": "1s"}
STAGES = ("intake", "scan", "act")
PROBABLY = (0.02, 0.05, 0.15)

# What may go wrong at any time; each draws its own probability.
FAULTS = (
    ("http", {"status": 500}), ("http", {"status": 503}), ("throttle", {}),
    ("partial", {"action": "SendMessageBatch"}), ("partial", {"action": "DeleteMessageBatch"}),
    ("partial", {"action": "ChangeMessageVisibilityBatch"}),
    ("omit", {"action": "SendMessageBatch"}),
    ("reset", {}), ("reset", {"after": True}), ("truncate", {}), ("garbage", {}),
    ("duplicate", {}), ("undead", {}), ("early", {}), ("lease", {}), ("md5", {}),
    ("disorder", {}), ("shuffle", {}), ("lost", {}), ("slow", {"ms": 800}),
    ("expired", {"count": 3}), ("over_limit", {"count": 5}), ("denied", {"count": 3}),
    ("stall", {"action": "ReceiveMessage", "count": 1}),
    ("partial", {"action": "PutRecords"}), ("dishonest", {"action": "PutRecords"}),
)


class OracleSite(StormSite):
    """Two processes of each stage; those of intake pass their sockets to each other."""

    def __init__(self, weather):
        super().__init__(weather, **QUEUE)
        self.hosts.clear()
        self.stream = Stream(self)
        for stage in STAGES:
            self.pair(stage)

    def publishing(self, name, stage):
        """A host where what is blocked is published besides."""
        host = self.host(name, stage, **QUEUE)
        self.stream.add_to(host.settings)
        host.settings.pipeline["policy"] = host.settings.pipeline["policy"].replace(
            '"block", "log"', '"block", "publish", "log"')
        return host

    def pair(self, stage):
        first = self.publishing(stage + "-1", stage)
        if stage != "intake":
            self.publishing(stage + "-2", stage)
            return
        twin = Host.__new__(Host)
        twin.__dict__.update(first.__dict__)
        twin.log_prefix += "-twin"
        twin.log_paths, twin.outputs = [], []
        self.hosts.append(twin)

    def begin(self, host):
        host.begin()
        harness.poll("the process to have started", lambda: (
            '"started"' in harness.read_text(host.log_paths[-1]),
            harness.read_text(host.log_paths[-1])[-1000:]))

    def start(self):
        for host in self.hosts:
            self.begin(host)

    def poison(self, number):
        """What no worker of ours can make sense of."""
        url = self.box.queue_url(self.prefix + "scan")
        self.box.sqs("SendMessage", QueueUrl=url,
                     MessageBody=json.dumps({"task": "paint", "kwargs": {"number": number}}))


class Oracle(StormCase):
    seed = "1"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = OracleSite(cls.cloud)
        cls.addClassCleanup(cls.site.close)
        for event in ("queue.missing", "queue.alien", "queue.refused", "health.bad", "queue.aside",
                      "leases", "ledger.imbalance", "scan.receive", "act.receive",
                      "event.handover", "action.settle", "alarm"):
            cls.site.explain(event)
        cls.site.start()
        cls.poisons = 0

    def test_every_event_ends_once_whatever_fails(self):
        for seed in seeds():
            with self.subTest(seed=seed):
                print("seed %d" % seed, flush=True)
                try:
                    self.play(random.Random(seed))
                except BaseException:
                    case.show_logs(self.site)
                    raise

    def play(self, dice):
        site = self.site
        for kind, members in dice.sample(FAULTS, 12):
            site.box.fault(kind, p=dice.choice(PROBABLY), **members)
        for _ in range(KILLS):
            self.talk(dice)
            time.sleep(dice.uniform(0, 0.4))
            self.kill(dice)
            self.reshard(dice)
        self.talk(dice)
        time.sleep(dice.uniform(0.2, 1))
        site.box.calm()
        # What nobody keeps books of may be lost by a fault: it comes when all is well again.
        site.poison(self.poisons)
        self.poisons += 1
        self.judge()

    def talk(self, dice):
        for _ in range(LEAKS // KILLS):
            self.site.talk(1, dice.randrange(2))

    def kill(self, dice):
        host = dice.choice(self.site.hosts)
        host.kill()
        time.sleep(dice.uniform(0, 0.3))
        self.site.begin(host)

    def reshard(self, dice):
        """Now and then, and never so often that there are many."""
        stream = self.site.stream
        shards = stream.open_shards()
        if dice.random() < 0.7:
            return
        if len(shards) < 4:
            stream.split(dice.choice(shards))
        else:
            stream.merge(*shards[:2])

    def judge(self):
        site = self.site
        site.await_end()
        self.judge_effects(site.judge_messages(self))
        self.judge_records()
        self.judge_books()

    def judge_effects(self, calls):
        """Slack was told once of each, or it said itself that it was told before."""
        done = [call for call in calls if call["method"] == "chat.delete" and
                call["answer"].get("ok")]
        told = [call for call in calls if call["method"] == "chat.postMessage" and
                call["answer"].get("ok")]
        self.assertEqual(len(done), len(self.site.leaks))
        self.assertEqual(len(told), len(self.site.leaks))

    def judge_records(self):
        """Each leak was published, whatever came twice, and nothing else was."""
        published = {data["event"]["ts"] for data in self.site.stream.read()}
        self.assertEqual(published, {leak["ts"] for leak in self.site.leaks})

    def judge_books(self):
        site = self.site
        ledger = site.ledger()
        self.assertEqual((ledger["imbalance"], ledger["in_flight"], ledger["damaged"]), (0, 0, 0))
        dead = [line["reason"] for line in site.dead("scan")]
        self.assertEqual(dead, ["unknown_task"] * self.poisons)
        found = site.sql("SELECT count(*), count(DISTINCT id) FROM event").split()
        self.assertEqual(found[0].replace("|", " ").split()[0], str(len(site.leaks)))


def seeds():
    text = os.environ.get("ORACLE_SEEDS", "1-5")
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
