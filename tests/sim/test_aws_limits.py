#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is each limit of SQS where it should be: the last that passes, the first that does not?"""
import json
import unittest

from aws_harness import CloudCase, b64

MEGABYTE = 1048576
INVALID = "InvalidParameterValueException"


class Limits(CloudCase):
    def setUp(self):
        super().setUp()
        self.cloud.make("q")

    def send(self, body="m", **more):
        return self.cloud.try_sqs("SendMessage", "q", MessageBody=body, **more)

    def batch(self, *entries, action="SendMessageBatch"):
        return self.cloud.try_sqs(action, "q", Entries=list(entries))

    @staticmethod
    def entry(name, body="m", **more):
        return dict({"Id": name, "MessageBody": body}, **more)

    def test_a_batch_has_one_to_ten_entries(self):
        entries = [self.entry(str(i)) for i in range(11)]
        self.assertEqual(len(self.batch(*entries[:10]).body["Successful"]), 10)
        for action in ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"):
            self.assert_refused(self.batch(*entries, action=action), "TooManyEntriesInBatchRequest")
            self.assert_refused(self.batch(action=action), "EmptyBatchRequest")
        self.assertEqual(self.cloud.queue_audit("q")["sent"], 10)

    def test_batch_ids_are_distinct_and_short_and_plain(self):
        self.assertEqual(self.batch(self.entry("x" * 80), self.entry("a-_Z9")).status, 200)
        for name in ("x" * 81, "", "a b", "ä", "a.b"):
            self.assert_refused(self.batch(self.entry(name)), "InvalidBatchEntryId")
        answer = self.batch(self.entry("a"), self.entry("a"))
        self.assert_refused(answer, "BatchEntryIdsNotDistinct")
        self.assertEqual(answer.headers["x-amzn-query-error"],
                         "AWS.SimpleQueueService.BatchEntryIdsNotDistinct;Sender")

    def test_a_message_has_a_megabyte(self):
        self.assertEqual(self.send("x" * MEGABYTE).status, 200)
        self.assert_refused(self.send("x" * (MEGABYTE + 1)), INVALID)
        self.assert_refused(self.send(""), "MissingRequiredParameterException")

    def test_bytes_of_utf8_count_and_escapes_do_not(self):
        self.assertEqual(self.send("\u00e4" * (MEGABYTE // 2)).status, 200)
        self.assert_refused(self.send("\u00e4" * (MEGABYTE // 2) + "x"), INVALID)
        self.assertEqual(self.send("\n" * MEGABYTE).status, 200)

    def test_attributes_count_with_the_body(self):
        traits = {"name": {"DataType": "String", "StringValue": "y" * 10}}
        room = MEGABYTE - len("name") - len("String") - 10
        self.assertEqual(self.send("x" * room, MessageAttributes=traits).status, 200)
        self.assert_refused(self.send("x" * (room + 1), MessageAttributes=traits), INVALID)

    def test_all_messages_of_a_batch_share_a_megabyte(self):
        half = "x" * (MEGABYTE // 2)
        self.assertEqual(self.batch(self.entry("a", half), self.entry("b", half)).status, 200)
        answer = self.batch(self.entry("a", half), self.entry("b", half + "x"))
        self.assert_refused(answer, "BatchRequestTooLong")
        self.assertEqual(self.cloud.queue_audit("q")["sent"], 2)

    def test_a_queue_may_take_less(self):
        self.cloud.sqs("SetQueueAttributes", "q", Attributes={"MaximumMessageSize": "1024"})
        self.assertEqual(self.send("x" * 1024).status, 200)
        answer = self.batch(self.entry("fits", "x" * 1024), self.entry("large", "x" * 1025))
        self.assertEqual([e["Id"] for e in answer.body["Successful"]], ["fits"])
        [failed] = answer.body["Failed"]
        self.assertEqual((failed["Id"], failed["Code"], failed["SenderFault"]),
                         ("large", "InvalidParameterValue", True))

    def test_only_some_characters_may_be_sent(self):
        for good in ("\t\n\r", "\x7f\x80", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff"):
            self.assertEqual(self.send(good).status, 200, repr(good))
        for bad in ("\0", "\x08", "\x0b", "\x1f", "\ufffe", "\uffff"):
            self.assert_refused(self.send("a" + bad + "b"), "InvalidMessageContents")
        answer = self.batch(self.entry("good"), self.entry("bad", "\x01"), self.entry("fine"))
        self.assertEqual([e["Id"] for e in answer.body["Successful"]], ["good", "fine"])
        self.assertEqual([(e["Id"], e["Code"]) for e in answer.body["Failed"]],
                         [("bad", "InvalidMessageContents")])

    def test_a_message_has_ten_attributes_with_names_and_types(self):
        def traits(count):
            return {"n%d" % i: {"DataType": "String", "StringValue": "v"} for i in range(count)}
        self.assertEqual(self.send(MessageAttributes=traits(10)).status, 200)
        self.assert_refused(self.send(MessageAttributes=traits(11)), INVALID)
        for name, given in (("AWS.x", {"DataType": "String", "StringValue": "v"}),
                            ("n" * 257, {"DataType": "String", "StringValue": "v"}),
                            ("n n", {"DataType": "String", "StringValue": "v"}),
                            ("n", {"DataType": "Text", "StringValue": "v"}),
                            ("n", {"DataType": "String", "StringValue": ""}),
                            ("n", {"DataType": "Binary", "BinaryValue": "%%%"})):
            self.assert_refused(self.send(MessageAttributes={name: given}), INVALID)
        self.assertEqual(self.send(MessageAttributes={
            "n" * 256: {"DataType": "Binary.x", "BinaryValue": b64("v")}}).status, 200)

    def test_numbers_keep_within_their_bounds(self):
        for action, name, least, most in (("ReceiveMessage", "MaxNumberOfMessages", 1, 10),
                                          ("ReceiveMessage", "VisibilityTimeout", 0, 43200),
                                          ("SendMessage", "DelaySeconds", 0, 900)):
            body = {"MessageBody": "m"} if action == "SendMessage" else {}
            for good in (least, most):
                answer = self.cloud.try_sqs(action, "q", **body, **{name: good})
                self.assertEqual(answer.status, 200, answer.raw)
            for bad in (least - 1, most + 1, "1"):
                answer = self.cloud.try_sqs(action, "q", **body, **{name: bad})
                self.assert_refused(answer, INVALID)
        self.assert_refused(self.cloud.try_sqs("ReceiveMessage", "q", WaitTimeSeconds=21), INVALID)
        [got] = self.cloud.receive("q", 1)
        for seconds, status in ((43100, 200), (43201, 400)):
            answer = self.cloud.try_sqs("ChangeMessageVisibility", "q", VisibilityTimeout=seconds,
                                        ReceiptHandle=got["ReceiptHandle"])
            self.assertEqual(answer.status, status)

    def test_a_lease_lasts_twelve_hours_in_all(self):
        self.cloud.send("q", "m")
        [got] = self.cloud.receive("q", VisibilityTimeout=43200)
        self.cloud.advance(3600)
        for seconds, status in ((43200 - 3600 - 60, 200), (43200 - 3600 + 1, 400)):
            answer = self.cloud.try_sqs("ChangeMessageVisibility", "q", VisibilityTimeout=seconds,
                                        ReceiptHandle=got["ReceiptHandle"])
            self.assertEqual(answer.status, status, answer.raw)

    def test_queue_attributes_keep_within_their_bounds(self):
        for name, least, most in (("DelaySeconds", 0, 900), ("MaximumMessageSize", 1024, MEGABYTE),
                                  ("MessageRetentionPeriod", 60, 1209600),
                                  ("ReceiveMessageWaitTimeSeconds", 0, 20),
                                  ("VisibilityTimeout", 0, 43200)):
            for value, status in ((least, 200), (most, 200), (least - 1, 400), (most + 1, 400)):
                answer = self.cloud.try_sqs("SetQueueAttributes", "q",
                                            Attributes={name: str(value)})
                self.assertEqual(answer.status, status, (name, value))
        answer = self.cloud.try_sqs("SetQueueAttributes", "q", Attributes={"Colour": "red"})
        self.assert_refused(answer, "InvalidAttributeName")
        answer = self.cloud.try_sqs("GetQueueAttributes", "q", AttributeNames=["Colour"])
        self.assert_refused(answer, "InvalidAttributeName")
        answer = self.cloud.try_sqs("CreateQueue", QueueName="r", Attributes={
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": self.cloud.arn("nowhere"),
                                         "maxReceiveCount": 3})})
        self.assert_refused(answer, INVALID)

    def test_queue_names_are_short_and_plain(self):
        self.cloud.make("n" * 80)
        for name in ("n" * 81, "a b", "a.b", "x.fifo"):
            self.assert_refused(self.cloud.try_sqs("CreateQueue", QueueName=name), INVALID)

    def test_groups_and_deduplication_ids_are_short(self):
        self.assertEqual(self.send(MessageGroupId="g" * 128).status, 200)
        for group in ("g" * 129, "g g", "ü"):
            self.assert_refused(self.send(MessageGroupId=group), INVALID)
        self.assert_refused(self.send(MessageDeduplicationId="d"), INVALID)

    def test_too_many_in_flight_are_refused_to_who_does_not_wait(self):
        self.cloud.tell("config", in_flight_max=2)
        self.cloud.send("q", "a", "b", "c")
        self.assertEqual(len(self.cloud.receive("q", 2)), 2)
        answer = self.cloud.try_sqs("ReceiveMessage", "q")
        self.assert_refused(answer, "OverLimit", 403)
        self.assertEqual(self.cloud.receive("q", WaitTimeSeconds=1), [])
        self.cloud.advance(31)
        self.assertEqual(len(self.cloud.receive("q", 1)), 1)

    def test_what_is_no_request_is_refused(self):
        ask = self.cloud.ask
        self.assert_refused(ask("sqs", "Nothing", {}), "UnknownOperationException")
        self.assert_refused(ask("sqs", "SendMessage", b"{"), "SerializationException")
        self.assert_refused(ask("sqs", "SendMessage", b"[]"), "SerializationException")
        self.assert_refused(ask("sqs", "SendMessage", b'{"a":"\xff"}'), "SerializationException")
        self.assert_refused(ask("sqs", "SendMessage", {}), "MissingRequiredParameterException")
        self.assert_refused(ask("sqs", "SendMessage", {"QueueUrl": "http://x/1/q"}),
                            "QueueDoesNotExist")


if __name__ == "__main__":
    unittest.main(verbosity=2)
