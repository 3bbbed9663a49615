#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The queues themselves: made as they should be, missed, and made otherwise than they should be."""
import json
import unittest

from case import Case

QUEUES = ("scan", "act-block", "act-log")
LONG = "all work and no play " * 1000
FORTNIGHT_S = 14 * 24 * 3600


class Queues(Case):
    def make(self, site, queue, **attributes):
        """As somebody makes them who has read what they should be like; ATTRIBUTES say otherwise."""
        dead = site.queue(queue + "-dead")
        dead.create(MessageRetentionPeriod=str(FORTNIGHT_S))
        policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": "100"}
        given = {"MessageRetentionPeriod": str(FORTNIGHT_S), "VisibilityTimeout": "30",
                 "RedrivePolicy": json.dumps(policy), **attributes}
        site.queue(queue).create(**{name: text for name, text in given.items() if text})

    def test_they_are_made_with_their_settings(self):
        with self.site() as site:
            host = site.host(visibility="77s", receives="7")
            host.start()
            host.await_polls(3)
            for name in QUEUES:
                found = site.queue(name).attributes()
                dead = site.queue(name + "-dead")
                self.assertEqual(found["VisibilityTimeout"], "77")
                self.assertEqual(found["MessageRetentionPeriod"], str(FORTNIGHT_S))
                self.assertEqual(json.loads(found["RedrivePolicy"]), {
                    "deadLetterTargetArn": dead.arn, "maxReceiveCount": 17})
                self.assertEqual(dead.attributes()["MessageRetentionPeriod"], str(FORTNIGHT_S))
                self.assertNotIn("RedrivePolicy", dead.attributes())
            self.assertEqual(host.logged("queue.setting"), [])
            self.assertEqual(sorted(line["queue"] for line in host.logged("queue.created")), sorted(
                site.prefix + name + end for name in QUEUES for end in ("", "-dead")))

    def test_those_that_are_there_are_left_as_they_are(self):
        with self.site() as site:
            self.make(site, "scan", VisibilityTimeout="11")
            before = site.queue("scan").attributes()
            host = site.host()
            host.start()
            host.await_polls(3)
            self.assertEqual(site.queue("scan").attributes(), before)
            self.assertEqual(host.logged("queue.created", queue=site.prefix + "scan"), [])

    def test_without_them_it_says_so_and_goes_on_when_somebody_makes_them(self):
        with self.site() as site:
            site.explain("queue.missing")
            site.explain("health.bad")
            host = site.host(create="false")
            host.start(path="/livez")
            host.await_log("queue.missing", 3)
            for name in QUEUES:
                self.assertEqual(
                    [line["error"] for line in
                     host.logged("queue.missing", queue=site.prefix + name)],
                    ["there is no queue %s%s-dead in eu-west-1; create it, or set queue.create = true"
                     % (site.prefix, name)])
            host.await_readiness(503, "there is no queue " + site.prefix, "queue.create = true")
            leak = site.post("my card 4716301661318609")
            site.await_ledger(accepted=1, in_flight=1)
            self.assertFalse(site.queue("scan").exists())

            for name in QUEUES:
                self.make(site, name)
            site.await_shown(leak, "deleted")
            host.await_health()
            host.await_log("queue.ready", 3)
            site.await_ledger(in_flight=0, dead=0)
            self.assertEqual(len(host.logged("queue.missing")), 3, "said more than once")

    def test_the_work_queue_alone_is_missed_too(self):
        with self.site() as site:
            site.explain("queue.missing")
            site.explain("health.bad")
            host = site.host(create="false")
            for name in QUEUES:
                site.queue(name + "-dead").create(MessageRetentionPeriod=str(FORTNIGHT_S))
            host.start(path="/livez")
            host.await_readiness(503, "there is no queue " + site.prefix, "in eu-west-1")
            self.assertNotIn("-dead", host.readiness()[1])

    def test_each_setting_that_is_wrong_has_its_sentence(self):
        wrong = (
            ({"MessageRetentionPeriod": "600"}, "it keeps messages for 600 s only; set at least a day"),
            ({"RedrivePolicy": None}, "it has no redrive policy; give it one with the target %s-dead"),
            ({"RedrivePolicy": 20}, "its maxReceiveCount is 20 and queue.receives is 20; must be greater"),
            ({"MaximumMessageSize": "4096"}, "its messages may have 4096 bytes; set "),
            ({"VisibilityTimeout": "300"},
             "its visibility timeout is 300 s and queue.visibility is 30 s"),
        )
        with self.site() as site:
            host = site.host()
            actions = ["act%d" % number for number in range(len(wrong))]
            for action, (attributes, _) in zip(actions, wrong):
                given = dict(attributes)
                if given.get("RedrivePolicy"):
                    given["RedrivePolicy"] = json.dumps({
                        "deadLetterTargetArn": site.queue("act-" + action + "-dead").arn,
                        "maxReceiveCount": given["RedrivePolicy"]})
                self.make(site, "act-" + action, **given)
                host.settings.add_action(action, "log")
            self.make(site, "scan")
            site.queue("act-block-dead").create(MessageRetentionPeriod="3600")
            host.start()
            host.await_polls(2)
            for action, (_, sentence) in zip(actions, wrong):
                name = site.queue("act-" + action).name
                said = [line["what"] for line in host.await_log("queue.setting", queue=name)]
                self.assertEqual(len(said), 1, said)
                self.assertTrue(said[0].startswith(sentence.replace("%s", name)), said)
            said = host.await_log("queue.setting", queue=site.queue("act-block-dead").name)
            self.assertIn("it keeps dead letters for 3600 s only; set 1209600", said[0]["what"])
            self.assertEqual(host.logged("queue.setting", queue=site.queue("scan").name), [])
            self.assertEqual(host.readiness()[0], 200, "what is odd is no reason to stop")

    def test_bodies_of_more_than_inline_stay_in_the_store(self):
        with self.site() as site:
            self.make(site, "scan", MaximumMessageSize="4096")
            site.host(inline="0").start()
            site.await_shown(site.post("my card 4716301661318609 " + LONG), "deleted")
            site.await_ledger(in_flight=0, dead=0)

    def test_a_message_that_is_too_large_for_its_queue_is_said_and_comes_without_its_body(self):
        with self.site() as site:
            site.explain("queue.refused", error="InvalidParameterValue")
            self.make(site, "scan", MaximumMessageSize="6000")
            host = site.host()
            host.start()
            posted = [site.post("my card 4716301661318609 " + text)
                      for text in ("", LONG, "or so", LONG, "not")]
            for leak in posted:
                site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0, dead=0)
            self.assertEqual(len(host.logged("queue.refused")), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
