# SPDX-License-Identifier: Apache-2.0
"""The stand-in that fails as it is told, in place of moto, and what must be true however it failed."""
import os
import sys

import cloud
import harness
from case import Case
from hosts import PROGRAMS, Site

sys.path.insert(1, os.path.join(cloud.TESTS, "sim"))

import aws_harness
import postgres
from harness import poll

CARD = "my card 4716301661318609, number %d"
CLEAN = "nothing to see here, number %d"


class Box(aws_harness.Cloud):
    """orchestrator-sim aws, which looks at every signature."""

    def __init__(self, *args):
        super().__init__(*args, program=PROGRAMS["sim"])

    def calm(self):
        self.tell("fault", verb="DELETE")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


class StormCloud(cloud.Cloud):
    def __init__(self, *args):
        self.folder = cloud.tempfile.mkdtemp(prefix="orch-storm-")
        self.moto = Box(*args)  # in its place
        self.postgres = postgres.Postgres(os.path.join(cloud.BUILD, "postgres-template"))
        self.prepare()
        self.postgres.start()
        self.sites = 0
        self.sqs = cloud.boto3.client(
            "sqs", endpoint_url=self.moto.url, region_name=cloud.REGION,
            aws_access_key_id=aws_harness.ACCESS_KEY, aws_secret_access_key=aws_harness.SECRET_KEY)

    def prepare(self):
        """What is to be done before the server starts."""


class StormSite(Site):
    """Two hosts, each of which does everything; the small Slack knows the first."""

    def __init__(self, weather, **queue):
        super().__init__(weather)
        self.given.aws_id = aws_harness.ACCESS_KEY
        self.given.aws_secret = aws_harness.SECRET_KEY
        self.box = weather.moto
        self.leaks = []
        self.clean = []
        self.host("one", "intake,scan,act", **queue)
        self.host("two", "scan,act", **queue)

    def queue(self, name):
        """The stand-in's account is another one than moto's."""
        queue = super().queue(name)
        queue.url = self.box.queue_url(queue.name)
        return queue

    def start(self):
        for host in self.hosts:
            host.begin()
        for host in self.hosts:
            poll("200 from /readyz", lambda host=host: host.look_ready("/readyz"))

    def talk(self, leaks, clean=1):
        for _ in range(leaks):
            self.leaks.append(self.post(CARD % len(self.leaks)))
        for _ in range(clean):
            self.clean.append(self.post(CLEAN % len(self.clean)))

    def await_end(self):
        """Everything that was said has come to its end, in the books, in Slack and in SQS."""
        total = len(self.leaks) + len(self.clean)
        poll("all events accepted and none in flight", self.look_ended(total))
        poll("SQS to be empty", self.look_empty)

    def look_ended(self, total):
        def look():
            ledger, _ = self.hosts[0].queues()
            received = self.sql("SELECT coalesce(sum(number), 0) FROM"
                                " (SELECT * FROM ledger UNION ALL SELECT * FROM tally) AS a"
                                " WHERE what = 0 AND queue = 'scan'").strip()
            return ledger["in_flight"] == 0 and int(received) >= total, (ledger, received)

        return look

    def look_empty(self):
        left = {queue["name"]: queue["left"] for queue in self.box.audit()["queues"]
                if queue["name"].startswith(self.prefix) and queue["left"] and
                not queue["name"].endswith("-dead")}
        return not left, left

    def deleted(self):
        return sum(1 for leak in self.leaks if self.shown(leak) == "deleted")

    def judge_messages(self, case):
        """Each leak is deleted and all else stands.  Gives what Slack was asked for."""
        state = self.sim.state(messages=100000, calls=1000000, deliveries=0)
        shown = {(channel["id"], message["ts"]): message["state"] for channel in state["channels"]
                 for message in channel["messages"]}
        for wanted, messages in (("deleted", self.leaks), ("live", self.clean)):
            for message in messages:
                case.assertEqual(shown[message["channel"], message["ts"]], wanted, message)
        return state["calls"]


class StormCase(Case):
    seed = "7"

    @classmethod
    def setUpClass(cls):
        cls.cloud = StormCloud("--seed", cls.seed)
        cls.addClassCleanup(cls.cloud.close)


__all__ = ["Box", "StormCase", "StormCloud", "StormSite", "harness"]
