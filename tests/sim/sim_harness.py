# SPDX-License-Identifier: Apache-2.0
"""A running orchestrator-sim, a receiver of its events, and what its tests in Python share."""
import hashlib
import hmac
import http.client
import http.server
import json
import os
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

SIGNING = "test-signing-secret-value"
BOT = "test-bot-token-value"
ADMIN = "test-admin-token-value"
PROGRAM = os.environ.get("ORCH_SIM", "build/bin/orchestrator-sim")


class Receiver:
    """Takes events; `answers` says what to do with the next ones, else 200."""

    def __init__(self):
        self.events = []
        self.answers = []
        self.changed = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.take(self, body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # a sender that is reset in the middle is no news

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/slack/events" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, handler, body):
        timestamp = handler.headers.get("X-Slack-Request-Timestamp", "")
        good = "v0=" + hmac.new(SIGNING.encode(), b"v0:%s:%s" % (timestamp.encode(), body),
                                hashlib.sha256).hexdigest()
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        with self.changed:
            answer = self.answers.pop(0) if self.answers else (200, {}, b"")
        if value and value.get("type") == "url_verification" and answer[0] == 200:
            answer = (200, {}, answer[2] or value["challenge"].encode())
        with self.changed:
            self.events.append({
                "body": value, "raw": body, "headers": handler.headers, "timestamp": timestamp,
                "signature": handler.headers.get("X-Slack-Signature"), "good": good})
            self.changed.notify_all()
        if answer[0] == 0:  # no answer, until the sender gives up
            handler.close_connection = True
            handler.connection.recv(1)
            return
        handler.send_response(answer[0])
        for name, text in answer[1].items():
            handler.send_header(name, text)
        handler.send_header("Content-Length", str(len(answer[2])))
        handler.end_headers()
        handler.wfile.write(answer[2])

    def wait(self, count, seconds=10):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.events) >= count, seconds):
                raise AssertionError("%d of %d events came" % (len(self.events), count))
            return list(self.events)

    def inner(self, index=-1):
        return self.events[index]["body"]["event"]

    def clear(self):
        with self.changed:
            self.events.clear()
            self.answers.clear()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Sim:
    def __init__(self, program, events_url, *args, env=None):
        self.log = tempfile.TemporaryFile()
        environment = dict(os.environ, SLACK_SIGNING_SECRET=SIGNING, SLACK_BOT_TOKEN=BOT,
                           SLACK_ADMIN_TOKEN=ADMIN)
        environment.update(env or {})
        self.process = subprocess.Popen(
            [program, "slack", "--listen", "127.0.0.1:0", "--events-url", events_url, *args],
            stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            raise AssertionError("no ready line but %r, %s" % (line, self.errors()))
        self.url = line.split()[-1].rstrip("/")
        self.port = int(self.url.rsplit(":", 1)[1])

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode()

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def sim(self, command, /, wanted=200, verb="POST", **args):
        status, _, body = self.request(
            verb, "/sim/" + command, json.dumps(args) if verb == "POST" else None)
        value = json.loads(body)
        if status != wanted:
            raise AssertionError("/sim/%s: %d %s" % (command, status, value))
        return value

    def get(self, name, /, **args):
        status, _, body = self.request("GET", "/sim/%s?%s" % (name, urllib.parse.urlencode(args)))
        return json.loads(body)

    def api(self, call, token=BOT, /, as_json=False, **args):
        return json.loads(self.raw_api(call, token, as_json=as_json, **args)[2])

    def raw_api(self, call, token=BOT, /, as_json=False, **args):
        headers = {"Authorization": "Bearer " + token} if token else {}
        if as_json:
            headers["Content-Type"] = "application/json; charset=utf-8"
            body = json.dumps(args)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(
                {k: json.dumps(v) if isinstance(v, (dict, list, bool)) else v
                 for k, v in args.items()})
        return self.request("POST", "/api/" + call, body, headers)

    def say(self, channel="general", user="alice", text="hello", **args):
        return self.sim("message", channel=channel, user=user, text=text, **args)

    def channel(self, name):
        return next(c for c in self.get("state")["channels"] if c["name"] == name)

    def message(self, channel, ts):
        for one in self.get("state")["channels"]:
            if channel in (one["name"], one["id"]):
                return next(m for m in one["messages"] if m["ts"] == ts)
        raise AssertionError("no channel " + channel)

    def stop(self):
        self.process.terminate()
        code = self.process.wait(20)
        self.process.stdout.close()
        text = self.errors()
        self.log.close()
        return code, text


class SimCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver()
        cls.slack = Sim(PROGRAM, cls.receiver.url, "--retry-delays", "0,10ms,20ms", "--page")

    @classmethod
    def tearDownClass(cls):
        code, text = cls.slack.stop()
        cls.receiver.close()
        if code != 0 or "ERROR: " in text or "runtime error" in text:
            raise AssertionError("ended with %d: %s" % (code, text))
        for secret in (SIGNING, BOT, ADMIN):
            if secret in text:
                raise AssertionError("a secret was printed")

    def setUp(self):
        self.slack.sim("reset")
        self.slack.sim("config", events_url=self.receiver.url, retry_delays="0,10ms,20ms",
                       answer_limit_ms=3000)
        self.receiver.clear()

    def tearDown(self):
        self.slack.sim("fault", verb="DELETE")
        self.slack.sim("release", drop=True)
        self.settle()

    def settle(self):
        self.assertTrue(self.slack.get("wait", idle=1)["ok"])
