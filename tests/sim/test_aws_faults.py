#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does each fault happen as it was told, to whom it was told, and to nobody else?"""
import http.client
import json
import socket
import unittest
import unittest.mock

from aws_harness import Cloud, CloudCase, Signer, b64, md5


class FaultCase(CloudCase):
    def setUp(self):
        super().setUp()
        self.cloud.make("q")

    def send(self, body="m"):
        return self.cloud.try_sqs("SendMessage", "q", MessageBody=body)

    def send_batch(self, *ids):
        return self.cloud.sqs("SendMessageBatch", "q", Entries=[
            {"Id": name, "MessageBody": "body of " + name} for name in ids])

    def delete_batch(self, messages):
        return self.cloud.sqs("DeleteMessageBatch", "q", Entries=[
            {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)])

    def sent(self):
        return self.cloud.queue_audit("q")["sent"]

    def acknowledged(self):
        return self.cloud.queue_audit("q")["acknowledged"]

    def broken_send(self):
        with self.assertRaises((ConnectionResetError, http.client.IncompleteRead)):
            self.send()


class WholeRequests(FaultCase):
    def test_a_status_comes_before_or_after_the_effect(self):
        for after in (False, True):
            for status in (500, 502, 503, 504):
                before = self.sent()
                self.cloud.fault("http", status=status, count=1, action="SendMessage", after=after)
                self.assertEqual(self.send().status, status)
                self.assertEqual(self.sent() - before, int(after))
        self.assertEqual(self.acknowledged(), 0, "nobody was told that it was taken")
        self.assertEqual(self.send().status, 200)
        self.assertEqual(self.acknowledged(), 1)

    def test_a_proxy_in_between_does_not_speak_json(self):
        self.cloud.fault("http", status=502, count=1)
        answer = self.send()
        self.assertIsNone(answer.body)
        self.cloud.fault("http", status=500, count=1)
        answer = self.send()
        self.assertEqual(answer.code, "InternalFailure")
        self.assertEqual(answer.headers["x-amzn-query-error"], "InternalFailure;Receiver")

    def test_throttling_is_said_in_each_service_s_words(self):
        self.cloud.kinesis("CreateStream", StreamName="s", ShardCount=1)
        self.cloud.fault("throttle", retry_after=2)
        answer = self.send()
        self.assert_refused(answer, "ThrottlingException")
        self.assertEqual(answer.headers["Retry-After"], "2")
        answer = self.cloud.try_kinesis("PutRecord", StreamName="s", Data=b64("x"),
                                        PartitionKey="k")
        self.assert_refused(answer, "ProvisionedThroughputExceededException")
        self.cloud.tell("fault", verb="DELETE")
        self.cloud.fault("throttle", code="RequestThrottled")
        self.assert_refused(self.send(), "RequestThrottled", 403)

    def test_any_error_can_be_answered(self):
        for kind, code, status in (("denied", "AccessDeniedException", 403),
                                   ("gone", "QueueDoesNotExist", 400),
                                   ("over_limit", "OverLimit", 403),
                                   ("expired", "ExpiredTokenException", 403)):
            self.cloud.fault(kind, count=1)
            self.assert_refused(self.send(), code, status)
        self.cloud.fault("error", code="KmsThrottled", status=418, message="words", count=1)
        answer = self.send()
        self.assert_refused(answer, "KmsThrottled", 418)
        self.assertEqual(answer.body["message"], "words")
        self.assertEqual(self.sent(), 0)

    def test_for_a_while_means_until_then(self):
        self.cloud.fault("denied", for_ms=60000)
        self.assert_refused(self.send(), "AccessDeniedException", 403)
        self.cloud.advance(61)
        self.assertEqual(self.send().status, 200)
        self.assertEqual(self.cloud.get("fault")["faults"], [])

    def test_a_reset_comes_before_or_after_the_effect(self):
        self.cloud.fault("reset", count=1, action="SendMessage")
        self.broken_send()
        self.assertEqual(self.sent(), 0)
        self.cloud.fault("reset", count=1, action="SendMessage", after=True)
        self.broken_send()
        self.assertEqual((self.sent(), self.acknowledged()), (1, 0))

    def test_a_reset_receive_has_taken_the_messages(self):
        self.send()
        self.cloud.fault("reset", action="ReceiveMessage", after=True, count=1)
        with self.assertRaises(ConnectionResetError):
            self.cloud.receive("q")
        self.assertEqual(self.cloud.receive("q"), [])
        self.cloud.advance(31)
        [got] = self.cloud.receive("q", AttributeNames=["ApproximateReceiveCount"])
        self.assertEqual(got["Attributes"]["ApproximateReceiveCount"], "2")

    def test_an_answer_breaks_off_in_the_middle(self):
        self.cloud.fault("truncate", count=1, action="SendMessage")
        self.broken_send()
        self.assertEqual((self.sent(), self.acknowledged()), (1, 0))

    def test_an_answer_is_whole_for_http_and_not_for_json(self):
        for kind in ("cut", "garbage"):
            self.cloud.fault(kind, count=1, action="SendMessage")
            answer = self.send()
            self.assertEqual((answer.status, answer.body), (200, None))
        self.assertEqual((self.sent(), self.acknowledged()), (2, 0))

    def stalled(self, **fault):
        """Sends a message that the fault keeps; its connection, on which no answer has come yet."""
        self.cloud.fault(action="SendMessage", count=1, **fault)
        headers, data = self.cloud.prepare("sqs", "SendMessage", {
            "QueueUrl": self.cloud.queue_url("q"), "MessageBody": "m"})
        connection = self.cloud.connect()
        connection.request("POST", "/", data, headers)
        self.assertTrue(self.cloud.get("wait", held=1)["ok"])
        return connection

    def test_a_stalled_request_is_never_answered(self):
        for after in (False, True):
            connection = self.stalled(kind="stall", after=after)
            connection.sock.settimeout(0.5)
            with self.assertRaises(socket.timeout):
                connection.getresponse()
            connection.close()
            self.assertEqual(self.sent(), int(after))
            self.assertEqual(self.cloud.tell("release")["released"], 1)
        self.assertEqual(self.acknowledged(), 0)

    def test_a_stalled_request_breaks_after_its_time(self):
        connection = self.stalled(kind="stall", ms=100)
        with self.assertRaises(ConnectionResetError):
            connection.getresponse()
        connection.close()

    def test_half_an_answer_and_then_nothing(self):
        connection = self.stalled(kind="half")
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        connection.sock.settimeout(0.5)
        with self.assertRaises(socket.timeout):
            response.read()
        connection.close()
        self.assertEqual((self.sent(), self.acknowledged()), (1, 0))

    def test_a_slow_request_takes_effect_late_or_is_answered_late(self):
        for after in (False, True):
            before = self.sent()
            connection = self.stalled(kind="slow", ms=3600000, after=after)
            self.assertEqual(self.sent() - before, int(after))
            self.cloud.tell("release")
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            self.assertEqual(self.sent() - before, 1)
        self.assertEqual(self.acknowledged(), 2)

    def test_what_is_dropped_while_it_is_slow_never_takes_effect(self):
        connection = self.stalled(kind="slow", ms=3600000)
        self.cloud.tell("release", drop=True)
        with self.assertRaises(ConnectionResetError):
            connection.getresponse()
        connection.close()
        self.assertEqual(self.sent(), 0)

    def test_lists_come_shuffled_with_strangers_and_without_the_empty_ones(self):
        self.cloud.fault("shuffle")
        ids = [str(i) for i in range(10)]
        answers = [self.send_batch(*ids) for _ in range(3)]
        orders = [[e["Id"] for e in answer["Successful"]] for answer in answers]
        self.assertEqual([sorted(order) for order in orders], [ids] * 3)
        self.assertNotEqual(orders, [ids] * 3)
        for answer in answers:
            self.assertNotIn("Failed", answer)
            self.assertIn("X-New-Member", answer)
            self.assertIn("X-New-Member", answer["Successful"][0])
        for entry in answers[0]["Successful"]:
            self.assertEqual(entry["MD5OfMessageBody"], md5("body of " + entry["Id"]))

    def test_a_queue_that_is_deleted_and_made_again_goes_on(self):
        self.cloud.tell("config", deleted_ms=0)
        self.cloud.sqs("DeleteQueue", "q")
        self.assert_refused(self.send(), "QueueDoesNotExist")
        self.cloud.make("q")
        self.assertEqual(self.send().status, 200)

    def test_nobody_listens_for_a_while(self):
        kept = self.cloud.connect()
        kept.connect()
        self.cloud.tell("down", ms=500)
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            for _ in range(1000000):  # until the listener is gone: the answer came before
                self.cloud.post(*self.cloud.prepare("sqs", "ListQueues", {}), connection=kept)
        kept.close()
        self.cloud.reach()
        self.assertEqual(self.send().status, 200)


class Entries(FaultCase):
    def test_some_entries_of_a_send_fail(self):
        self.cloud.fault("partial", action="SendMessageBatch", count=2, skip=1)
        answer = self.send_batch("a", "b", "c", "d")
        self.assertEqual([e["Id"] for e in answer["Successful"]], ["a", "d"])
        self.assertEqual([(e["Id"], e["SenderFault"], e["Code"]) for e in answer["Failed"]],
                         [("b", False, "InternalError"), ("c", False, "InternalError")])
        self.assertEqual(self.sent(), 2)

    def test_an_entry_may_fail_by_the_sender_s_fault_or_after_the_effect(self):
        self.cloud.fault("partial", action="SendMessageBatch", count=1, sender_fault=True,
                         code="InvalidMessageContents")
        [failed] = self.send_batch("a")["Failed"]
        self.assertEqual((failed["SenderFault"], failed["Code"]), (True, "InvalidMessageContents"))
        self.cloud.fault("partial", action="SendMessageBatch", count=1, after=True)
        self.assertEqual(len(self.send_batch("a")["Failed"]), 1)
        self.assertEqual((self.sent(), self.acknowledged()), (1, 0))

    def test_an_entry_may_be_in_neither_list(self):
        self.cloud.fault("omit", count=1)
        answer = self.send_batch("a", "b")
        self.assertEqual(([e["Id"] for e in answer["Successful"]], answer["Failed"]), (["b"], []))
        self.assertEqual(self.sent(), 1)

    def test_some_deletes_of_a_batch_fail_and_their_messages_come_again(self):
        self.send_batch("a", "b", "c")
        self.cloud.fault("partial", action="DeleteMessageBatch", count=1)
        answer = self.delete_batch(self.cloud.receive("q"))
        self.assertEqual([e["Id"] for e in answer["Failed"]], ["0"])
        self.cloud.advance(31)
        self.assertEqual([m["Body"] for m in self.cloud.receive("q")], ["body of a"])

    def test_a_heartbeat_fails(self):
        self.send()
        [got] = self.cloud.receive("q")
        self.cloud.fault("partial", action="ChangeMessageVisibilityBatch", count=1)
        answer = self.cloud.sqs("ChangeMessageVisibilityBatch", "q", Entries=[
            {"Id": "a", "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 3600}])
        self.assertEqual(len(answer["Failed"]), 1)
        self.cloud.advance(31)
        self.assertEqual(len(self.cloud.receive("q")), 1)

    def test_two_get_the_same_message_at_once_and_both_receipts_count(self):
        self.send()
        self.cloud.fault("duplicate", count=1)
        [one] = self.cloud.receive("q")
        [two] = self.cloud.receive("q")
        self.assertEqual(one["MessageId"], two["MessageId"])
        self.assertEqual(self.cloud.receive("q"), [])
        for got in (one, two):
            self.cloud.sqs("DeleteMessage", "q", ReceiptHandle=got["ReceiptHandle"])
        audit = self.cloud.queue_audit("q")
        self.assertEqual((audit["deliveries"], audit["deleted"], audit["left"]), (2, 1, 0))

    def test_one_receive_does_not_get_both_of_a_duplicate(self):
        self.send_batch("a", "b")
        self.cloud.fault("duplicate")
        self.assertEqual(len({m["MessageId"] for m in self.cloud.receive("q")}), 2)

    def test_a_deleted_message_comes_once_more(self):
        self.send()
        [got] = self.cloud.receive("q")
        self.cloud.fault("undead", count=1, ms=5000)
        self.cloud.sqs("DeleteMessage", "q", ReceiptHandle=got["ReceiptHandle"])
        self.assertEqual(self.cloud.queue_audit("q")["deleted"], 1)
        self.assertEqual(self.cloud.receive("q"), [])
        self.cloud.advance(6)
        [ghost] = self.cloud.receive("q")
        self.assertEqual(ghost["MessageId"], got["MessageId"])
        self.assertEqual(self.cloud.queue_audit("q")["now"]["ghosts"], 1)
        self.cloud.sqs("DeleteMessage", "q", ReceiptHandle=ghost["ReceiptHandle"])
        audit = self.cloud.queue_audit("q")
        self.assertEqual((audit["deleted"], audit["left"], audit["now"]["ghosts"]), (1, 0, 0))

    def test_a_lease_is_lost_though_it_is_in_time(self):
        self.send()
        [got] = self.cloud.receive("q")
        self.cloud.fault("lease", count=2)
        for action, more in (("DeleteMessage", {}),
                             ("ChangeMessageVisibility", {"VisibilityTimeout": 1})):
            answer = self.cloud.try_sqs(action, "q", ReceiptHandle=got["ReceiptHandle"], **more)
            self.assert_refused(answer, "ReceiptHandleIsInvalid")
        self.cloud.sqs("DeleteMessage", "q", ReceiptHandle=got["ReceiptHandle"])

    def test_a_lease_ends_early(self):
        self.send()
        self.cloud.fault("early", count=1, ms=2000)
        self.cloud.receive("q", VisibilityTimeout=3600)
        self.cloud.advance(3)
        self.assertEqual(len(self.cloud.receive("q")), 1)

    def test_a_digest_is_wrong(self):
        self.cloud.fault("md5", count=1, action="SendMessageBatch")
        sent = self.send_batch("a", "b")["Successful"]
        self.assertEqual([e["MD5OfMessageBody"] == md5("body of " + e["Id"]) for e in sent],
                         [False, True])
        self.cloud.fault("md5", count=1, action="ReceiveMessage")
        got = self.cloud.receive("q")
        self.assertEqual([m["MD5OfBody"] == md5(m["Body"]) for m in got], [False, True])

    def test_a_message_is_lost_though_it_was_acknowledged(self):
        self.cloud.fault("lost", count=1)
        self.assertEqual(self.send().status, 200)
        self.assertEqual(self.cloud.receive("q"), [])
        audit = self.cloud.queue_audit("q")
        self.assertEqual((audit["acknowledged"], audit["lost"], audit["left"]), (1, 1, 0))

    def test_a_receive_finds_nothing_though_there_is_something(self):
        self.send()
        self.cloud.fault("empty", count=1)
        self.assertEqual(self.cloud.sqs("ReceiveMessage", "q", WaitTimeSeconds=20), {})
        self.assertEqual(len(self.cloud.receive("q")), 1)

    def test_messages_come_in_another_order(self):
        self.send_batch("a", "b", "c")
        self.cloud.fault("disorder")
        self.assertEqual([m["Body"][-1] for m in self.cloud.receive("q")], ["c", "b", "a"])


class Endings(FaultCase):
    """Whatever is open when the ground moves under it ends in order."""

    def open_calls(self):
        """A long poll, a stalled call and one that is slow; their connections."""
        self.cloud.fault("stall", action="ListQueues", ms=3600000)
        self.cloud.fault("slow", action="GetQueueUrl", ms=3600000)
        connections = []
        for action, body in (("ReceiveMessage", {"QueueUrl": self.cloud.queue_url("q"),
                                                 "WaitTimeSeconds": 20}),
                             ("ListQueues", {}), ("GetQueueUrl", {"QueueName": "q"})):
            connections.append(self.cloud.connect())
            headers, data = self.cloud.prepare("sqs", action, body)
            connections[-1].request("POST", "/", data, headers)
            self.addCleanup(connections[-1].close)
        self.assertTrue(self.cloud.get("wait", queue="q", polls=1)["ok"])
        self.assertTrue(self.cloud.get("wait", held=2)["ok"])
        return connections

    def assert_ended(self, connections):
        for connection in connections:
            with self.assertRaises((ConnectionError, http.client.HTTPException)):
                connection.getresponse().read()

    def test_a_reset_ends_what_is_open(self):
        poll, *others = self.open_calls()
        self.cloud.tell("reset")
        self.assertEqual(poll.getresponse().status, 400, "its queue is gone")
        self.assert_ended(others)

    def test_going_down_breaks_what_is_open(self):
        connections = self.open_calls()
        self.cloud.tell("down", ms=1)
        self.assert_ended(connections)
        self.cloud.reach()

    def test_the_end_of_the_program_breaks_what_is_open(self):
        own = Cloud("--queue", "q")
        with self.swapped(own):
            self.open_calls()
        code, text = own.stop()
        self.assertEqual((code, "ERROR" in text), (0, False), text)

    def swapped(self, cloud):
        return unittest.mock.patch.object(self, "cloud", cloud)


class Rules(FaultCase):
    def test_a_rule_hits_only_its_action_its_queue_and_its_count(self):
        self.cloud.make("other")
        self.cloud.fault("denied", action="SendMessage,ReceiveMessage", on="q", count=2, skip=1)
        self.assertEqual(self.cloud.try_sqs("SendMessage", "other", MessageBody="m").status, 200)
        self.assertEqual(self.cloud.try_sqs("PurgeQueue", "q").status, 200)
        statuses = [self.send().status for _ in range(4)]
        self.assertEqual(statuses, [200, 403, 403, 200])
        self.assertEqual(self.cloud.get("fault")["hits"], {"denied": 2})

    def outcomes(self, seed):
        cloud = Cloud("--seed", seed, "--queue", "q", "--fault",
                      "throttle,p=0.3,action=SendMessage+ReceiveMessage")
        try:
            return [cloud.try_sqs("SendMessage", "q", MessageBody="m").status
                    for _ in range(200)]
        finally:
            code, text = cloud.stop()
            self.assertEqual(code, 0)
            self.assertIn("seed:       " + seed, text)

    def test_a_probability_is_about_kept_and_a_seed_repeats_itself(self):
        first = self.outcomes("11")
        self.assertEqual(first, self.outcomes("11"))
        self.assertNotEqual(first, self.outcomes("12"))
        self.assertTrue(30 <= first.count(400) <= 90, first.count(400))
        self.assertEqual(first.count(400) + first.count(200), 200)

    def test_p_of_zero_never_hits(self):
        self.cloud.fault("denied", p=0)
        self.assertEqual({self.send().status for _ in range(50)}, {200})

    def test_what_is_no_fault_is_refused_with_a_reason(self):
        for args, word in (({"kind": "nothing"}, "kind"), ({"kind": "http", "p": 1.1}, "p is"),
                           ({"kind": "http", "p": "x"}, "p is"),
                           ({"kind": "http", "action": "Nothing"}, "action"),
                           ({"kind": "duplicate", "action": "SendMessage"}, "cannot happen"),
                           ({"kind": "http", "status": 600}, "status"),
                           ({"kind": "stall", "ms": 3600001}, "ms"),
                           ({"kind": "http", "count": 0}, "count"),
                           ({"kind": "error"}, "code"), ({"kind": "error", "code": '"'}, "code"),
                           ({"kind": "http", "propability": 1}, "propability"),
                           ({"kind": "http", "spelling": "x"}, "spelling")):
            status, answer = self.cloud.control("POST", "fault", args)
            self.assertEqual(status, 400, args)
            self.assertIn(word, answer["error"])

    def test_there_is_room_for_so_many_rules_and_one_can_be_taken_away(self):
        numbers = [self.cloud.fault("http", p=0) for _ in range(256)]
        self.cloud.tell("fault", 400, kind="http")
        self.assertEqual(self.cloud.tell("fault", verb="DELETE", number=numbers[3])["removed"], 1)
        self.cloud.fault("denied", count=1)
        self.assert_refused(self.send(), "AccessDeniedException", 403)
        self.assertEqual(self.cloud.tell("fault", verb="DELETE")["removed"], 255)

    def test_errors_can_be_spelled_in_every_way_that_was_seen(self):
        seen = {"usual": {"__type": "com.amazonaws.sqs#OverLimit", "message": "m"},
                "short": {"__type": "OverLimit", "message": "m"},
                "capital": {"__type": "com.amazonaws.sqs#OverLimit", "Message": "m"},
                "newer": {"__type": "OverLimit", "ErrorMessage": "m"},
                "older": {"ErrorCode": "OverLimit", "ErrorMessage": "m"}}
        for spelling, body in seen.items():
            self.cloud.fault("over_limit", message="m", spelling=spelling, count=1)
            self.assertEqual(self.send().body, body)

    def test_only_this_machine_s_own_pages_may_control_it(self):
        connection = self.cloud.connect()
        connection.request("POST", "/_sim/aws/reset", "{}", {"Origin": "http://elsewhere"})
        self.assertEqual(connection.getresponse().status, 403)
        connection.close()
        connection = self.cloud.connect()
        connection.request("POST", "/_sim/aws/reset", "{}", {"Host": "elsewhere"})
        self.assertEqual(connection.getresponse().status, 403)
        connection.close()

    def test_no_fault_hits_who_is_not_let_in(self):
        self.cloud.fault("throttle", count=1)
        answer = self.cloud.ask("sqs", "ListQueues", {}, Signer(secret_key="wrong"))
        self.assert_refused(answer, "InvalidSignatureException", 403)
        self.assert_refused(self.send(), "ThrottlingException")

    def test_a_fault_of_json_itself_is_told(self):
        connection = self.cloud.connect()
        for body in ("{", "[]", json.dumps({"kind": 1})):
            connection.request("POST", "/_sim/aws/fault", body)
            response = connection.getresponse()
            self.assertEqual((response.status, json.loads(response.read())["ok"]), (400, False))
        connection.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
