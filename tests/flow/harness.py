# SPDX-License-Identifier: Apache-2.0
"""A small Slack and an orchestrator in a folder of their own, started, asked and stopped.

Used by the flow player and by the demonstration.  Standard library only.
"""
import ctypes
import hashlib
import hmac
import http.client
import http.server
import json
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

PATIENCE_S = float(os.environ.get("FLOW_PATIENCE_S", "30"))
START_PATIENCE_S = PATIENCE_S  # stays, where a test has less for what it knows will not come


class Failed(Exception):
    """Something was expected and something else was seen."""

    def __init__(self, expected, seen):
        super().__init__("expected %s, saw %s" % (expected, seen))
        self.expected = expected
        self.seen = seen


def poll(expected, look, patience_s=None):
    """Asks LOOK, which gives (is it so?, what was seen), until it is so or patience ends."""
    until = time.monotonic() + (PATIENCE_S if patience_s is None else patience_s)
    pause_s = 0.004
    while True:
        is_so, seen = look()
        if is_so:
            return seen
        if time.monotonic() > until:
            raise Failed(expected, seen)
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.1)


def launch(command, given, **files):
    """A child that no Ctrl-C of ours reaches, and that does not outlive us."""
    libc = ctypes.CDLL(None)
    death_signal = 1  # PR_SET_PDEATHSIG
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=given.environment(),
                            start_new_session=True,
                            preexec_fn=lambda: libc.prctl(death_signal, signal.SIGKILL), **files)


class Port:
    """A free port that nobody else is given as long as we live.

    The socket is bound and never listens, so a program that binds the same port
    with SO_REUSEADDR, as ours does, has it to itself.
    """

    def __init__(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.number = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode(errors="replace")


def ask(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Secrets:
    """Drawn anew for each run, so that whatever holds one of them leaked it."""

    def __init__(self):
        self.signing = secrets.token_hex(20)
        self.bot = "bot-token-" + secrets.token_urlsafe(24)
        self.admin = "admin-token-" + secrets.token_urlsafe(24)

    def environment(self):
        return dict(os.environ, SLACK_SIGNING_SECRET=self.signing, SLACK_BOT_TOKEN=self.bot,
                    SLACK_ADMIN_TOKEN=self.admin, NO_COLOR="1")

    def all(self):
        return [self.signing, self.bot, self.admin]

    def sign(self, body, timestamp):
        return "v0=" + hmac.new(self.signing.encode(), b"v0:%s:%s" % (timestamp.encode(), body),
                                hashlib.sha256).hexdigest()


class Sim:
    """orchestrator-sim slack."""

    def __init__(self, program, events_port, given, log_path, listen="127.0.0.1:0", options=()):
        self.log_path = log_path
        with open(log_path, "wb") as log:
            self.process = launch(
                [program, "slack", "--listen", listen,
                 "--events-url", "http://127.0.0.1:%d/slack/events" % events_port, *options],
                given, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            raise Failed("orchestrator-sim to listen", read_text(log_path) or repr(line))
        self.url = line.split()[-1].rstrip("/")
        self.port = int(self.url.rsplit(":", 1)[1])

    def tell(self, command, **args):
        answer = ask(self.port, "POST", "/sim/" + command, json.dumps(args))
        value = answer.json()
        if answer.status != 200:
            raise Failed("/sim/%s to succeed" % command, "%d %s" % (answer.status, value))
        return value

    def state(self, **args):
        return ask(self.port, "GET", "/sim/state?" + urllib.parse.urlencode(args)).json()

    def brief(self):
        """What is cheap to show: counts, nothing of the past."""
        return self.state(messages=0, calls=0, deliveries=0)

    def stop(self):
        return stop_process(self.process)


class Canary:
    """A stranger's server that notes what it is sent; no secret may ever be among it."""

    def __init__(self):
        self.seen = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                outer.seen.append("%s\n%s\n%s" % (self.requestline, self.headers,
                                                  self.rfile.read(length).decode(errors="replace")))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_GET = do_POST = answer

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Orchestrator:
    """`orchestrator` with one configuration file: run again and again, and asked by its commands.

    PORT takes events, HEALTH_PORT has the metrics; LOG_PREFIX gets a number for each run.
    """

    def __init__(self, program, config_path, given, port, health_port, log_prefix):
        self.program = program
        self.config_path = config_path
        self.given = given
        self.port = port
        self.health_port = health_port
        self.log_prefix = log_prefix
        self.process = None
        self.log_paths = []
        self.outputs = []  # of commands, as they could end up in a terminal or a ticket

    def begin(self, *args):
        path = "%s.%d.log" % (self.log_prefix, len(self.log_paths) + 1)
        with open(path, "wb") as log:
            self.process = launch([self.program, "run", "-c", self.config_path, *args],
                                  self.given, stdout=log, stderr=log)
        self.log_paths.append(path)

    def start(self, *args, path="/readyz"):
        self.begin(*args)
        poll("200 from " + path, lambda: self.look_ready(path), START_PATIENCE_S)

    def look_ready(self, path):
        if self.process.poll() is not None:
            raise Failed("the orchestrator to be ready", "it exited with %d: %s" % (
                self.process.returncode, read_text(self.log_paths[-1])[-2000:]))
        try:
            answer = self.get(path)
            return answer.status == 200, "%d %s" % (answer.status, answer.text())
        except OSError as error:
            return False, str(error)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def get(self, path):
        return ask(self.health_port, "GET", path)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait_exit(self):
        """The exit code; None if it does not end."""
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait_exit()

    def command(self, *args):
        """Exit code, standard output, standard error."""
        verb = 2 if args[0] in ("rule", "finding", "queue", "store", "plugin") else 1
        done = subprocess.run(
            [self.program, *args[:verb], "-c", self.config_path, *args[verb:]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.given.environment(), text=True, timeout=PATIENCE_S, check=False)
        if "--reveal" not in args:
            self.outputs.append(" ".join(args[:verb]) + "\n" + done.stdout + done.stderr)
        return done.returncode, done.stdout, done.stderr

    def json_lines(self, *args):
        code, out, err = self.command(*args, "--json")
        if code not in (0, 66):
            raise Failed("orchestrator %s to succeed" % " ".join(args), "%d: %s" % (code, err))
        return [json.loads(line) for line in out.splitlines()]

    def queues(self):
        """(the ledger, the queues by name)"""
        lines = self.json_lines("queue", "list")
        ledger = next((l["ledger"] for l in lines if "ledger" in l), None)
        return ledger or {"accepted": 0, "done": 0, "dropped": 0, "dead": 0, "in_flight": 0,
                          "duplicates": 0, "damaged": 0, "imbalance": 0}, \
            {l["queue"]: l for l in lines if "queue" in l}

    def log_lines(self):
        """Every line of every run that is a JSON object."""
        found = []
        for path in self.log_paths:
            for line in read_text(path).splitlines():
                if line.startswith("{"):
                    try:
                        found.append(json.loads(line))
                    except ValueError:
                        pass  # the last one, being written
        return found

    def send_event(self, body, timestamp_offset_s=0, headers=(), sign=None, method="POST",
                   path="/slack/events"):
        """A request as Slack would sign it; SIGN may spoil the signature."""
        timestamp = str(int(time.time()) + timestamp_offset_s)
        signature = self.given.sign(body, timestamp)
        if sign is not None:
            signature = sign(signature)
        all_headers = {"Content-Type": "application/json", "X-Slack-Request-Timestamp": timestamp,
                       "X-Slack-Signature": signature}
        for name, value in headers:
            if value is None:
                all_headers.pop(name, None)
            else:
                all_headers[name] = value
        return ask(self.port, method, path, body, all_headers)


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def stop_process(process):
    process.terminate()
    try:
        code = process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if process.stdout:
        process.stdout.close()
    return code


def metrics_of(text):
    """{name: [(labels, value)]} of a page in Prometheus' format."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        series, value = line.rsplit(" ", 1)
        name, _, rest = series.partition("{")
        labels = {}
        for pair in split_labels(rest.rstrip("}")):
            key, _, quoted = pair.partition("=")
            labels[key] = json.loads(quoted)
        found.setdefault(name, []).append((labels, float(value)))
    return found


def split_labels(text):
    pairs, begin, quoted = [], 0, False
    for at, char in enumerate(text):
        if char == '"' and text[at - 1] != "\\":
            quoted = not quoted
        elif char == "," and not quoted:
            pairs.append(text[begin:at])
            begin = at + 1
    return pairs + [text[begin:]] if text else []
