#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the queues of the stand-in behave as SQS's?"""
import struct
import threading
import unittest

from aws_harness import CloudCase, b64, md5


def attributes_md5(attributes):
    """As AWS documents it, written apart from the stand-in's."""
    out = b""
    for name in sorted(attributes):
        given = attributes[name]
        binary = "BinaryValue" in given
        value = given["BinaryValue"] if binary else given["StringValue"].encode()
        for part in (name.encode(), given["DataType"].encode()):
            out += struct.pack(">I", len(part)) + part
        out += (b"\2" if binary else b"\1") + struct.pack(">I", len(value)) + value
    return md5(out)


class InThread(threading.Thread):
    """Runs WORK, whose result join() gives."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work = work
        self.result = None
        self.start()

    def run(self):
        self.result = self.work()

    def get(self):
        self.join(60)
        if self.is_alive():
            raise AssertionError("nothing came")
        return self.result


class Queues(CloudCase):
    def setUp(self):
        super().setUp()
        self.cloud.make("q")

    def poll(self, queue, **args):
        thread = InThread(lambda: self.cloud.receive(queue, WaitTimeSeconds=20, **args))
        self.assertTrue(self.cloud.get("wait", queue=queue, polls=1)["ok"])
        return thread

    def delete(self, queue, handle):
        return self.cloud.try_sqs("DeleteMessage", queue, ReceiptHandle=handle)

    def hide(self, queue, handle, seconds):
        return self.cloud.try_sqs("ChangeMessageVisibility", queue, ReceiptHandle=handle,
                                  VisibilityTimeout=seconds)

    def attributes(self, queue):
        return self.cloud.sqs("GetQueueAttributes", queue, AttributeNames=["All"])["Attributes"]

    def test_a_message_comes_as_it_was_sent_until_it_is_deleted(self):
        traits = {"color": {"DataType": "String", "StringValue": "grün"},
                  "n": {"DataType": "Number.int", "StringValue": "7"},
                  "raw": {"DataType": "Binary", "BinaryValue": b64(b"\0\xff")}}
        decoded = dict(traits, raw={"DataType": "Binary", "BinaryValue": b"\0\xff"})
        sent = self.cloud.sqs("SendMessage", "q", MessageBody="h\u00e4llo \U0001f600",
                              MessageAttributes=traits)
        self.assertEqual(sent["MD5OfMessageBody"], md5("h\u00e4llo \U0001f600"))
        self.assertEqual(sent["MD5OfMessageAttributes"], attributes_md5(decoded))
        [got] = self.cloud.receive("q", MessageAttributeNames=["All"])
        self.assertEqual(got["Body"], "h\u00e4llo \U0001f600")
        self.assertEqual(got["MessageId"], sent["MessageId"])
        self.assertEqual(got["MD5OfBody"], md5(got["Body"]))
        self.assertEqual(got["MessageAttributes"], traits)
        self.assertEqual(got["MD5OfMessageAttributes"], attributes_md5(decoded))
        self.assertEqual(self.delete("q", got["ReceiptHandle"]).status, 200)
        self.cloud.advance(31)
        self.assertEqual(self.cloud.sqs("ReceiveMessage", "q"), {})

    def test_only_the_attributes_that_are_asked_for_come(self):
        traits = {name: {"DataType": "String", "StringValue": name} for name in ("a.x", "a.y", "b")}
        self.cloud.sqs("SendMessage", "q", MessageBody="m", MessageAttributes=traits,
                       MessageGroupId="tenant")
        [got] = self.cloud.receive("q", VisibilityTimeout=0, MessageAttributeNames=["a.*"],
                                   MessageSystemAttributeNames=["MessageGroupId"])
        self.assertEqual(sorted(got["MessageAttributes"]), ["a.x", "a.y"])
        self.assertEqual(got["MD5OfMessageAttributes"],
                         attributes_md5({name: traits[name] for name in ("a.x", "a.y")}))
        self.assertEqual(got["Attributes"], {"MessageGroupId": "tenant"})
        [got] = self.cloud.receive("q", AttributeNames=["All"])
        self.assertEqual(got["Attributes"]["ApproximateReceiveCount"], "2")
        self.assertLessEqual(int(got["Attributes"]["SentTimestamp"]),
                             int(got["Attributes"]["ApproximateFirstReceiveTimestamp"]))
        self.assertNotIn("MessageAttributes", got)

    def test_a_received_message_is_invisible_for_as_long_as_it_was_told(self):
        self.cloud.send("q", "m")
        [first] = self.cloud.receive("q", VisibilityTimeout=60)
        self.cloud.advance(59)
        self.assertEqual(self.cloud.receive("q"), [])
        self.assertEqual(self.attributes("q")["ApproximateNumberOfMessagesNotVisible"], "1")
        self.cloud.advance(2)
        [second] = self.cloud.receive("q")
        self.assertEqual(first["MessageId"], second["MessageId"])
        self.assertNotEqual(first["ReceiptHandle"], second["ReceiptHandle"])

    def test_a_receipt_older_than_the_newest_receive_is_refused(self):
        self.cloud.send("q", "m")
        [old] = self.cloud.receive("q", VisibilityTimeout=0)
        [new] = self.cloud.receive("q")
        self.assert_refused(self.delete("q", old["ReceiptHandle"]), "ReceiptHandleIsInvalid")
        self.assert_refused(self.hide("q", old["ReceiptHandle"], 5), "ReceiptHandleIsInvalid")
        self.assertEqual(self.delete("q", new["ReceiptHandle"]).status, 200)

    def test_an_expired_receipt_still_deletes_but_does_not_extend(self):
        self.cloud.send("q", "m")
        [got] = self.cloud.receive("q", VisibilityTimeout=10)
        self.cloud.advance(11)
        self.assert_refused(self.hide("q", got["ReceiptHandle"], 5), "MessageNotInflight")
        self.assertEqual(self.delete("q", got["ReceiptHandle"]).status, 200)
        self.assertEqual(self.cloud.receive("q"), [])
        self.assertEqual(self.delete("q", got["ReceiptHandle"]).status, 200, "again is no error")
        self.assert_refused(self.hide("q", got["ReceiptHandle"], 5),
                            "InvalidParameterValueException")

    def test_a_receipt_counts_for_its_own_queue_and_cannot_be_made_up(self):
        self.cloud.make("other")
        self.cloud.send("q", "m")
        [got] = self.cloud.receive("q")
        handle = got["ReceiptHandle"]
        forged = handle[:8] + ("A" if handle[8] != "A" else "B") + handle[9:]
        self.assert_refused(self.delete("other", handle), "ReceiptHandleIsInvalid")
        self.assert_refused(self.delete("q", forged), "ReceiptHandleIsInvalid")
        self.assert_refused(self.delete("q", "AQEBnothing"), "ReceiptHandleIsInvalid")

    def test_visibility_can_be_extended_and_given_up(self):
        self.cloud.send("q", "m")
        [got] = self.cloud.receive("q", VisibilityTimeout=10)
        self.assertEqual(self.hide("q", got["ReceiptHandle"], 100).status, 200)
        self.cloud.advance(50)
        self.assertEqual(self.cloud.receive("q"), [])
        self.assertEqual(self.hide("q", got["ReceiptHandle"], 0).status, 200)
        self.assertEqual(len(self.cloud.receive("q")), 1)

    def test_batches_of_visibility_and_deletes_tell_of_each_entry(self):
        self.cloud.send("q", "a", "b")
        a, b = self.cloud.receive("q")
        answer = self.cloud.sqs("ChangeMessageVisibilityBatch", "q", Entries=[
            {"Id": "a", "ReceiptHandle": a["ReceiptHandle"], "VisibilityTimeout": 0},
            {"Id": "none", "ReceiptHandle": "x", "VisibilityTimeout": 0}])
        self.assertEqual([e["Id"] for e in answer["Successful"]], ["a"])
        self.assertEqual([(e["Id"], e["Code"], e["SenderFault"]) for e in answer["Failed"]],
                         [("none", "ReceiptHandleIsInvalid", True)])
        [again] = self.cloud.receive("q")
        self.assertEqual(again["Body"], "a")
        answer = self.cloud.sqs("DeleteMessageBatch", "q", Entries=[
            {"Id": "a-old", "ReceiptHandle": a["ReceiptHandle"]},
            {"Id": "a-new", "ReceiptHandle": again["ReceiptHandle"]},
            {"Id": "b", "ReceiptHandle": b["ReceiptHandle"]}])
        self.assertEqual([e["Id"] for e in answer["Successful"]], ["a-new", "b"])
        self.assertEqual([e["Id"] for e in answer["Failed"]], ["a-old"])
        self.assertEqual(self.cloud.queue_audit("q")["left"], 0)

    def test_a_long_poll_waits_for_a_message_and_blocks_nobody(self):
        poll = self.poll("q")
        [sent] = self.cloud.send("q", "late")
        self.assertEqual([m["MessageId"] for m in poll.get()], [sent])

    def test_long_polls_are_served_in_turn_each_message_once(self):
        polls = []
        for count in (1, 2):
            polls.append(InThread(lambda: self.cloud.receive("q", 1, WaitTimeSeconds=20)))
            self.assertTrue(self.cloud.get("wait", queue="q", polls=count)["ok"])
        self.cloud.sqs("SendMessageBatch", "q", Entries=[
            {"Id": str(i), "MessageBody": "m%d" % i} for i in range(2)])
        self.assertEqual([[m["Body"] for m in poll.get()] for poll in polls], [["m0"], ["m1"]])

    def test_a_long_poll_wakes_when_a_lease_ends(self):
        self.cloud.send("q", "m")
        self.cloud.receive("q", VisibilityTimeout=2)
        self.assertEqual(len(self.cloud.receive("q", WaitTimeSeconds=20)), 1)
        poll = self.poll("q")
        self.cloud.advance(31)
        self.assertEqual(len(poll.get()), 1)

    def test_a_long_poll_that_gets_nothing_ends_without_the_list(self):
        self.assertEqual(self.cloud.sqs("ReceiveMessage", "q", WaitTimeSeconds=1), {})

    def test_a_queue_can_make_all_its_polls_long(self):
        self.cloud.make("patient", ReceiveMessageWaitTimeSeconds=20)
        thread = InThread(lambda: self.cloud.receive("patient"))
        self.assertTrue(self.cloud.get("wait", queue="patient", polls=1)["ok"])
        self.cloud.send("patient", "m")
        self.assertEqual(len(thread.get()), 1)

    def test_a_delayed_message_is_not_there_yet(self):
        self.cloud.send("q", "m", DelaySeconds=60)
        self.assertEqual(self.cloud.receive("q"), [])
        self.assertEqual(self.attributes("q")["ApproximateNumberOfMessagesDelayed"], "1")
        self.cloud.advance(61)
        self.assertEqual(len(self.cloud.receive("q")), 1)
        self.cloud.make("slow", DelaySeconds=60)
        self.cloud.send("slow", "m")
        self.assertEqual(self.cloud.receive("slow"), [])

    def test_what_is_too_old_goes(self):
        self.cloud.make("short", MessageRetentionPeriod=60)
        self.cloud.send("short", "m")
        self.cloud.advance(61)
        self.assertEqual(self.cloud.receive("short"), [])
        self.assertEqual(self.cloud.queue_audit("short")["expired"], 1)

    def make_with_grave(self, count):
        self.cloud.make("dead")
        self.cloud.make("source", RedrivePolicy='{"deadLetterTargetArn":"%s","maxReceiveCount":%d}'
                        % (self.cloud.arn("dead"), count))

    def test_a_message_that_was_received_too_often_is_found_among_the_dead(self):
        self.make_with_grave(2)
        [sent] = self.cloud.send("source", "poison", MessageGroupId="tenant")
        for _ in range(2):
            self.assertEqual(len(self.cloud.receive("source", VisibilityTimeout=0)), 1)
        self.assertEqual(self.cloud.receive("source"), [])
        [dead] = self.cloud.receive("dead", AttributeNames=["All"])
        self.assertEqual((dead["MessageId"], dead["Body"]), (sent, "poison"))
        self.assertEqual(dead["Attributes"]["ApproximateReceiveCount"], "3", "it adds up")
        self.assertEqual(dead["Attributes"]["DeadLetterQueueSourceArn"], self.cloud.arn("source"))
        self.assertEqual(dead["Attributes"]["MessageGroupId"], "tenant")
        self.assertEqual(self.cloud.sqs("ListDeadLetterSourceQueues", "dead"),
                         {"queueUrls": [self.cloud.queue_url("source")]})

    def test_the_dead_wake_who_polls_for_them(self):
        self.make_with_grave(1)
        self.cloud.send("source", "poison")
        self.cloud.receive("source", VisibilityTimeout=0)
        poll = self.poll("dead")
        self.assertEqual(self.cloud.receive("source"), [])
        self.assertEqual([m["Body"] for m in poll.get()], ["poison"])

    def test_the_dead_are_moved_back_under_a_new_id(self):
        self.make_with_grave(1)
        sent = self.cloud.send("source", "a", "b", "c")
        self.cloud.receive("source", VisibilityTimeout=0)
        self.assertEqual(self.cloud.receive("source"), [])
        task = self.cloud.sqs("StartMessageMoveTask", SourceArn=self.cloud.arn("dead"))
        self.assertTrue(self.cloud.get("wait", queue="dead", left=0)["ok"])
        back = self.cloud.receive("source")
        self.assertEqual(sorted(m["Body"] for m in back), ["a", "b", "c"])
        self.assertFalse({m["MessageId"] for m in back} & set(sent))
        [shown] = self.cloud.sqs("ListMessageMoveTasks", SourceArn=self.cloud.arn("dead"))["Results"]
        self.assertEqual((shown["Status"], shown["ApproximateNumberOfMessagesMoved"]),
                         ("COMPLETED", 3))
        self.assertTrue(task["TaskHandle"])

    def test_a_slow_move_is_the_only_one_and_can_be_cancelled(self):
        self.make_with_grave(1)
        arn = self.cloud.arn("dead")
        for i in range(10):
            self.cloud.sqs("SendMessageBatch", "dead", Entries=[
                {"Id": str(j), "MessageBody": "%d" % (10 * i + j)} for j in range(10)])
        self.cloud.make("elsewhere")
        task = self.cloud.sqs("StartMessageMoveTask", SourceArn=arn, MaxNumberOfMessagesPerSecond=1,
                              DestinationArn=self.cloud.arn("elsewhere"))["TaskHandle"]
        self.assert_refused(self.cloud.try_sqs("StartMessageMoveTask", SourceArn=arn),
                            "UnsupportedOperation")
        self.cloud.sqs("CancelMessageMoveTask", TaskHandle=task)
        [shown] = self.cloud.sqs("ListMessageMoveTasks", SourceArn=arn)["Results"]
        self.assertEqual(shown["Status"], "CANCELLED")
        self.assertGreater(self.cloud.queue_audit("dead")["left"], 0)

    def test_only_from_a_dead_letter_queue_is_moved(self):
        answer = self.cloud.try_sqs("StartMessageMoveTask", SourceArn=self.cloud.arn("q"))
        self.assert_refused(answer, "InvalidParameterValueException")
        answer = self.cloud.try_sqs("StartMessageMoveTask", SourceArn=self.cloud.arn("nowhere"))
        self.assert_refused(answer, "ResourceNotFoundException")

    def test_creating_again_wants_the_same_attributes(self):
        self.cloud.make("same", VisibilityTimeout=60)
        self.cloud.make("same", VisibilityTimeout=60)
        self.cloud.make("same")
        answer = self.cloud.try_sqs("CreateQueue", QueueName="same",
                                    Attributes={"VisibilityTimeout": "61"})
        self.assert_refused(answer, "QueueNameExists")
        self.assertEqual(answer.headers["x-amzn-query-error"], "QueueAlreadyExists;Sender")
        self.cloud.sqs("SetQueueAttributes", "same", Attributes={"VisibilityTimeout": "61"})
        self.assertEqual(self.attributes("same")["VisibilityTimeout"], "61")

    def test_a_deleted_queue_is_gone_and_its_name_free_after_a_minute(self):
        self.cloud.send("q", "m")
        self.cloud.sqs("DeleteQueue", "q")
        answer = self.cloud.try_sqs("SendMessage", "q", MessageBody="m")
        self.assert_refused(answer, "QueueDoesNotExist")
        self.assertEqual(answer.headers["x-amzn-query-error"],
                         "AWS.SimpleQueueService.NonExistentQueue;Sender")
        self.assert_refused(self.cloud.try_sqs("CreateQueue", QueueName="q"),
                            "QueueDeletedRecently")
        self.cloud.advance(61)
        self.cloud.make("q")
        self.assertEqual(self.cloud.receive("q"), [])
        self.assertEqual(self.cloud.queue_audit("q")["dropped"], 1)

    def test_who_polls_a_queue_that_is_deleted_is_told(self):
        thread = InThread(lambda: self.cloud.try_sqs("ReceiveMessage", "q", WaitTimeSeconds=20))
        self.assertTrue(self.cloud.get("wait", queue="q", polls=1)["ok"])
        self.cloud.sqs("DeleteQueue", "q")
        self.assert_refused(thread.get(), "QueueDoesNotExist")

    def test_a_purge_empties_the_queue_but_not_twice_in_a_minute(self):
        self.cloud.send("q", "a", "b")
        self.cloud.receive("q", 1)
        self.cloud.sqs("PurgeQueue", "q")
        self.assertEqual(self.cloud.queue_audit("q")["purged"], 2)
        self.assert_refused(self.cloud.try_sqs("PurgeQueue", "q"), "PurgeQueueInProgress")

    def test_queues_are_found_by_name_and_prefix(self):
        self.cloud.make("one", "two")
        self.assertEqual(self.cloud.sqs("GetQueueUrl", QueueName="two")["QueueUrl"],
                         self.cloud.queue_url("two"))
        self.assertEqual(self.cloud.sqs("ListQueues", QueueNamePrefix="o")["QueueUrls"],
                         [self.cloud.queue_url("one")])
        self.assert_refused(self.cloud.try_sqs("GetQueueUrl", QueueName="three"),
                            "QueueDoesNotExist")


class Fifo(CloudCase):
    def setUp(self):
        super().setUp()
        self.cloud.make("f.fifo", FifoQueue="true")

    def send(self, group, body, **more):
        return self.cloud.sqs("SendMessage", "f.fifo", MessageBody=body, MessageGroupId=group,
                              MessageDeduplicationId=more.pop("dedup", body), **more)

    def receive(self, most=10, **more):
        return self.cloud.receive("f.fifo", most, AttributeNames=["All"], **more)

    def test_a_group_comes_in_order_and_waits_for_its_own(self):
        for body in ("a1", "a2", "a3"):
            self.send("a", body)
        self.send("b", "b1")
        first = self.receive(2)
        self.assertEqual([m["Body"] for m in first], ["a1", "a2"])
        self.assertLess(int(first[0]["Attributes"]["SequenceNumber"]),
                        int(first[1]["Attributes"]["SequenceNumber"]))
        self.assertEqual([m["Body"] for m in self.receive()], ["b1"])
        for message in first:
            self.cloud.sqs("DeleteMessage", "f.fifo", ReceiptHandle=message["ReceiptHandle"])
        self.assertEqual([m["Body"] for m in self.receive()], ["a3"])

    def test_what_comes_back_keeps_its_place(self):
        self.send("a", "a1")
        self.send("a", "a2")
        self.receive(1, VisibilityTimeout=5)
        self.assertEqual(self.receive(), [])
        self.cloud.advance(6)
        self.assertEqual([m["Body"] for m in self.receive()], ["a1", "a2"])

    def test_the_same_within_five_minutes_is_sent_once(self):
        first = self.send("a", "x", dedup="d")
        again = self.send("a", "x", dedup="d")
        self.assertEqual((first["MessageId"], first["SequenceNumber"]),
                         (again["MessageId"], again["SequenceNumber"]))
        self.assertEqual(len(self.receive()), 1)
        self.cloud.advance(301)
        self.assertNotEqual(self.send("a", "x", dedup="d")["MessageId"], first["MessageId"])

    def test_an_expired_receipt_does_not_delete(self):
        self.send("a", "x")
        [got] = self.receive(VisibilityTimeout=5)
        self.cloud.advance(6)
        answer = self.cloud.try_sqs("DeleteMessage", "f.fifo", ReceiptHandle=got["ReceiptHandle"])
        self.assert_refused(answer, "InvalidParameterValueException")
        self.assertIn("expired", answer.body["message"])

    def test_a_group_and_a_deduplication_id_are_needed(self):
        answer = self.cloud.try_sqs("SendMessage", "f.fifo", MessageBody="x",
                                    MessageDeduplicationId="d")
        self.assert_refused(answer, "MissingRequiredParameterException")
        answer = self.cloud.try_sqs("SendMessage", "f.fifo", MessageBody="x", MessageGroupId="a")
        self.assert_refused(answer, "InvalidParameterValueException")
        self.cloud.make("c.fifo", FifoQueue="true", ContentBasedDeduplication="true")
        for _ in range(2):
            self.cloud.send("c.fifo", "x", MessageGroupId="a")
        self.assertEqual(len(self.cloud.receive("c.fifo")), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
