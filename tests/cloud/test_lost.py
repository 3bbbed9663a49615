#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of messages when SQS loses them, and when it is away."""
import unittest

from case import Case

from harness import poll

TEXT = "my card 4716301661318609"
VISIBILITY = "3s"  # twice that, and up to half a minute more, until what is lost is missed


class Lost(Case):
    def wait_in_sqs(self, site, count=5):
        """A host that takes no more than it is given, and messages that wait there."""
        host = site.host(stages="intake", visibility=VISIBILITY)
        host.start()
        leaks = [site.post("%s, number %d" % (TEXT, number)) for number in range(count)]
        site.queue("scan").await_count(count)
        return host, leaks

    def all_comes_to_its_end(self, site, leaks):
        for leak in leaks:
            site.await_shown(leak, "deleted")
        ledger = site.await_ledger(in_flight=0, dead=0)
        self.assertEqual(ledger["imbalance"], 0)
        self.assertEqual(site.calls("chat.delete"), len(leaks))

    def test_what_a_purge_has_taken_is_sent_again(self):
        with self.site() as site:
            host, leaks = self.wait_in_sqs(site)
            site.queue("scan").purge()
            self.assertEqual(host.stop(), 0)
            host.stages = []
            host.start()
            self.all_comes_to_its_end(site, leaks)
            host.await_log("queue.sent_again", why="missed")

    def test_a_queue_that_is_deleted_is_made_again_with_all_that_was_in_it(self):
        with self.site() as site:
            host, leaks = self.wait_in_sqs(site)
            self.assertEqual(host.stop(), 0)
            host.stages = []
            host.start()
            for leak in leaks:
                site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0)
            host.await_polls(3)
            site.queue("scan").delete()
            site.queue("scan-dead").delete()
            leaks.append(site.post(TEXT + " after it was deleted"))
            self.all_comes_to_its_end(site, leaks)
            for name in ("scan", "scan-dead"):
                self.assertTrue(site.queue(name).exists())
                host.await_log("queue.created", queue=site.prefix + name)

    def test_a_queue_that_is_deleted_while_messages_wait_loses_none(self):
        with self.site() as site:
            host, leaks = self.wait_in_sqs(site)
            site.queue("scan").delete()
            self.assertEqual(host.stop(), 0)
            host.stages = []
            host.start()
            self.all_comes_to_its_end(site, leaks)
            host.await_health()


class Away(Case):
    def test_a_service_that_does_not_answer_is_said_and_nothing_is_lost(self):
        with self.site() as site:
            site.explain("queue.missing")
            site.explain("health.bad")
            host = site.host(visibility=VISIBILITY)
            host.start()
            host.await_polls(3)
            worker = site.host("worker", "scan", visibility=VISIBILITY)
            worker.start()
            self.cloud.moto.kill()
            leaks = [site.post("%s, number %d" % (TEXT, number)) for number in range(5)]
            worker.await_readiness(503, "cannot be used")
            host.await_readiness(200, "ready; but", "cannot be used")  # it takes what comes
            site.await_ledger(accepted=5, in_flight=5)
            self.cloud.moto.begin()  # which has forgotten everything, queues and all
            for leak in leaks:
                site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0, dead=0)
            worker.await_health()

    def test_a_database_that_crashes_is_said_and_what_was_accepted_goes_on_when_it_is_back(self):
        with self.site() as site:
            host = site.host(stages="intake", visibility=VISIBILITY)
            host.start()
            leaks = [site.post("%s, number %d" % (TEXT, number)) for number in range(30)]
            site.queue("scan").await_count(len(leaks))
            self.assertEqual(host.stop(), 0)
            host.stages = []
            host.start()
            site.await_shown(leaks[0], "deleted")
            site.explain_everything()
            self.cloud.postgres.kill()
            host.await_readiness(503, "PostgreSQL")
            self.cloud.postgres.start()
            host.await_health()
            for leak in leaks:
                site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0, dead=0)

    def test_a_host_that_is_killed_leaves_nothing_behind(self):
        with self.site() as site:
            host = site.host(visibility=VISIBILITY)
            host.start()
            host.await_polls(3)
            site.sim.tell("fault", method="chat.delete", kind="hold", count=5)
            leaks = [site.post("%s, number %d" % (TEXT, number)) for number in range(5)]
            poll("5 calls that hang", lambda: ((seen := site.sim.brief()["held"]) == 5, seen))
            host.kill()
            site.sim.tell("release", drop=True)
            host.start()
            for leak in leaks:
                site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0, dead=0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
