#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may call SQS: moto looks at signatures and permissions here, as AWS does."""
import json
import unittest

from case import Case
from hosts import Given

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
SQS = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}


def deny(*actions):
    return {"Effect": "Deny", "Action": list(actions), "Resource": "*"}


class Access(Case):
    open_calls = 4  # those that make the administrator, and the one that wakes SQS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.iam = cls.cloud.moto.client("iam")
        key = cls.make_user("administrator", EVERYTHING)
        cls.iam, cls.cloud.sqs = (cls.cloud.moto.client(service, *key) for service in ("iam", "sqs"))

    @classmethod
    def make_user(cls, name, *statements):
        """(key id, secret)"""
        cls.iam.create_user(UserName=name)
        key = cls.iam.create_access_key(UserName=name)["AccessKey"]
        cls.permit(name, *statements)
        return key["AccessKeyId"], key["SecretAccessKey"]

    @classmethod
    def permit(cls, name, *statements):
        cls.iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": list(statements)}))

    def given(self, name):
        given = Given()
        given.aws_id, given.aws_secret = self.make_user(name, SQS)
        return given

    def test_the_right_key_is_accepted(self):
        with self.site(self.given("right")) as site:
            site.host().start()
            site.await_shown(site.post("my card 4716301661318609"), "deleted")
            site.await_ledger(in_flight=0, dead=0)

    def test_a_wrong_secret_is_said_and_what_comes_in_waits_for_the_right_one(self):
        with self.site(self.given("wrong")) as site:
            host = site.host()
            right, site.given.aws_secret = site.given.aws_secret, "wrong-" + site.given.aws_secret
            site.explain("queue.missing")
            site.explain("health.bad")
            host.start(path="/livez")
            host.await_readiness(503, "InvalidSignatureException")
            self.assertIn("InvalidSignatureException", host.await_log("queue.missing", count=3)[0]["error"])
            host.await_log("health.bad")
            leak = site.post("my card 4716301661318609")
            site.await_ledger(accepted=1, in_flight=1)
            self.assertEqual((host.readiness()[0], site.shown(leak)), (503, "live"))
            self.assertFalse(site.queue("scan").exists())

            self.assertEqual(host.stop(), 0)
            self.assertEqual(host.logged("drain.release"), [], "it waited for what cannot be sent")
            site.given.aws_secret = right
            host.start()
            site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0, dead=0)

    def test_a_key_that_is_taken_away_is_said_and_a_new_one_goes_on(self):
        with self.site(self.given("taken")) as site:
            host = site.host()
            site.explain("queue.missing")
            site.explain("health.bad")
            host.start()
            host.await_polls(3)
            self.iam.delete_access_key(UserName="taken", AccessKeyId=site.given.aws_id)
            host.await_readiness(200, "ready; but", "UnrecognizedClientException")
            leak = site.post("my card 4716301661318609")
            site.await_ledger(accepted=1, in_flight=1)
            self.assertEqual(host.stop(), 0)

            key = self.iam.create_access_key(UserName="taken")["AccessKey"]
            site.given.aws_id, site.given.aws_secret = key["AccessKeyId"], key["SecretAccessKey"]
            host.settings.change("queue.access_key_id", site.given.aws_id)
            host.start()
            site.await_shown(leak, "deleted")
            site.await_ledger(in_flight=0, dead=0)

    def test_a_permission_that_is_missing_is_said_and_heals_by_itself(self):
        for action in ("SendMessage", "ReceiveMessage"):
            name = "without-" + action
            with self.subTest(action), self.site(self.given(name)) as site:
                self.permit(name, SQS, deny("sqs:" + action + "*"))
                host = site.host()
                site.explain("queue.missing")
                site.explain("health.bad")
                host.start()
                leak = site.post("my card 4716301661318609")
                # The queues are there: what comes is kept until they can be used.
                host.await_readiness(200, "ready; but", "AccessDeniedException", action,
                                     site.prefix)
                site.await_ledger(accepted=1, in_flight=1)
                self.permit(name, SQS)
                site.await_shown(leak, "deleted")
                host.await_health()
                site.await_ledger(in_flight=0, dead=0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
