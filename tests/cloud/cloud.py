# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the cloud, for a module of tests: moto for AWS, and a PostgreSQL."""
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[1:1] = [os.path.join(TESTS, "flow"), os.path.join(TESTS, "support")]

import boto3
from botocore.config import Config

import harness
import postgres
from harness import Failed, poll

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(os.path.dirname(TESTS), "build")))
REGION = "eu-west-1"
ACCOUNT = "123456789012"
SERVER = os.path.join(HERE, "stand_in.py")


class Environment:
    """Ours, without what AWS's clients would read there."""

    def __init__(self, **more):
        self.more = more

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return dict(kept, **self.more)


class Moto:
    """AWS's stand-in.  With OPEN_CALLS it looks at signatures and permissions, after so many calls."""

    def __init__(self, folder, open_calls=None):
        self.port = harness.Port()
        self.url = "http://127.0.0.1:%d" % self.port.number
        self.log_path = os.path.join(folder, "moto.log")
        self.environment = Environment(
            **({} if open_calls is None else {"INITIAL_NO_AUTH_ACTION_COUNT": str(open_calls)}))
        self.begin()

    def begin(self):
        """It knows nothing of what was before."""
        with open(self.log_path, "ab") as log:
            self.process = harness.launch(
                [sys.executable, SERVER, "-p", str(self.port.number)], self.environment, stdout=log,
                stderr=log)

    def client(self, service, key_id="anybody", secret="anything"):
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=key_id,
            aws_secret_access_key=secret, config=Config(retries={"total_max_attempts": 5}))

    def wait(self):
        def look():
            if self.process.poll() is not None:
                raise Failed("moto to run", harness.read_text(self.log_path)[-2000:])
            try:
                return harness.ask(self.port.number, "GET", "/moto-api/").status == 200, "no 200"
            except OSError as error:
                return False, str(error)

        poll("moto to answer", look)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        self.port.close()


class Cloud:
    def __init__(self, open_calls=None):
        self.folder = tempfile.mkdtemp(prefix="orch-cloud-")
        self.moto = Moto(self.folder, open_calls)
        self.postgres = postgres.Postgres(os.path.join(BUILD, "postgres-template"))
        self.postgres.start()
        self.moto.wait()
        self.sqs = self.moto.client("sqs")
        self.sqs.list_queues()  # moto looks for it at the first call
        self.sites = 0

    def close(self):
        self.moto.close()
        self.postgres.close()
        if os.environ.get("FLOW_KEEP"):
            print("kept: " + self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


class Queue:
    """A queue as somebody sees it who has AWS's own client."""

    def __init__(self, sqs, name):
        self.sqs = sqs
        self.name = name
        self.arn = "arn:aws:sqs:%s:%s:%s" % (REGION, ACCOUNT, name)
        self.url = "%s/%s/%s" % (sqs.meta.endpoint_url, ACCOUNT, name)

    def exists(self):
        return self.count() is not None

    def create(self, **attributes):
        self.sqs.create_queue(QueueName=self.name, Attributes=attributes)

    def delete(self):
        self.sqs.delete_queue(QueueUrl=self.url)

    def purge(self):
        self.sqs.purge_queue(QueueUrl=self.url)

    def change(self, **attributes):
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes=attributes)

    def attributes(self):
        return self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]

    def count(self):
        """All that it holds, whether somebody is at it or not; None: it is not there."""
        try:
            found = self.attributes()
        except self.sqs.exceptions.QueueDoesNotExist:
            return None
        return sum(int(found["ApproximateNumberOfMessages" + what])
                   for what in ("", "NotVisible", "Delayed"))

    def await_count(self, count):
        poll("%d messages in %s" % (count, self.name),
             lambda: ((seen := self.count()) == count, seen))

    def send(self, body, attributes=None):
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body,
                              MessageAttributes=attributes or {})

    def receive(self, hide_s=30):
        """All that can be received at once, as long as nobody else does."""
        found = []
        while True:
            more = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=hide_s,
                MessageAttributeNames=["All"]).get("Messages", [])
            if not more:
                return found
            found += more

    def look(self):
        """The same, and everything is as it was."""
        found = self.receive()
        for message in found:
            self.sqs.change_message_visibility(QueueUrl=self.url, VisibilityTimeout=0,
                                               ReceiptHandle=message["ReceiptHandle"])
        return found

    def await_letters(self, count):
        """The same of a dead-letter queue, once it has so many with a reason and nobody is at them."""
        def look():
            seen = self.look()
            return len(seen) == count == sum("reason" in plain(letter) for letter in seen), seen

        return poll("%d letters in %s" % (count, self.name), look)

    def remove(self, message):
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def move_all_to(self, other):
        """As AWS's own redrive does it: body and attributes stay what they are."""
        moved = self.receive()
        for message in moved:
            other.send(message["Body"], plain(message))
            self.remove(message)
        return len(moved)


def plain(message):
    """Its attributes as they can be sent."""
    return {name: {key: value[key] for key in ("DataType", "StringValue")}
            for name, value in message.get("MessageAttributes", {}).items()}
