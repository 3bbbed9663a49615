#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the program at work: a small Slack, the orchestrator, and a few messages.

    demo.py          post them, show what became of each, and stay for the visitor
    demo.py --once   end after that: exit 0 if each came out as it must

The environment variable BUILD names the folder in which both were built.
"""
import argparse
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import harness

TREE = os.path.dirname(os.path.dirname(HERE))
CONFIG = os.path.join(TREE, "config", "orchestrator.cfg")
PATIENCE_S = 30
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Screen:
    """Lines for people: coloured on a terminal, plain elsewhere."""

    def __init__(self):
        self.is_terminal = sys.stdout.isatty()
        self.has_color = self.is_terminal and "NO_COLOR" not in os.environ
        self.frame = 0

    def paint(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.has_color else text

    def bold(self, text):
        return self.paint("1", text)

    def dim(self, text):
        return self.paint("2", text)

    def good(self, text):
        return self.paint("32", text)

    def bad(self, text):
        return self.paint("31", text)

    def say(self, text=""):
        self.clear()
        print(text, flush=True)

    def wait(self, text):
        """One more picture of the line that says that something is awaited."""
        if self.is_terminal:
            self.frame += 1
            print("\r    %s %s\033[K" % (FRAMES[self.frame % len(FRAMES)], text), end="", flush=True)

    def clear(self):
        if self.is_terminal:
            print("\r\033[K", end="")


class Config:
    """A configuration file as somebody wrote it, of which we need to know two ports."""

    LISTEN = re.compile(r'(^\s*http\s*=\s*\{[^}]*?\blisten\s*=\s*"[^"]*:)(\d+)(")', re.M)
    SLACK = re.compile(r'(\bapi_url\s*=\s*"http://127\.0\.0\.1:)(\d+)(/)')
    LOG = re.compile(r'^\s*log\s*=\s*\{[^}]*\}\s*;?', re.M)

    def __init__(self, path):
        self.folder = os.path.dirname(os.path.abspath(path))
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.events_port = self.port(self.LISTEN, 'http = { listen = "ADDRESS:PORT"; }', path)
        self.slack_port = self.port(self.SLACK, 'api_url = "http://127.0.0.1:PORT/api/"', path)

    def port(self, pattern, wanted, path):
        found = pattern.search(self.text)
        if not found:
            raise harness.Failed("%s in %s" % (wanted, path), "none")
        return int(found.group(2))

    def write(self, folder, events_port, slack_port):
        """The same in FOLDER, for these ports and with a log that we can read.

        What lies beside the file lies beside the new one, so that relative paths hold;
        a state in ../var is thereby beside FOLDER.
        """
        os.mkdir(folder)
        for name in os.listdir(self.folder):
            os.symlink(os.path.join(self.folder, name), os.path.join(folder, name))
        path = os.path.join(folder, "demo.cfg")
        text = self.LISTEN.sub(r"\g<1>%d\3" % events_port, self.text)
        text = self.SLACK.sub(r"\g<1>%d\3" % slack_port, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.LOG.sub("", text) + '\nlog = { format = "json"; level = "debug"; };\n')
        return path


class Stage:
    """Both programs, in a folder that is gone afterwards."""

    def __init__(self, build, config_path):
        self.ports = []
        self.sim = self.orchestrator = None
        self.folder = tempfile.mkdtemp(prefix="demo-")
        try:
            self.open(build, Config(config_path))
        except BaseException:
            self.close()
            raise

    def open(self, build, config):
        given = harness.Secrets()
        self.events_port, slack_port = self.choose(config.events_port), self.choose(config.slack_port)
        self.config_path = config.write(os.path.join(self.folder, "config"), self.events_port, slack_port)
        self.sim = harness.Sim(
            os.path.join(build, "bin", "orchestrator-sim"), self.events_port, given,
            os.path.join(self.folder, "sim.log"), "127.0.0.1:%d" % slack_port,
            ["--page", "--seed", str(secrets.randbelow(1 << 31))])
        self.orchestrator = harness.Orchestrator(
            os.path.join(build, "bin", "orchestrator"), self.config_path, given,
            self.events_port, self.events_port, os.path.join(self.folder, "orchestrator"))
        self.orchestrator.start()

    def choose(self, wanted):
        """The port of the configuration, or a free one if somebody has it."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
                return wanted
            except OSError:
                self.ports.append(harness.Port())
                return self.ports[-1].number

    def close(self):
        if self.orchestrator and self.orchestrator.is_running():
            self.orchestrator.stop()
        if self.sim:
            self.sim.stop()
        for port in self.ports:
            port.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def message(self, reply):
        for channel in self.sim.state(calls=0, deliveries=0)["channels"]:
            for shown in channel["messages"]:
                if channel["id"] == reply["channel"] and shown["ts"] == reply["ts"]:
                    return shown
        return None

    def kept(self, reply):
        """What the orchestrator keeps of the event: (rules, the action's result), or None."""
        for event in self.orchestrator.json_lines("finding", "list"):
            if event["id"].endswith(":" + reply["event_id"]):
                shown = self.orchestrator.json_lines("finding", "show", event["id"])[0]
                block = next((a for a in shown["actions"] if a["action"] == "block"), None)
                return ", ".join(sorted({f["name"] for f in event["findings"]})), block
        return None

    def scanned(self):
        series = harness.metrics_of(self.orchestrator.get("/metrics").text())
        return sum(v for _, v in series.get("orchestrator_events_scanned_total", []))


class Scene:
    """One message: what is written, and what must become of it."""

    def __init__(self, stage, screen):
        self.stage = stage
        self.screen = screen
        self.begun_ms = 0
        self.number = 0
        self.wrong = 0

    def announce(self, who, where, text):
        self.number += 1
        self.screen.say("  %s %s %s  %s" % (
            self.screen.bold(str(self.number)), self.screen.bold(who),
            self.screen.dim("in " + where), text))

    def tell(self, command, **args):
        self.begun_ms = time.time() * 1000
        return self.stage.sim.tell(command, **args)

    def poll(self, waiting_for, look):
        """The first true answer of LOOK; None after a long time."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            found = look()
            if found:
                return found
            self.screen.wait(waiting_for)
            time.sleep(0.02)
        return None

    def took(self, at_ms):
        return self.screen.dim("%.0f ms" % max(1, at_ms - self.begun_ms))

    def end(self, is_right, text):
        self.wrong += not is_right
        mark = self.screen.good("✓") if is_right else self.screen.bad("✗")
        self.screen.say("    %s %s" % (mark, text))

    def must_stay(self, reply, scanned_before):
        done = self.poll("being scanned", lambda: self.stage.scanned() > scanned_before)
        now_ms = time.time() * 1000
        shown = self.stage.message(reply)
        is_right = bool(done) and shown["state"] == "live" and self.stage.kept(reply) is None
        self.end(is_right, "%s  nothing found  %s" % (
            self.screen.good("stays") if is_right else "was not left alone", self.took(now_ms)))

    def must_end(self, reply, outcome, text):
        """The block action must report OUTCOME, and the message must look like it."""
        def look():
            found = self.stage.kept(reply)
            return found if found and found[1] and found[1]["state"] in ("done", "dead") else None

        kept = self.poll("being taken down", look)
        shown = self.stage.message(reply)
        if kept is None:
            self.end(False, "nothing happened in %d s" % PATIENCE_S)
            return
        rules, block = kept
        is_right = block["outcome"] == outcome and \
            (shown["state"] == "deleted") == (outcome == "deleted")
        at_ms = shown.get("changed_ms", block["at_ms"])
        self.end(is_right, "%s  %s  %s\n      %s" % (
            self.screen.bold(text if is_right else "came out as: " + block["outcome"]),
            self.screen.paint("33", rules), self.took(at_ms), self.screen.dim(block["detail"])))


def play(stage, screen):
    """Posts the messages; the number of those that did not come out as they must."""
    scene = Scene(stage, screen)

    scene.announce("alice", "#general", "Lunch at noon?")
    before = stage.scanned()
    scene.must_stay(scene.tell("message", channel="general", user="alice",
                               text="Lunch at noon?"), before)

    text = "My card is 4539 5260 1815 9083, can you book the flight?"
    scene.announce("alice", "#general", text)
    scene.must_end(scene.tell("message", channel="general", user="alice", text=text),
                   "deleted", "deleted")

    text = "The deploy key will follow."
    scene.announce("bob", "#random", text)
    before = stage.scanned()
    reply = scene.tell("message", channel="random", user="bob", text=text)
    scene.must_stay(reply, before)
    text = "The deploy key: AKIAQ4TZXWVN7H2LMK3P"
    scene.announce("bob", "#random", "edits it into: " + text)
    scene.must_end(scene.tell("edit", channel="random", ts=reply["ts"], text=text),
                   "deleted", "deleted, though it was clean at first")

    scene.announce("alice", "#payments (private)", "uploads a file that holds a private key")
    scene.must_end(scene.tell(
        "file", channel="payments", user="alice", name="server.pem", text="the new key",
        content="-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAx3mZbT0kq\n"
                "-----END RSA PRIVATE KEY-----\n"),
        "deleted", "deleted, message and file")

    text = "Between us: DE89 3704 0044 0532 0130 00"
    scene.announce("alice", "a direct message to the app", text)
    scene.must_end(scene.tell("message", channel="dm-alice-bot", user="alice", text=text),
                   "ephemeral", "cannot be removed; its author was warned")
    return scene.wrong


class Watcher:
    """Tells of the visitor's own messages as the orchestrator's log tells of them.

    Of an upload the workspace sends an event for the file and one for the message
    that shares it; both come to the same, and one of them is told.
    """

    def __init__(self, stage, screen):
        self.stage = stage
        self.screen = screen
        self.seen = len(stage.orchestrator.log_lines())
        self.found = {}
        self.told_files = {}  # the type of event by which a file was told of

    def name_of(self, kind, wanted):
        return next((one["name"] for one in self.stage.sim.brief()[kind] if one["id"] == wanted), wanted)

    def is_told(self, line):
        """Has the other event of this one's file been told?"""
        parts = (f["part"].partition(":") for f in line["findings"])
        for file in sorted({file for kind, _, file in parts if kind in ("file", "filename")}):
            if self.told_files.pop(file, line["type"]) != line["type"]:
                return True
            self.told_files[file] = line["type"]
        return False

    def tell_verdict(self, line):
        if self.is_told(line):
            self.found[line["trace"]] = None
            return
        rules = sorted({f["name"] for f in line["findings"]})
        said = "%s: %s" % (self.name_of("users", line["actor"]), ", ".join(rules) or "could not be inspected")
        if line["verdict"] == "block":
            self.found[line["trace"]] = said
        else:
            self.screen.say("  %s → %s" % (said, line["verdict"]))

    def stands(self, state, sent):
        """Is it about a message that is there with all its files?  What went has been told of."""
        for channel in state["channels"]:
            for message in channel["messages"]:
                if channel["id"] == sent["channel"] and message["ts"] == sent["ts"]:
                    files = message["body"].get("files", [])
                    return message["state"] == "live" and \
                        all(file.get("mode") != "tombstone" for file in files)
        return False

    def tell_clean(self, line):
        event_id = line["id"].rsplit(":", 1)[1]
        state = self.stage.sim.state(calls=0, deliveries=1000)
        sent = next((d for d in state["deliveries"] if d["event_id"] == event_id), None)
        if sent is None or not self.stands(state, sent):
            return
        self.screen.say("  a message in %s → %s" % (
            self.name_of("channels", sent["channel"]), self.screen.good("stays, nothing found")))

    def tell(self, line):
        event = line.get("event")
        if event == "verdict":
            self.tell_verdict(line)
        elif event == "event.judged" and line["verdict"] == "pass":
            self.tell_clean(line)
        elif event == "action.done" and line["instance"] == "block":
            said = self.found.pop(line["trace"], "a message")
            if said:
                self.screen.say("  %s → %s" % (said, self.screen.bold(line["outcome"])))
        elif event == "alarm":
            self.screen.say("  %s %s" % (self.screen.bad("alarm"), line["what"]))

    def look(self):
        lines = self.stage.orchestrator.log_lines()
        for line in lines[self.seen:]:
            self.tell(line)
        self.seen = len(lines)


def stay(stage, screen, build):
    program = min(os.path.join(build, "bin", "orchestrator"),
                  os.path.relpath(os.path.join(build, "bin", "orchestrator")), key=len)
    screen.say("Now you: open %s and type a message as anybody." % screen.bold(stage.sim.url + "/"))
    screen.say(screen.dim("  what was found   %s finding list -c %s" % (
        program, stage.config_path)))
    screen.say(screen.dim("  figures          curl http://127.0.0.1:%d/metrics" % stage.events_port))
    screen.say(screen.dim("  to end           Ctrl-C"))
    screen.say()
    watcher = Watcher(stage, screen)
    while stage.orchestrator.is_running() and stage.sim.process.poll() is None:
        watcher.look()
        time.sleep(0.2)
    screen.say(screen.bad("A program ended by itself:"))
    print(harness.read_text(stage.orchestrator.log_paths[-1])[-2000:])
    return 1


def run(args, build, screen):
    screen.say(screen.bold("orchestrator: what leaks is taken down"))
    screen.wait("starting a small Slack and the orchestrator")
    stage = Stage(build, args.config)
    try:
        screen.say("  workspace     %s/" % stage.sim.url)
        screen.say("  orchestrator  http://127.0.0.1:%d/slack/events" % stage.events_port)
        screen.say()
        wrong = play(stage, screen)
        screen.say()
        if wrong:
            screen.say(screen.bad("%d did not come out as they must." % wrong))
            print(harness.read_text(stage.orchestrator.log_paths[-1])[-4000:])
        else:
            screen.say(screen.good("Each came out as it must."))
        if not args.once:
            wrong += stay(stage, screen, build)
        return 1 if wrong else 0
    except KeyboardInterrupt:
        screen.say("Stopping.")
        return 1 if args.once else 0
    finally:
        stage.close()


def interrupt(number, frame):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--once", action="store_true",
                        help="end after the messages; exit 0 if each came out as it must")
    parser.add_argument("--config", default=CONFIG, metavar="FILE",
                        help="another configuration than config/orchestrator.cfg")
    args = parser.parse_args()
    build = os.path.abspath(os.environ.get("BUILD", os.path.join(TREE, "build")))
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    screen = Screen()
    try:
        return run(args, build, screen)
    except harness.Failed as problem:
        screen.say(screen.bad("It does not start: " + str(problem)))
        return 1
    except FileNotFoundError as problem:
        screen.say(screen.bad("%s is missing%s" % (
            problem.filename, "" if problem.filename == args.config else "; ./dev build makes it.")))
        return 1
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    sys.exit(main())
