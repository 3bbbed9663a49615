#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The control page, the page for people, and the command line."""
import http.client
import os
import re
import subprocess
import tempfile
import threading
import unittest

from sim_harness import ADMIN, PROGRAM, Receiver, Sim, SimCase


class Control(SimCase):
    def test_waiting_ends_when_the_call_comes(self):
        found = []
        thread = threading.Thread(target=lambda: found.append(
            self.slack.get("wait", call="auth.test", count=2, timeout_ms=20000)))
        thread.start()
        self.slack.api("auth.test")
        self.slack.api("auth.test")
        thread.join()
        self.assertTrue(found[0]["ok"])

    def test_waiting_for_what_does_not_come_times_out(self):
        self.assertEqual(self.slack.get("wait", call="x", timeout_ms=20),
                         {"ok": False, "error": "timeout", "calls": 0, "deliveries": 0})

    def test_waiting_can_ask_for_calls_that_worked(self):
        self.slack.api("auth.test", "nope")
        self.assertFalse(self.slack.get("wait", call="auth.test", ok=1, timeout_ms=0)["ok"])
        self.slack.api("auth.test")
        self.assertTrue(self.slack.get("wait", call="auth.test", ok=1, timeout_ms=0)["ok"])

    def test_a_message_can_be_waited_for_to_be_gone(self):
        posted = self.slack.say()
        key = "general:" + posted["ts"]
        self.assertFalse(self.slack.get("wait", message_gone=key, timeout_ms=0)["ok"])
        self.slack.sim("delete", channel="general", ts=posted["ts"])
        self.assertTrue(self.slack.get("wait", message_gone=key, timeout_ms=0)["ok"])
        self.assertIn("wait for what?", self.slack.get("wait", message_gone="general:1.2")[
            "error"])

    def test_the_state_keeps_what_was_deleted_and_what_stood_before(self):
        posted = self.slack.say(text="one")
        self.slack.sim("edit", channel="general", ts=posted["ts"], text="two")
        self.slack.api("chat.delete", ADMIN, channel=posted["channel"], ts=posted["ts"])
        shown = self.slack.message("general", posted["ts"])
        self.assertEqual((shown["state"], shown["text"], shown["earlier"][0]["text"]),
                         ("deleted", "two", "one"))
        self.assertEqual(shown["deleted_by"], self.slack.get("state")["admin"])

    def test_reset_brings_the_same_workspace_back(self):
        before = self.slack.channel("general")["id"]
        self.slack.say()
        self.slack.sim("channel", name="new")
        self.slack.sim("reset")
        state = self.slack.get("state")
        self.assertEqual((self.slack.channel("general")["id"],
                          self.slack.channel("general")["messages"]), (before, []))
        self.assertEqual((state["calls"], state["deliveries"]), ([], []))
        self.assertNotIn("new", [c["name"] for c in state["channels"]])

    def test_people_channels_and_tokens_can_be_added(self):
        self.slack.sim("user", name="dave")
        made = self.slack.sim("channel", name="team", kind="group", members=["dave", "carol"])
        self.slack.sim("token", token="daves-token", user="dave", scopes="chat:write")
        self.assertTrue(self.slack.api("chat.postMessage", "daves-token",
                                       channel=made["channel"], text="hi")["ok"])
        posted = self.slack.say("team", "carol")
        answer = self.slack.api("chat.delete", "daves-token", channel=made["channel"],
                                ts=posted["ts"])
        self.assertEqual(answer["error"], "cant_delete_message")

    def test_what_does_not_exist_is_told(self):
        for name, args in (("message", {"channel": "nowhere", "text": "x"}),
                           ("message", {"channel": "general", "user": "nobody"}),
                           ("edit", {"channel": "general", "ts": "1.2", "text": "x"}),
                           ("delete", {"channel": "general", "ts": "1.2"}),
                           ("file_change", {"file": "F0"}), ("no-such-command", {})):
            self.assertTrue(self.slack.sim(name, wanted=404, **args)["error"])

    def test_other_sites_in_the_same_browser_are_refused(self):
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            status = self.slack.request("POST", "/sim/reset", "{}", headers)[0]
            self.assertEqual(status, 403, headers)
        own = {"Origin": "http://127.0.0.1:%d" % self.slack.port}
        self.assertEqual(self.slack.request("POST", "/sim/reset", "{}", own)[0], 200)

    def test_broken_requests_are_answered_with_400(self):
        for body in ("{", "[]", "1"):
            self.assertEqual(self.slack.request("POST", "/sim/message", body)[0], 400)


class Page(SimCase):
    def test_the_page_keeps_to_a_strict_policy(self):
        status, headers, body = self.slack.request("GET", "/")
        self.assertEqual((status, headers.get_content_type()), (200, "text/html"))
        policy = headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'",
                     "connect-src 'self'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        text = body.decode()
        self.assertNotRegex(text, r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:")
        for path in re.findall(r'(?:src|href)="(/[^"]+)"', text):
            self.assertEqual(self.slack.request("GET", path)[0], 200, path)

    def test_scripts_write_text_only(self):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = file.read()
            self.assertNotRegex(text, r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|"
                                      r"\beval\(|new Function", name)

    def test_news_are_streamed(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.slack.port, timeout=10)
        connection.request("GET", "/sim/stream")
        response = connection.getresponse()
        self.assertEqual(response.headers.get_content_type(), "text/event-stream")
        first = response.readline()
        self.assertEqual(response.readline(), b"\n")
        self.slack.say()
        second = response.readline()
        self.assertTrue(first.startswith(b"data: ") and second.startswith(b"data: "))
        self.assertLess(int(first[6:]), int(second[6:]))
        connection.close()


class CommandLine(unittest.TestCase):
    def run_sim(self, *args, env=None):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SLACK_")}
        environment.update(env or {})
        return subprocess.run([PROGRAM, "slack", *args], capture_output=True, text=True,
                              timeout=30, env=environment)

    def test_help_begins_with_examples(self):
        done = self.run_sim("--help")
        self.assertEqual(done.returncode, 0)
        self.assertLess(done.stdout.index("Examples:"), done.stdout.index("Options:"))

    def test_a_wrong_command_line_is_refused_with_a_reason(self):
        for args, reason in ((["--lsten", "x"], "no such option"), (["--seed", "x"], "--seed"),
                             (["--listen"], "value is missing"),
                             (["--retry-delays", "1,2"], "three delays"),
                             (["--listen", "0.0.0.0:0"], "--allow-remote"),
                             (["--bot-token-env", "NOT_THERE"], "NOT_THERE is not set"),
                             (["--bot-token-file", "/does/not/exist"], "cannot be read")):
            done = self.run_sim(*args)
            self.assertEqual((done.returncode, reason in done.stderr), (64, True), done.stderr)

    def test_a_second_one_on_the_port_is_refused(self):
        receiver = Receiver()
        sim = Sim(PROGRAM, receiver.url)
        done = self.run_sim("--listen", "127.0.0.1:%d" % sim.port)
        self.assertEqual((done.returncode, "another program listens there" in done.stderr),
                         (69, True), done.stderr)
        self.assertEqual(sim.stop()[0], 0)
        receiver.close()

    def test_what_it_uses_is_printed_but_no_secret_of_the_environment(self):
        receiver = Receiver()
        sim = Sim(PROGRAM, receiver.url, env={"SLACK_BOT_TOKEN": "very-secret"})
        text = sim.stop()[1]
        receiver.close()
        self.assertIn("SLACK_BOT_TOKEN", text)
        self.assertNotIn("very-secret", text)

    def test_secrets_may_come_from_files(self):
        receiver = Receiver()
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("token-of-a-file\n")
            file.flush()
            sim = Sim(PROGRAM, receiver.url, "--bot-token-file", file.name)
            self.assertTrue(sim.api("auth.test", "token-of-a-file")["ok"])
            self.assertEqual(sim.stop()[0], 0)
        receiver.close()

    def test_only_the_newest_are_kept(self):
        receiver = Receiver()
        sim = Sim(PROGRAM, receiver.url, "--keep", "3")
        parent = sim.say()
        sim.say(thread_ts=parent["ts"])
        stamps = [sim.say(text=str(i))["ts"] for i in range(5)]
        for _ in range(5):
            sim.api("auth.test")
        self.assertTrue(sim.get("wait", idle=1)["ok"])
        state = sim.get("state")
        self.assertEqual([m["ts"] for m in sim.channel("general")["messages"]], stamps[2:])
        self.assertEqual((len(state["calls"]), len(state["deliveries"])), (3, 3))
        self.assertEqual(state["counts"]["auth.test"], {"calls": 5, "ok": 5})
        self.assertEqual(sim.stop()[0], 0)
        receiver.close()

    def test_quiet_keeps_counts_only(self):
        receiver = Receiver()
        sim = Sim(PROGRAM, receiver.url, "--quiet")
        sim.say()
        sim.api("auth.test")
        self.assertTrue(sim.get("wait", deliveries=1)["ok"])
        state = sim.get("state")
        self.assertEqual((state["calls"], state["deliveries"]), ([], []))
        self.assertEqual(state["counts"]["auth.test"]["calls"], 1)
        self.assertEqual(sim.request("GET", "/")[0], 404)
        self.assertEqual(sim.stop()[0], 0)
        receiver.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
