# SPDX-License-Identifier: Apache-2.0
"""A stream of the stand-in, hosts that publish to it, and what one sees who reads it."""
import base64
import hashlib
import json

from cloud import REGION


class Stream:
    def __init__(self, site, shards=2):
        self.site = site
        self.box = site.box
        self.name = site.prefix + "stream"
        self.shard_count = shards
        self.create()
        self.accept_key()

    def create(self):
        self.box.kinesis("CreateStream", StreamName=self.name, ShardCount=self.shard_count)

    def delete(self):
        self.box.kinesis("DeleteStream", StreamName=self.name)

    def accept_key(self):
        """Beside others, the one with which hosts publish."""
        self.box.tell("credentials", access_key=self.site.given.stream_id,
                      secret_key=self.site.given.stream_secret)

    def add_to(self, settings):
        """An action `publish`, that never gives up."""
        settings.instances["publish"] = ("actions", {
            "plugin": "kinesis", "account": "streams", "stream": self.name, "attempts": "1000"})
        settings.top["accounts"] = self.account()

    def account(self):
        return ('( { name = "streams"; region = "%s"; endpoint = "%s"; access_key_id = "%s"; '
                'secret_access_key = "stream-secret"; } )'
                % (REGION, self.box.url, self.site.given.stream_id))

    # ---- shards

    def shards(self):
        """A child's id is greater than its parents'."""
        return sorted(self.box.kinesis("ListShards", StreamName=self.name)["Shards"],
                      key=lambda shard: shard["ShardId"])

    def open_shards(self):
        """In the order of the keys that they take."""
        return self.box.tell("reshard", stream=self.name)["open"]

    def takes(self, shard, key):
        """Are this partition key's records this shard's?"""
        low, high = next(
            [int(each["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey")]
            for each in self.shards() if each["ShardId"] == shard)
        return low <= int(hashlib.md5(key.encode()).hexdigest(), 16) <= high

    def split(self, shard):
        self.box.tell("reshard", stream=self.name, split=shard)

    def merge(self, shard, other):
        self.box.tell("reshard", stream=self.name, merge=shard, **{"with": other})

    # ---- records

    def read(self):
        """What was published, parents before children."""
        return [data for shard in self.shards() for data in self.read_shard(shard["ShardId"])]

    def read_shard(self, shard):
        iterator = self.box.kinesis("GetShardIterator", StreamName=self.name, ShardId=shard,
                                    ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        seen = []
        while iterator:
            answer = self.box.kinesis("GetRecords", ShardIterator=iterator)
            seen += [json.loads(base64.b64decode(record["Data"])) for record in answer["Records"]]
            iterator = answer.get("NextShardIterator")
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
        return seen
