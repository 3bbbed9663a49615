#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the streams of the stand-in behave as Kinesis's, and fail as they are told?"""
import base64
import hashlib
import unittest

from aws_harness import ACCOUNT, REGION, CloudCase, b64

MEGABYTE = 1048576
THROTTLED = "ProvisionedThroughputExceededException"
SHARDS = ["shardId-%012d" % i for i in range(4)]


class StreamCase(CloudCase):
    def setUp(self):
        super().setUp()
        self.cloud.kinesis("CreateStream", StreamName="s", ShardCount=2)

    def put(self, *keys, data="x", **more):
        return self.cloud.kinesis("PutRecords", StreamName="s", Records=[
            dict({"Data": b64(data), "PartitionKey": key}, **more) for key in keys])

    def try_put(self, key="k", data="x", **more):
        return self.cloud.try_kinesis("PutRecord", StreamName="s", Data=b64(data),
                                      PartitionKey=key, **more)

    def shards(self):
        return self.cloud.kinesis("ListShards", StreamName="s")["Shards"]

    def read(self, shard, **start):
        start = start or {"ShardIteratorType": "TRIM_HORIZON"}
        iterator = self.cloud.kinesis("GetShardIterator", StreamName="s", ShardId=shard, **start)
        return self.cloud.kinesis("GetRecords", **iterator)

    def read_data(self, shard, **start):
        return [base64.b64decode(r["Data"]).decode() for r in self.read(shard, **start)["Records"]]

    def key_for(self, shard):
        """Some key whose records go into it."""
        for i in range(1000):
            key = "key%d" % i
            value = int(hashlib.md5(key.encode()).hexdigest(), 16)
            keys = next(s["HashKeyRange"] for s in self.shards() if s["ShardId"] == shard)
            if int(keys["StartingHashKey"]) <= value <= int(keys["EndingHashKey"]):
                return key
        raise AssertionError("no key for " + shard)


class Streams(StreamCase):
    def test_shards_share_all_hash_keys(self):
        self.cloud.kinesis("CreateStream", StreamName="three", ShardCount=3)
        shards = self.cloud.kinesis("ListShards", StreamName="three")["Shards"]
        ranges = [(int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]))
                  for s in shards]
        self.assertEqual((ranges[0][0], ranges[-1][1]), (0, 2 ** 128 - 1))
        for before, after in zip(ranges, ranges[1:]):
            self.assertEqual(before[1] + 1, after[0])

    def test_a_record_goes_where_its_key_belongs(self):
        for shard in SHARDS[:2]:
            key = self.key_for(shard)
            self.assertEqual(self.put(key)["Records"][0]["ShardId"], shard)
        answer = self.put("k", ExplicitHashKey=str(2 ** 128 - 1))
        self.assertEqual(answer["Records"][0]["ShardId"], SHARDS[1])
        answer = self.try_put(ExplicitHashKey=str(2 ** 128))
        self.assert_refused(answer, "InvalidArgumentException")

    def test_records_come_back_in_order_and_from_where_they_are_asked_for(self):
        key = self.key_for(SHARDS[0])
        sequences = [self.cloud.kinesis("PutRecord", StreamName="s", Data=b64("r%d" % i),
                                        PartitionKey=key)["SequenceNumber"] for i in range(4)]
        self.assertEqual(sequences, sorted(sequences, key=int))
        self.assertEqual(self.read_data(SHARDS[0]), ["r0", "r1", "r2", "r3"])
        for kind, wanted in (("AT_SEQUENCE_NUMBER", ["r1", "r2", "r3"]),
                             ("AFTER_SEQUENCE_NUMBER", ["r2", "r3"])):
            self.assertEqual(self.read_data(SHARDS[0], ShardIteratorType=kind,
                                            StartingSequenceNumber=sequences[1]), wanted)
        self.assertEqual(self.read_data(SHARDS[0], ShardIteratorType="LATEST"), [])
        self.assertEqual(len(self.read_data(SHARDS[0], ShardIteratorType="AT_TIMESTAMP",
                                            Timestamp=0)), 4)

    def test_reading_goes_on_at_the_next_iterator(self):
        key = self.key_for(SHARDS[0])
        self.put(*[key] * 5)
        iterator = self.cloud.kinesis("GetShardIterator", StreamName="s", ShardId=SHARDS[0],
                                      ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        lengths = []
        for _ in range(3):
            answer = self.cloud.kinesis("GetRecords", ShardIterator=iterator, Limit=2)
            lengths.append((len(answer["Records"]), answer["MillisBehindLatest"] > 0))
            iterator = answer["NextShardIterator"]
        self.assertEqual(lengths, [(2, True), (2, True), (1, False)])
        for bad in ("x", "AAAA", iterator[:-4]):
            self.assert_refused(self.cloud.try_kinesis("GetRecords", ShardIterator=bad),
                                "InvalidArgumentException")

    def test_a_stream_is_found_by_its_arn_too(self):
        arn = "arn:aws:kinesis:%s:%s:stream/s" % (REGION, ACCOUNT)
        summary = self.cloud.kinesis("DescribeStreamSummary", StreamARN=arn)
        summary = summary["StreamDescriptionSummary"]
        self.assertEqual((summary["StreamName"], summary["StreamARN"], summary["StreamStatus"],
                          summary["OpenShardCount"]), ("s", arn, "ACTIVE", 2))
        self.assertEqual(self.cloud.kinesis("ListStreams")["StreamNames"], ["s"])
        self.assert_refused(self.cloud.try_kinesis("ListShards", StreamName="none"),
                            "ResourceNotFoundException")

    def test_an_order_can_be_asked_for(self):
        first = self.try_put().body["SequenceNumber"]
        second = self.try_put(SequenceNumberForOrdering=first).body["SequenceNumber"]
        self.assertGreater(int(second), int(first))
        for wrong in (str(int(second) + 10 ** 6), "17", "x"):
            self.assert_refused(self.try_put(SequenceNumberForOrdering=wrong),
                                "InvalidArgumentException")

    def test_a_stream_is_made_once_and_can_be_deleted(self):
        again = self.cloud.try_kinesis("CreateStream", StreamName="s", ShardCount=1)
        self.assert_refused(again, "ResourceInUseException")
        self.put("k")
        self.cloud.kinesis("DeleteStream", StreamName="s")
        self.assert_refused(self.try_put(), "ResourceNotFoundException")
        [shown] = self.cloud.audit()["streams"]
        self.assertEqual((shown["is_deleted"], shown["records"]), (True, 1))
        self.cloud.kinesis("CreateStream", StreamName="s", ShardCount=1)
        self.assertEqual(self.try_put().status, 200)

    def test_a_split_shard_lives_on_in_its_children(self):
        key = self.key_for(SHARDS[0])
        self.put(key, data="before")
        low = int(self.shards()[0]["HashKeyRange"]["EndingHashKey"]) // 2
        self.cloud.kinesis("SplitShard", StreamName="s", ShardToSplit=SHARDS[0],
                           NewStartingHashKey=str(low))
        shards = {s["ShardId"]: s for s in self.shards()}
        self.assertEqual([s.get("ParentShardId") for s in shards.values()],
                         [None, None, SHARDS[0], SHARDS[0]])
        self.assertIn("EndingSequenceNumber", shards[SHARDS[0]]["SequenceNumberRange"])
        self.assertEqual(shards[SHARDS[3]]["HashKeyRange"]["StartingHashKey"], str(low))
        after = self.put(key, data="after")["Records"][0]["ShardId"]
        self.assertIn(after, SHARDS[2:])
        answer = self.read(SHARDS[0])
        self.assertEqual([r["Data"] for r in answer["Records"]], [b64("before")])
        self.assertNotIn("NextShardIterator", answer)
        self.assertEqual([c["ShardId"] for c in answer["ChildShards"]], SHARDS[2:])
        self.assertEqual(self.read_data(after), ["after"])
        refused = self.cloud.try_kinesis("SplitShard", StreamName="s", ShardToSplit=SHARDS[0],
                                         NewStartingHashKey=str(low))
        self.assert_refused(refused, "InvalidArgumentException")

    def test_neighbours_are_merged_and_others_are_not(self):
        self.cloud.kinesis("MergeShards", StreamName="s", ShardToMerge=SHARDS[1],
                           AdjacentShardToMerge=SHARDS[0])
        merged = self.shards()[2]
        self.assertEqual((merged["ParentShardId"], merged["AdjacentParentShardId"]),
                         (SHARDS[1], SHARDS[0]))
        self.assertEqual(merged["HashKeyRange"],
                         {"StartingHashKey": "0", "EndingHashKey": str(2 ** 128 - 1)})
        self.assertEqual(self.put("any")["Records"][0]["ShardId"], SHARDS[2])
        for other in (SHARDS[0], SHARDS[2]):
            answer = self.cloud.try_kinesis("MergeShards", StreamName="s", ShardToMerge=SHARDS[2],
                                            AdjacentShardToMerge=other)
            self.assert_refused(answer, "InvalidArgumentException")

    def test_shards_are_split_and_merged_on_command(self):
        self.assertEqual(self.cloud.tell("reshard", stream="s", split=SHARDS[1])["open"],
                         [SHARDS[0], SHARDS[2], SHARDS[3]])
        self.assertEqual(self.cloud.tell("reshard", stream="s", merge=SHARDS[0],
                                         **{"with": SHARDS[2]})["open"],
                         ["shardId-000000000004", SHARDS[3]])
        self.cloud.tell("reshard", 400, stream="s", split=SHARDS[0])
        self.cloud.tell("reshard", 404, stream="s", split="shardId-000000000099")


class Limits(StreamCase):
    def setUp(self):
        super().setUp()
        self.cloud.tell("config", shard_limits=False)

    def test_a_request_has_five_hundred_records(self):
        self.assertEqual(self.put(*["k"] * 500)["FailedRecordCount"], 0)
        answer = self.cloud.try_kinesis("PutRecords", StreamName="s", Records=[
            {"Data": b64("x"), "PartitionKey": "k"}] * 501)
        self.assert_refused(answer, "ValidationException")
        answer = self.cloud.try_kinesis("PutRecords", StreamName="s", Records=[])
        self.assert_refused(answer, "ValidationException")
        self.assertEqual(self.cloud.audit()["streams"][0]["records"], 500)

    def test_a_record_has_a_megabyte_with_its_key_unless_the_stream_takes_more(self):
        self.assertEqual(self.try_put("k", "x" * (MEGABYTE - 1)).status, 200)
        self.assert_refused(self.try_put("k", "x" * MEGABYTE), "ValidationException")
        self.cloud.kinesis("UpdateMaxRecordSize", StreamName="s", MaxRecordSizeInKiB=2048)
        self.assertEqual(self.try_put("k", "x" * (2 * MEGABYTE - 1)).status, 200)
        self.assert_refused(self.try_put("k", "x" * 2 * MEGABYTE), "ValidationException")

    def test_a_request_has_so_many_bytes(self):
        self.cloud.tell("config", put_bytes=100)
        record = {"Data": b64("x" * 49), "PartitionKey": "k"}
        fits = self.cloud.try_kinesis("PutRecords", StreamName="s", Records=[record] * 2)
        self.assertEqual(fits.status, 200)
        large = dict(record, PartitionKey="kk")
        answer = self.cloud.try_kinesis("PutRecords", StreamName="s", Records=[record, large])
        self.assert_refused(answer, "InvalidArgumentException")

    def test_the_largest_request_fits_through_the_door(self):
        records = [{"Data": b64("x" * (MEGABYTE - 1)), "PartitionKey": "k"}] * 10
        answer = self.cloud.try_kinesis("PutRecords", StreamName="s", Records=records)
        self.assertEqual((answer.status, answer.body["FailedRecordCount"]), (200, 0))
        records.append({"Data": "", "PartitionKey": "k"})
        answer = self.cloud.try_kinesis("PutRecords", StreamName="s", Records=records)
        self.assert_refused(answer, "InvalidArgumentException")

    def test_a_key_has_256_characters_and_data_are_base64(self):
        self.assertEqual(self.try_put("\u00e4" * 256).status, 200)
        self.assert_refused(self.try_put("k" * 257), "ValidationException")
        self.assert_refused(self.try_put(""), "ValidationException")
        for data in ("x", "xxx%", "===="):
            answer = self.cloud.try_kinesis("PutRecord", StreamName="s", PartitionKey="k",
                                            Data=data)
            self.assert_refused(answer, "SerializationException")

    def test_a_shard_takes_a_thousand_records_a_second(self):
        self.cloud.tell("config", shard_limits=True)
        key, other = self.key_for(SHARDS[0]), self.key_for(SHARDS[1])
        for _ in range(400):
            answer = self.put(*[key] * 499, other)
            self.assertNotIn("ErrorCode", answer["Records"][-1], "of the other shard")
            if answer["FailedRecordCount"]:
                break
        last = answer["Records"][-2]
        self.assertEqual(last.get("ErrorCode"), THROTTLED)
        self.assertIn(SHARDS[0] + " in stream s", last["ErrorMessage"])
        self.cloud.advance(1)
        self.assertEqual(self.put(*[key] * 500)["FailedRecordCount"], 0)

    def test_a_shard_takes_a_megabyte_a_second(self):
        self.cloud.tell("config", shard_limits=True)
        key = self.key_for(SHARDS[0])
        for _ in range(100):
            answer = self.try_put(key, "x" * 900000)
            if answer.status != 200:
                break
        self.assert_refused(answer, THROTTLED)
        self.cloud.advance(1)
        self.assertEqual(self.try_put(key, "x" * 900000).status, 200)


class Faults(StreamCase):
    def sequences(self, **query):
        return [r["sequence"] for r in self.cloud.records("s", **query)]

    def test_some_records_fail_and_the_later_ones_do_not(self):
        self.cloud.fault("partial", action="PutRecords", count=2, skip=1)
        answer = self.put("a", "b", "c", "d")
        self.assertEqual(answer["FailedRecordCount"], 2)
        self.assertEqual([r.get("ErrorCode") for r in answer["Records"]],
                         [None, THROTTLED, THROTTLED, None])
        self.assertRegex(answer["Records"][1]["ErrorMessage"],
                         r"Rate exceeded for shard shardId-\d{12} in stream s under account 0{12}\.")
        self.assertEqual([r["key"] for r in self.cloud.records("s")], ["a", "d"])

    def test_a_record_may_fail_though_it_was_stored(self):
        self.cloud.fault("partial", action="PutRecords", count=1, after=True,
                         code="InternalFailure")
        [record] = self.put("a")["Records"]
        self.assertEqual(record, {"ErrorCode": "InternalFailure",
                                  "ErrorMessage": "Internal service failure."})
        self.assertEqual([r["acknowledged"] for r in self.cloud.records("s")], [False])

    def test_the_count_says_one_though_all_failed(self):
        self.cloud.fault("dishonest", count=1)
        answer = self.put("a", "b", "c")
        self.assertEqual(answer["FailedRecordCount"], 1)
        self.assertEqual([r["ErrorCode"] for r in answer["Records"]], [THROTTLED] * 3)
        self.assertEqual(self.cloud.records("s"), [])

    def test_one_shard_is_throttled_and_the_other_is_not(self):
        self.cloud.fault("shard", shard=SHARDS[0])
        answer = self.put(self.key_for(SHARDS[0]), self.key_for(SHARDS[1]))
        self.assertEqual([r.get("ErrorCode") for r in answer["Records"]], [THROTTLED, None])
        self.assert_refused(self.try_put(self.key_for(SHARDS[0])), THROTTLED)

    def test_records_of_one_request_are_stored_in_another_order(self):
        self.cloud.fault("reorder")
        key = self.key_for(SHARDS[0])
        records = [{"Data": b64("%02d" % i), "PartitionKey": key} for i in range(50)]
        answer = self.cloud.kinesis("PutRecords", StreamName="s", Records=records)
        stored = self.read_data(SHARDS[0])
        self.assertNotEqual(stored, sorted(stored))
        numbers = {r["sequence"]: base64.b64decode(r["data"]).decode()
                   for r in self.cloud.records("s", data=1)}
        self.assertEqual([numbers[r["SequenceNumber"]] for r in answer["Records"]],
                         ["%02d" % i for i in range(50)], "each answer tells of its own record")

    def test_records_stay_in_place_when_answers_are_shuffled(self):
        self.cloud.fault("shuffle")
        keys = ["k%d" % i for i in range(20)]
        answer = self.put(*keys)
        by_sequence = {r["sequence"]: r["key"] for r in self.cloud.records("s")}
        self.assertEqual([by_sequence[r["SequenceNumber"]] for r in answer["Records"]], keys)
        self.assertIn("X-New-Member", answer["Records"][0])

    def test_put_record_fails_in_both_spellings(self):
        words = "Rate exceeded for shard X in stream Y under account Z."
        for spelling, member in (("usual", "message"), ("newer", "ErrorMessage")):
            self.cloud.fault("throttle", action="PutRecord", message=words, spelling=spelling,
                             count=1)
            self.assertEqual(self.try_put().body, {"__type": THROTTLED, member: words})
        self.cloud.fault("throttle", action="PutRecord", message=words, spelling="older", count=1,
                         status=200)
        answer = self.try_put()
        self.assertEqual((answer.status, answer.body),
                         (200, {"ErrorCode": THROTTLED, "ErrorMessage": words}))
        self.cloud.fault("throttle", action="PutRecord", spelling="long", count=1)
        self.assertEqual(self.try_put().body["__type"],
                         "com.amazonaws.kinesis.v20131202#" + THROTTLED)
        self.assertEqual(self.cloud.records("s"), [])

    def test_a_request_that_failed_may_have_stored_its_records(self):
        self.cloud.fault("http", action="PutRecords", status=500, after=True, count=1)
        answer = self.cloud.try_kinesis("PutRecords", StreamName="s", Records=[
            {"Data": b64("x"), "PartitionKey": "k"}])
        self.assertEqual(answer.status, 500)
        [record] = self.cloud.records("s")
        self.assertFalse(record["acknowledged"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
