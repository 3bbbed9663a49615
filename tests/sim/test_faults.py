#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does it go wrong just as told?"""
import errno
import http.client
import json
import socket
import threading
import time
import unittest

from sim_harness import ADMIN, BOT, SimCase


class Faults(SimCase):
    def fault(self, **args):
        self.slack.sim("fault", **args)

    def delete(self, posted, token=ADMIN):
        return self.slack.raw_api("chat.delete", token, channel=posted["channel"],
                                  ts=posted["ts"])

    def state(self, posted):
        return self.slack.message("general", posted["ts"])["state"]

    def assert_reset(self, posted):
        """An orderly end would be an OSError, too, but without a number."""
        with self.assertRaises(ConnectionResetError) as caught:
            self.delete(posted)
        self.assertEqual(caught.exception.errno, errno.ECONNRESET)

    def test_what_comes_before_the_effect_leaves_the_message(self):
        posted = self.slack.say()
        self.fault(method="chat.delete", kind="status", status=503)
        self.assertEqual(self.delete(posted)[0], 503)
        state = self.slack.get("state")
        call = state["calls"][-1]
        self.assertEqual((call["status"], call["fault"], call["owner"], call["args"]["ts"]),
                         (503, "status", state["admin"], posted["ts"]))
        self.fault(method="chat.delete", kind="ratelimited", retry_after=7)
        status, headers, body = self.delete(posted)
        self.assertEqual((status, headers["Retry-After"], json.loads(body)["error"]),
                         (429, "7", "ratelimited"))
        self.fault(method="chat.delete", kind="error", error="fatal_error")
        self.assertEqual(json.loads(self.delete(posted)[2])["error"], "fatal_error")
        self.fault(method="chat.delete", kind="reset")
        self.assert_reset(posted)
        self.assertEqual(self.state(posted), "live")
        self.assertTrue(json.loads(self.delete(posted)[2])["ok"])

    def test_what_comes_after_the_effect_has_deleted_it(self):
        posted = self.slack.say()
        self.fault(method="chat.delete", kind="reset_after")
        self.assert_reset(posted)
        self.assertEqual(self.state(posted), "deleted")
        for args in ({"kind": "truncate"}, {"kind": "garbage"}):
            posted = self.slack.say()
            self.fault(method="chat.delete", **args)
            try:
                body = self.delete(posted)[2]
            except (OSError, http.client.HTTPException):
                body = b""
            with self.assertRaises(ValueError):
                json.loads(body.decode("latin-1"))
            self.assertEqual(self.state(posted), "deleted", args)

    def test_a_slow_answer_comes_in_the_end(self):
        posted = self.slack.say()
        self.fault(method="*", kind="slow", ms=150)
        begun = time.monotonic()
        self.assertTrue(json.loads(self.delete(posted)[2])["ok"])
        self.assertGreaterEqual(time.monotonic() - begun, 0.14)

    def test_faults_count_down_and_skip(self):
        self.fault(method="auth.test", kind="status", status=500, count=2, skip=1)
        self.assertEqual([self.slack.raw_api("auth.test")[0] for _ in range(4)],
                         [200, 500, 500, 200])
        self.assertEqual(self.slack.get("state")["faults"], [])

    def test_a_fault_without_end_ends_when_cleared(self):
        self.fault(method="auth.test", kind="status", count=-1)
        self.assertEqual([self.slack.raw_api("auth.test")[0] for _ in range(3)], [500] * 3)
        self.slack.sim("fault", verb="DELETE")
        self.assertEqual(self.slack.raw_api("auth.test")[0], 200)

    def hold(self, posted, **args):
        self.fault(method="chat.delete", kind="hold", **args)
        answers = []

        def call():
            try:
                answers.append(json.loads(self.delete(posted)[2]))
            except (OSError, http.client.HTTPException):
                answers.append(None)

        thread = threading.Thread(target=call)
        thread.start()
        self.assertTrue(self.slack.get("wait", held=1)["ok"])
        return thread, answers

    def test_a_held_call_takes_effect_when_released(self):
        posted = self.slack.say()
        thread, answers = self.hold(posted)
        self.assertEqual((self.state(posted), answers), ("live", []))
        self.assertEqual(self.slack.sim("release")["released"], 1)
        thread.join()
        self.assertTrue(answers[0]["ok"])
        self.assertEqual(self.state(posted), "deleted")

    def test_a_call_held_after_its_effect_has_taken_it(self):
        posted = self.slack.say()
        thread, answers = self.hold(posted, after=True)
        self.assertEqual((self.state(posted), answers), ("deleted", []))
        self.slack.sim("release")
        thread.join()
        self.assertTrue(answers[0]["ok"])

    def test_a_held_call_that_is_dropped_never_takes_effect(self):
        posted = self.slack.say()
        thread, answers = self.hold(posted)
        self.slack.sim("release", drop=True)
        thread.join()
        self.assertEqual((self.state(posted), answers), ("live", [None]))

    def test_a_held_call_whose_caller_has_died_can_be_released(self):
        posted = self.slack.say()
        self.fault(method="chat.delete", kind="hold")
        caller = socket.create_connection(("127.0.0.1", self.slack.port))
        body = "channel=%s&ts=%s" % (posted["channel"], posted["ts"])
        caller.sendall(("POST /api/chat.delete HTTP/1.1\r\nHost: localhost\r\n"
                        "Authorization: Bearer %s\r\n"
                        "Content-Type: application/x-www-form-urlencoded\r\n"
                        "Content-Length: %d\r\n\r\n%s" % (ADMIN, len(body), body)).encode())
        self.assertTrue(self.slack.get("wait", held=1)["ok"])
        caller.close()
        self.slack.sim("release")
        self.assertEqual(self.state(posted), "deleted")

    def test_downloads_fail_as_told(self):
        posted = self.slack.sim("file", channel="general", name="a.txt", content="x" * 1000)
        path = posted["url_private"][len(self.slack.url):]
        good = {"Authorization": "Bearer " + BOT}
        self.fault(method="files", kind="login")
        self.assertIn(b"<!DOCTYPE", self.slack.request("GET", path, None, good)[2])
        self.fault(method="files", kind="redirect", location="http://127.0.0.1:1/x")
        status, headers, _ = self.slack.request("GET", path, None, good)
        self.assertEqual((status, headers["Location"]), (302, "http://127.0.0.1:1/x"))
        self.fault(method="files", kind="truncate")
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.slack.request("GET", path, None, good)
        self.assertEqual(len(self.slack.request("GET", path, None, good)[2]), 1000)

    def test_events_are_doubled_dropped_held_and_spoilt(self):
        self.fault(method="events", kind="duplicate")
        self.slack.say()
        self.assertEqual(len({e["body"]["event_id"] for e in self.receiver.wait(2)}), 1)
        self.fault(method="events", kind="drop")
        self.slack.say()
        self.settle()
        self.assertEqual(len(self.receiver.events), 2)
        self.fault(method="events", kind="garbage")
        self.slack.say()
        spoilt = self.receiver.wait(3)[2]
        self.assertEqual((spoilt["body"], spoilt["signature"]), (None, spoilt["good"]))
        self.fault(method="events", kind="hold")
        self.slack.say()
        self.assertTrue(self.slack.get("wait", held=1)["ok"])
        self.assertEqual(len(self.receiver.events), 3)
        self.slack.sim("release")
        self.receiver.wait(4)

    def test_a_wrong_fault_is_refused_with_a_reason(self):
        for args in ({"method": "chat.delete", "kind": "boom"}, {"kind": "status"},
                     {"method": "chat.delete", "kind": "duplicate"},
                     {"method": "events", "kind": "reset"},
                     {"method": "x", "kind": "status", "status": 99}):
            self.assertTrue(self.slack.sim("fault", wanted=400, **args)["error"])

    def test_a_method_may_be_called_so_often_and_not_more(self):
        self.slack.sim("limits", method="auth.test", count=2, window_ms=60000)
        answers = [self.slack.raw_api("auth.test") for _ in range(3)]
        self.assertEqual([a[0] for a in answers], [200, 200, 429])
        self.assertTrue(1 <= int(answers[2][1]["Retry-After"]) <= 60)
        self.assertEqual(json.loads(answers[2][2]), {"ok": False, "error": "ratelimited"})

    def test_the_tiers_are_kept_when_asked_for(self):
        self.slack.sim("limits", tiers=True)
        answers = [self.slack.raw_api("chat.delete", channel="C0", ts="1")[0] for _ in range(51)]
        self.assertEqual(answers, [200] * 50 + [429])
        posts = [self.slack.raw_api("chat.postMessage", channel=c, text="x")[0]
                 for c in ("general", "general", "random")]
        self.assertEqual(posts, [200, 429, 200])


if __name__ == "__main__":
    unittest.main(verbosity=2)
