#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is only what is signed, in time and by a valid credential, let in?"""
import calendar
import email.utils
import json
import time
import unittest

from aws_harness import Cloud, CloudCase, Signer

# Made by two other implementations that agree; see SignatureExamples.
EXAMPLE_STAMP = "20261121T030000Z"
SQS_SIGNATURE = "e8698f4942cdc43bbb2d48ecb45ab0eb8fcbfdb1a31afd8aa6e9fd7a39ae8a17"
KINESIS_SIGNATURE = "0cf4c02313ed115aca21ba1d4463bac5faa6dfdea9877e2b5b4de9407ca01489"


class Signatures(CloudCase):
    def ask(self, signer=None, change=None, service="sqs", action="ListQueues"):
        headers, data = self.cloud.prepare(service, action, {}, signer)
        if change:
            data = change(headers, data) or data
        return self.cloud.post(headers, data)

    def assert_bad(self, answer, code="InvalidSignatureException"):
        self.assert_refused(answer, code, 403)

    def test_a_signed_request_is_let_in(self):
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(self.ask(service="kinesis", action="ListStreams").status, 200)

    def test_a_wrong_secret_or_key_is_refused(self):
        answer = self.ask(Signer(secret_key="wrong"))
        self.assert_bad(answer)
        self.assertEqual(answer.headers["x-amzn-query-error"], "SignatureDoesNotMatch;Sender")
        answer = self.ask(Signer(access_key="AKIDOTHER"))
        self.assert_bad(answer, "UnrecognizedClientException")
        self.assertEqual(answer.headers["x-amzn-query-error"], "InvalidClientTokenId;Sender")
        answer = self.ask(Signer(secret_key="wrong"), service="kinesis", action="ListStreams")
        self.assertEqual((answer.status, answer.body["__type"]),
                         (400, "InvalidSignatureException"))

    def test_what_was_signed_must_not_change(self):
        self.assert_bad(self.ask(change=lambda headers, data: data + b" "))
        self.assert_bad(self.ask(change=lambda headers, data: headers.update(
            {"x-amz-target": "AmazonSQS.DeleteQueue"})))
        self.assert_bad(self.ask(change=lambda headers, data: headers.update(
            {"x-amz-extra": "not signed"})))
        self.assert_bad(self.ask(change=lambda headers, data: headers.update(
            {"host": "elsewhere:%d" % self.cloud.port})))

    def test_the_signature_must_be_whole(self):
        def cut(headers, data):
            headers["authorization"] = headers["authorization"][:-1]
        self.assert_bad(self.ask(change=cut))
        answer = self.ask(change=lambda headers, data: headers.update({"authorization": "Basic x"}))
        self.assert_refused(answer, "IncompleteSignatureException")
        answer = self.ask(change=lambda headers, data: (headers.pop("authorization"), None)[1])
        self.assert_bad(answer, "MissingAuthenticationTokenException")
        answer = self.ask(change=lambda headers, data: (headers.pop("x-amz-date"), None)[1])
        self.assert_refused(answer, "IncompleteSignatureException")

    def test_the_scope_must_name_region_service_and_day(self):
        self.assert_bad(self.ask(Signer(region="us-east-1")))
        headers, data = self.cloud.prepare("sqs", "ListQueues", {})
        self.cloud.signer.sign("kinesis", {name: headers[name] for name in headers}, data)
        for name in ("authorization", "x-amz-date"):
            headers.pop(name)
        self.assert_bad(self.cloud.post(self.cloud.signer.sign("kinesis", headers, data), data))
        answer = self.ask(change=lambda headers, data: headers.update(
            {"x-amz-date": "20010101T000000Z"}))
        self.assert_bad(answer)

    def test_a_clock_may_be_five_minutes_wrong_and_not_more(self):
        for offset_s, status in ((-290, 200), (290, 200), (-330, 403), (330, 403)):
            self.assertEqual(self.ask(Signer(offset_s=offset_s)).status, status, offset_s)

    def test_a_skewed_clock_is_told_by_its_date(self):
        for skew_s in (3600, -3600):
            self.cloud.tell("clock", skew_ms=skew_s * 1000)
            answer = self.ask()
            self.assert_bad(answer)
            date = calendar.timegm(email.utils.parsedate(answer.headers["Date"]))
            offset_s = date - time.time()
            self.assertAlmostEqual(offset_s, skew_s, delta=120)
            self.assertEqual(self.ask(Signer(offset_s=offset_s)).status, 200)
        self.cloud.tell("clock", skew_ms=0)
        self.assertEqual(self.ask().status, 200)

    def test_leases_take_no_notice_of_the_skew(self):
        self.cloud.make("q")
        self.cloud.send("q", "m")
        self.cloud.receive("q")
        self.cloud.tell("clock", skew_ms=240000)
        self.assertEqual(self.cloud.receive("q"), [])

    def test_credentials_expire_on_command(self):
        self.cloud.tell("credentials", expire=True)
        answer = self.ask()
        self.assert_bad(answer, "ExpiredTokenException")
        self.assertEqual(answer.headers["x-amzn-query-error"], "ExpiredToken;Sender")
        self.cloud.tell("credentials", expire=True, code="ExpiredToken")
        self.assert_bad(self.ask(), "ExpiredToken")

    def test_credentials_rotate_while_the_old_ones_are_still_good(self):
        new = Signer("AKIDNEW", "another-made-up-secret", "a/token+with=chars")
        self.cloud.tell("credentials", access_key=new.access_key, secret_key=new.secret_key,
                        session_token=new.token)
        self.assertEqual((self.ask().status, self.ask(new).status), (200, 200))
        self.cloud.tell("credentials", expire=True, access_key="AKIDEXAMPLE")
        self.assert_bad(self.ask(), "ExpiredTokenException")
        self.assertEqual(self.ask(new).status, 200)
        self.assert_bad(self.ask(Signer(new.access_key, new.secret_key)),
                        "UnrecognizedClientException")
        self.assert_bad(self.ask(Signer(new.access_key, new.secret_key, "another")),
                        "UnrecognizedClientException")

    def test_credentials_can_be_had_as_a_container_and_as_a_machine_gets_them(self):
        connection = self.cloud.connect()
        self.cloud.tell("credentials", access_key="AKIDNEW", secret_key="s", session_token="t")

        def ask(method, path, **headers):
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()

        status, body = ask("GET", "/credentials")
        self.assertEqual(status, 200)
        self.assertIn(b'"AccessKeyId":"AKIDNEW"', body)
        self.assertIn(b'"Token":"t"', body)
        roles = "/latest/meta-data/iam/security-credentials/"
        self.assertEqual(ask("GET", roles)[0], 401)
        token = ask("PUT", "/latest/api/token")[1].decode()
        role = ask("GET", roles, **{"X-aws-ec2-metadata-token": token})[1].decode()
        status, again = ask("GET", roles + role, **{"X-aws-ec2-metadata-token": token})
        self.assertEqual((status, json.loads(again)["SecretAccessKey"]), (200, "s"))
        self.cloud.tell("config", provider=False)
        self.assertEqual(ask("GET", "/credentials")[0], 503)
        self.cloud.tell("config", provider=True)
        self.assertEqual(ask("GET", "/credentials")[0], 200)
        self.cloud.tell("credentials", expire=True)
        self.assertEqual(ask("GET", "/credentials")[0], 503)
        connection.close()


class SignatureExamples(unittest.TestCase):
    """Known answers, replayed byte by byte to a stand-in whose clock stands at their time."""

    def replay(self, host, media_type, target, service, signature, body, *options, token=None):
        at = calendar.timegm(time.strptime(EXAMPLE_STAMP, "%Y%m%dT%H%M%SZ"))
        cloud = Cloud("--skew-ms", str(int((at - time.time()) * 1000)), *options)
        names = "content-type;host;x-amz-date;%sx-amz-target" % (
            "x-amz-security-token;" if token else "")
        headers = {"content-type": media_type, "host": host, "x-amz-date": EXAMPLE_STAMP,
                   "x-amz-target": target, "authorization":
                   "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/eu-west-1/%s/aws4_request, "
                   "SignedHeaders=%s, Signature=%s" % (service, names, signature)}
        if token:
            headers["x-amz-security-token"] = token
        try:
            return cloud.post(headers, body)
        finally:
            self.assertEqual(cloud.stop()[0], 0)

    def sqs(self, signature):
        return self.replay(
            "sqs.eu-west-1.amazonaws.com", "application/x-amz-json-1.0",
            "AmazonSQS.ReceiveMessage", "sqs", signature,
            b'{"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/000000000000/submissions",'
            b'"MaxNumberOfMessages":10}', "--queue", "submissions")

    def test_the_example_of_sqs_is_accepted(self):
        self.assertEqual((self.sqs(SQS_SIGNATURE).status, self.sqs(KINESIS_SIGNATURE).status),
                         (200, 403))

    def test_the_example_of_kinesis_with_a_token_is_accepted(self):
        token = "example/token+with=chars"
        answer = self.replay(
            "127.0.0.1:14567", "application/x-amz-json-1.1", "Kinesis_20131202.PutRecords",
            "kinesis", KINESIS_SIGNATURE,
            b'{"StreamName":"events","Records":[{"Data":"aGVsbG8=","PartitionKey":"k1"}]}',
            "--stream", "events:1", "--session-token", token, token=token)
        self.assertEqual((answer.status, answer.body["FailedRecordCount"]), (200, 0))


class Unsigned(CloudCase):
    options = ("--no-auth",)

    def test_without_authorization_everything_is_let_in(self):
        headers, data = self.cloud.prepare("sqs", "ListQueues", {})
        del headers["authorization"]
        self.assertEqual(self.cloud.post(headers, data).status, 200)
        self.cloud.tell("config", auth=True)
        self.assert_refused(self.cloud.post(headers, data), "MissingAuthenticationTokenException",
                            403)


if __name__ == "__main__":
    unittest.main(verbosity=2)
