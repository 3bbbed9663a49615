# SPDX-License-Identifier: Apache-2.0
"""What a flow plays in: one small Slack, one orchestrator, and the names it gave to messages."""
import json
import os
import threading

import harness
from harness import Failed, poll
from player.words import Bad
from settings import Settings


class Message:
    """A message, or a file, that the flow gave a name."""

    def __init__(self, channel, reply, text):
        self.channel = channel
        self.channel_id = reply.get("channel")
        self.ts = reply.get("ts")
        self.event_id = reply.get("event_id")
        self.file = reply.get("file")
        self.text = text


class World:
    def __init__(self, folder, programs):
        self.folder = folder
        self.programs = programs
        self.given = harness.Secrets()
        self.ports = [harness.Port(), harness.Port()]
        self.canary = harness.Canary()
        self.config_path = os.path.join(folder, "orchestrator.cfg")
        self.state_dir = os.path.join(folder, "state")
        self.files = os.path.join(folder, "files")
        os.mkdir(self.files)
        self.sim = harness.Sim(
            programs["sim"], self.ports[0].number, self.given, os.path.join(folder, "sim.log"),
            options=["--retry-delays", "200ms,400ms,800ms"])
        self.settings = Settings(self.state_dir, programs["rules"], self.ports[0].number,
                                 self.ports[1].number, self.sim.url + "/api/", programs["plugins"])
        self.orchestrator = harness.Orchestrator(
            programs["orchestrator"], self.config_path, self.given, self.ports[0].number,
            self.ports[1].number, os.path.join(folder, "orchestrator"))
        self.names = {}
        self.texts = []       # what people wrote: must be found nowhere afterwards
        self.claims = {}      # exact expectations, looked at once more at the end
        self.dead = {}        # dead letters that are expected to be left, by queue
        self.explained = []   # patterns of log lines that were expected
        self.holds = 0
        self.flood = None
        self.flood_failure = None
        self.lock = None      # a connection to the database that holds it up
        self.pages = []       # of metrics
        self.process_views = set()

    def close(self):
        if self.flood:
            self.flood.join()
        if self.orchestrator.is_running():
            self.orchestrator.kill()
        self.sim.process.kill()
        self.sim.process.wait()
        self.sim.process.stdout.close()
        self.canary.close()
        for port in self.ports:
            port.close()

    # ---- names

    def message(self, name):
        if name not in self.names:
            raise Bad("there is no message \"%s\"" % name)
        return self.names[name]

    def fill(self, name):
        """${canary}, ${files}, ${pad.100}, ${channel.general}, ${user.alice}, ${leak.ts} …"""
        kind, _, what = name.partition(".")
        state = self.sim.brief()
        if name == "canary":
            return self.canary.url
        if name == "files":
            return self.files
        if name in ("team", "app", "bot", "bot_id", "admin"):
            return state[name]
        if kind == "pad":
            return ("all work and no play " * (int(what) // 21 + 1))[:int(what)]
        if kind in ("channel", "user"):
            for one in state[kind + "s"]:
                if one["name"] == what:
                    return one["id"]
        elif kind in self.names and what in ("ts", "event_id", "channel_id", "file"):
            return getattr(self.names[kind], what)
        raise Bad("there is no ${%s}" % name)

    # ---- the configuration

    def write_config(self):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(self.settings.text())

    # ---- what there is to see

    def ledger(self):
        return self.orchestrator.queues()[0]

    def note_process(self):
        for name in ("cmdline", "environ"):  # the latter is root's alone to read
            path = "/proc/%d/%s" % (self.orchestrator.process.pid, name)
            if os.access(path, os.R_OK):
                with open(path, "rb") as file:
                    self.process_views.add(file.read())

    def metrics(self):
        page = self.orchestrator.get("/metrics").text()
        self.pages.append(page)
        return harness.metrics_of(page)

    def shown(self, message):
        """The message as the workspace has it now."""
        for channel in self.sim.state(calls=0, deliveries=0)["channels"]:
            if channel["id"] == message.channel_id:
                for one in channel["messages"]:
                    if one["ts"] == message.ts:
                        return one
        raise Failed("a message with ts %s" % message.ts, "none")

    def user_name(self, user_id, state):
        return next((u["name"] for u in state["users"] if u["id"] == user_id), user_id)

    def stored(self, message):
        """What the orchestrator keeps of the message's event; None: nothing."""
        if not message.event_id:
            raise Bad("no event was sent for it")
        wanted = ":" + message.event_id
        for event in self.orchestrator.json_lines("finding", "list", "--limit", "1000"):
            if event["id"].endswith(wanted):
                return event
        return None

    def results(self, message):
        event = self.stored(message)
        if event is None:
            return []
        lines = self.orchestrator.json_lines("finding", "show", event["id"])
        return lines[0]["actions"] if lines else []

    def is_quiet(self):
        """Nothing is on its way: not from the workspace, not in a queue.

        Looked at twice with the deliveries in between, since work that ends
        may send new events, and these become new work.
        """
        before = self.ledger()
        pending = self.sim.brief()["deliveries_pending"]
        after = self.ledger()
        quiet = before["in_flight"] == pending == after["in_flight"] == 0 and \
            before["accepted"] == after["accepted"]
        return quiet, "%d deliveries pending, ledger %s" % (pending, json.dumps(after))

    def settle(self):
        if self.flood:
            self.flood.join()
            self.flood = None
        if self.flood_failure:
            raise self.flood_failure
        poll("that everything comes to rest", self.is_quiet)

    # ---- many messages at once, while the flow goes on

    def start_flood(self, count, channel, user, text):
        def run():
            try:
                for number in range(count):
                    self.sim.tell("message", channel=channel, user=user,
                                  text=text.replace("%n", str(number)))
            except (Failed, OSError) as error:
                self.flood_failure = Failed("%d messages to be posted" % count, str(error))

        self.flood = threading.Thread(target=run)
        self.flood.start()
