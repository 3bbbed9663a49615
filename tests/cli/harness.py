# SPDX-License-Identifier: Apache-2.0
"""The real program in a folder of its own.  Standard library only."""
import fcntl
import json
import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest

BUILD = os.path.abspath(os.environ.get("ORCH_BUILD", "build"))
PROGRAM = os.path.join(BUILD, "bin", "orchestrator")
PLUGINS = os.path.join(BUILD, "plugins")
SCRIPTED = os.path.join(BUILD, "tests", "script_plugins")
BROKEN = os.path.join(BUILD, "tests", "abi", "broken")
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE_S = 60  # only a hang takes so long

MAESTRO = ".*(5018|5020|5038|6304|6759|6761|6763)[0-9]{8,15}.*"
NUMBERS = ("6759649826438453", "676100041090")

TOOLS = """
state_dir = "var";
plugins = { path = [ "%s", "%s" ]; };
tools = ( { name = "dlp"; plugin = "dlp"; } );
""" % (PLUGINS, SCRIPTED)


def whole(port, tools=TOOLS):
    """All that a run needs."""
    return tools + """
http = { listen = "127.0.0.1:%d"; };
egress = { allow = [ "127.0.0.0/8" ]; };
inputs = ( { name = "in"; plugin = "script_input"; path = "/in"; } );
actions = ( { name = "act"; plugin = "script_action"; } );
pipelines = ( { name = "p"; inputs = [ "in" ]; tools = [ "dlp" ];
  policy = ( { when = { findings = 1; }; verdict = "block"; actions = [ "act" ]; } ); } );
""" % port


class Port:
    """A free port that nobody else is given: bound with SO_REUSEADDR as the program binds it."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.number = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


class Outcome:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def lines(self):
        return self.out.splitlines()

    def rows(self):
        """The JSON objects, one a line."""
        return [json.loads(line) for line in self.lines()]


class Case(unittest.TestCase):
    maxDiff = None
    config = TOOLS

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="orch-cli-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.write("orchestrator.cfg", self.config)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items()
                if k not in ("ORCHESTRATOR_CONFIG", "NO_COLOR")}
        return dict(kept, TZ="UTC", LC_ALL="C.UTF-8", **more)

    def bare(self, *words, stdin=b"", **env):
        """Just these words."""
        done = subprocess.run([PROGRAM, *words], input=stdin, capture_output=True, cwd=self.dir,
                              env=self.environment(**env), timeout=PATIENCE_S)
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run_it(self, *words, stdin=b"", **env):
        """These words with the configuration."""
        return self.bare(*words, stdin=stdin, ORCHESTRATOR_CONFIG=self.path("orchestrator.cfg"),
                         **env)

    def good(self, *words, **given):
        outcome = self.run_it(*words, **given)
        self.assertEqual(outcome.code, 0, outcome.err)
        return outcome

    def fails(self, code, says, *words, **given):
        outcome = self.run_it(*words, **given)
        self.assertEqual(outcome.code, code, outcome.out + outcome.err)
        self.assertIn(says, outcome.err)
        return outcome

    def on_terminal(self, *words, columns=0, **env):
        """What is written when standard output is a terminal; 0: of a size that nobody knows."""
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        child = subprocess.Popen([PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=follower,
                                 stderr=subprocess.DEVNULL, cwd=self.dir,
                                 env=self.environment(
                                     ORCHESTRATOR_CONFIG=self.path("orchestrator.cfg"), **env))
        os.close(follower)
        text = b""
        while True:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        os.close(leader)
        child.wait(timeout=PATIENCE_S)
        return text.decode().replace("\r\n", "\n")

    def add_maestro(self, *more):
        return self.good("rule", "add", "--tool", "dlp", "--name", "maestro", "--description",
                         "To match Maestro cards", "--severity", "high", "--state", "live",
                         *more, MAESTRO)


class Service:
    """`orchestrator run` beside the test."""

    def __init__(self, case, *words, started="event=started"):
        self.log_path = case.path("log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "run", "-c", case.path("orchestrator.cfg"), *words], stderr=log,
                stdout=subprocess.DEVNULL, cwd=case.dir, env=case.environment())
        self.await_log(started)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def await_log(self, words, count=1):
        until = time.monotonic() + PATIENCE_S
        while self.log().count(words) < count:
            if time.monotonic() > until or self.process.poll() is not None:
                raise AssertionError("%s did not come: %s" % (words, self.log()))
            time.sleep(0.005)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)
