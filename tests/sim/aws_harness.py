# SPDX-License-Identifier: Apache-2.0
"""A running `orchestrator-sim aws`, and a client for it that signs by hand."""
import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import tempfile
import time
import unittest
import urllib.parse

PROGRAM = os.environ.get("ORCH_SIM", "build/bin/orchestrator-sim")
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "example-secret-for-tests-only"
REGION = "eu-west-1"
ACCOUNT = "000000000000"
SERVICES = {"sqs": ("AmazonSQS", "application/x-amz-json-1.0"),
            "kinesis": ("Kinesis_20131202", "application/x-amz-json-1.1")}


def md5(data):
    return hashlib.md5(data.encode() if isinstance(data, str) else data).hexdigest()


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


class Signer:
    """Signature Version 4 of POST / without a query."""

    def __init__(self, access_key=ACCESS_KEY, secret_key=SECRET_KEY, token=None, region=REGION,
                 offset_s=0):
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token
        self.region = region
        self.offset_s = offset_s

    def stamp(self):
        now = datetime.datetime.utcfromtimestamp(time.time() + self.offset_s)
        return now.strftime("%Y%m%dT%H%M%SZ")

    def key(self, day, service):
        key = ("AWS4" + self.secret_key).encode()
        for part in (day, self.region, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key

    def sign(self, service, headers, body, stamp=None):
        """Adds what is needed to HEADERS, whose names are in lower case."""
        stamp = stamp or self.stamp()
        headers["x-amz-date"] = stamp
        if self.token:
            headers["x-amz-security-token"] = self.token
        names = ";".join(sorted(headers))
        canonical = "POST\n/\n\n%s\n%s\n%s" % (
            "".join("%s:%s\n" % (name, headers[name]) for name in sorted(headers)), names,
            hashlib.sha256(body).hexdigest())
        scope = "%s/%s/%s/aws4_request" % (stamp[:8], self.region, service)
        to_sign = "AWS4-HMAC-SHA256\n%s\n%s\n%s" % (
            stamp, scope, hashlib.sha256(canonical.encode()).hexdigest())
        signature = hmac.new(self.key(stamp[:8], service), to_sign.encode(),
                             hashlib.sha256).hexdigest()
        headers["authorization"] = (
            "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
                self.access_key, scope, names, signature))
        return headers


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.raw = body
        try:
            self.body = json.loads(body)
        except ValueError:
            self.body = None

    @property
    def code(self):
        """Of an error, without its name space."""
        return (self.body or {}).get("__type", "").rsplit("#", 1)[-1]


class Cloud:
    def __init__(self, *args, program=PROGRAM):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program, "aws", *args], stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            raise AssertionError("no ready line but %r, %s" % (line, self.errors()))
        self.url = line.split()[-1].rstrip("/")
        self.host = self.url.split("//", 1)[1]
        self.port = int(self.host.rsplit(":", 1)[1])
        self.signer = Signer()

    def reach(self):
        """Until somebody listens again."""
        connection = self.connect()
        for _ in range(10000000):
            try:
                connection.connect()
                connection.close()
                return
            except ConnectionRefusedError:
                continue
        raise AssertionError("it does not come back")

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode()

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def prepare(self, service, action, body, signer=None):
        prefix, media_type = SERVICES[service]
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"host": self.host, "content-type": media_type,
                   "x-amz-target": "%s.%s" % (prefix, action)}
        (signer or self.signer).sign(service, headers, data)
        return headers, data

    def post(self, headers, data, connection=None, timeout=30):
        own = connection is None
        connection = connection or self.connect(timeout)
        try:
            connection.request("POST", "/", data, headers)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            if own:
                connection.close()

    def ask(self, service, action, body, signer=None, connection=None, timeout=30):
        headers, data = self.prepare(service, action, body, signer)
        return self.post(headers, data, connection, timeout)

    def sqs(self, action, /, queue=None, **body):
        """The answer's body; anything but 200 is a failure of the test."""
        answer = self.try_sqs(action, queue, **body)
        if answer.status != 200:
            raise AssertionError("%s: %d %s" % (action, answer.status, answer.raw))
        return answer.body

    def try_sqs(self, action, queue=None, /, **body):
        if queue:
            body["QueueUrl"] = self.queue_url(queue)
        return self.ask("sqs", action, body)

    def kinesis(self, action, /, **body):
        answer = self.try_kinesis(action, **body)
        if answer.status != 200:
            raise AssertionError("%s: %d %s" % (action, answer.status, answer.raw))
        return answer.body

    def try_kinesis(self, action, /, **body):
        return self.ask("kinesis", action, body)

    def queue_url(self, name):
        return "%s/%s/%s" % (self.url, ACCOUNT, name)

    def arn(self, name):
        return "arn:aws:sqs:%s:%s:%s" % (REGION, ACCOUNT, name)

    def make(self, *names, **attributes):
        for name in names:
            self.sqs("CreateQueue", QueueName=name,
                     Attributes={key: str(value) for key, value in attributes.items()})

    def send(self, queue, *bodies, **more):
        """The ids of the messages, one call each."""
        return [self.sqs("SendMessage", queue, MessageBody=body, **more)["MessageId"]
                for body in bodies]

    def receive(self, queue, most=10, **more):
        return self.sqs("ReceiveMessage", queue, MaxNumberOfMessages=most,
                        **more).get("Messages", [])

    def control(self, method, name, body=None, query=None):
        connection = self.connect(90)
        path = "/_sim/aws/" + name + ("?" + urllib.parse.urlencode(query) if query else "")
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def tell(self, command, /, wanted=200, verb="POST", **args):
        if verb == "DELETE":
            status, value = self.control(verb, command, query=args)
        else:
            status, value = self.control(verb, command, args)
        if status != wanted:
            raise AssertionError("%s: %d %s" % (command, status, value))
        return value

    def get(self, name, /, wanted=200, **query):
        status, value = self.control("GET", name, query=query)
        if status != wanted:
            raise AssertionError("%s: %d %s" % (name, status, value))
        return value

    def fault(self, kind, **args):
        return self.tell("fault", kind=kind, **args)["number"]

    def advance(self, seconds):
        self.tell("clock", advance_ms=int(seconds * 1000))

    def audit(self):
        return self.get("audit")

    def queue_audit(self, name):
        return next(q for q in self.audit()["queues"] if q["name"] == name)

    def messages(self, queue, **query):
        return self.get("audit/messages", queue=queue, **query)["messages"]

    def records(self, stream, **query):
        return self.get("audit/records", stream=stream, **query)["records"]

    def stop(self):
        self.process.terminate()
        code = self.process.wait(20)
        self.process.stdout.close()
        text = self.errors()
        self.log.close()
        return code, text


class CloudCase(unittest.TestCase):
    options = ("--seed", "7")

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud(*cls.options)

    @classmethod
    def tearDownClass(cls):
        code, text = cls.cloud.stop()
        if code != 0 or "ERROR: " in text or "runtime error" in text:
            raise AssertionError("ended with %d: %s" % (code, text))
        if SECRET_KEY in text:
            raise AssertionError("a secret was printed")

    def setUp(self):
        self.cloud.tell("reset")

    def assert_refused(self, answer, code, status=400):
        self.assertEqual((answer.code, answer.status), (code, status), answer.raw)
