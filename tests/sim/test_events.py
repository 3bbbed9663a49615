#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Events: do they come as Slack sends them?"""
import json
import re
import socket
import time
import unittest

from sim_harness import ADMIN, SimCase


class Events(SimCase):
    def event(self, index=0):
        return self.receiver.wait(index + 1)[index]

    def test_a_message_comes_signed_in_its_envelope(self):
        posted = self.slack.say(text="hello there")
        event, state = self.event(), self.slack.get("state")
        body = event["body"]
        self.assertEqual(event["signature"], event["good"])
        self.assertLess(abs(int(event["timestamp"]) - time.time()), 100)
        self.assertNotIn("x-slack-retry-num", event["headers"])
        self.assertEqual((body["type"], body["event_id"], body["team_id"], body["api_app_id"]),
                         ("event_callback", posted["event_id"], state["team"], state["app"]))
        self.assertEqual(body["authorizations"], [{
            "enterprise_id": None, "team_id": state["team"], "user_id": state["bot"],
            "is_bot": True, "is_enterprise_install": False}])
        inner = body["event"]
        self.assertEqual((inner["type"], inner["text"], inner["channel"], inner["ts"],
                          inner["channel_type"]), ("message", "hello there", posted["channel"],
                                                   posted["ts"], "channel"))
        self.assertNotIn("subtype", inner)
        self.assertEqual(inner["blocks"][0]["elements"][0]["elements"][0]["text"], "hello there")

    def test_the_signing_is_slacks_own(self):
        # The published key, time and body cannot be sent through, so that ours is computed alike.
        self.slack.sim("event", raw='{"a": 1}', timestamp="1531420618", retry=False)
        event = self.event()
        self.assertEqual((event["timestamp"], event["signature"], event["raw"]),
                         ("1531420618", event["good"], b'{"a": 1}'))

    def test_stamps_and_ids_look_like_slacks(self):
        posted = [self.slack.say() for _ in range(20)]
        stamps = [p["ts"] for p in posted]
        self.assertEqual(stamps, sorted(set(stamps)))
        self.assertTrue(all(re.fullmatch(r"\d{10}\.\d{6}", s) for s in stamps))
        self.assertTrue(re.fullmatch(r"C[0-9A-Z]{10}", posted[0]["channel"]))
        self.assertEqual(len({p["event_id"] for p in posted}), 20)

    def test_an_edit_is_message_changed(self):
        posted = self.slack.say(text="clean")
        self.event()
        self.slack.sim("edit", channel="general", ts=posted["ts"], text="leak")
        inner = self.event(1)["body"]["event"]
        self.assertEqual((inner["subtype"], inner["hidden"], inner["message"]["text"],
                          inner["previous_message"]["text"], inner["message"]["ts"]),
                         ("message_changed", True, "leak", "clean", posted["ts"]))
        self.assertNotEqual(inner["ts"], posted["ts"])
        self.assertEqual(inner["message"]["edited"]["user"], inner["message"]["user"])
        self.assertEqual(
            inner["message"]["blocks"][0]["elements"][0]["elements"][0]["text"], "leak")

    def test_an_unfurl_marks_nothing_as_edited(self):
        posted = self.slack.say(text="see")
        self.event()
        self.slack.sim("edit", channel="general", ts=posted["ts"], unfurl=True,
                       attachments=[{"text": "preview"}])
        message = self.event(1)["body"]["event"]["message"]
        self.assertNotIn("edited", message)
        self.assertEqual((message["text"], message["attachments"]),
                         ("see", [{"text": "preview"}]))

    def test_a_deletion_is_message_deleted(self):
        posted = self.slack.say(text="gone")
        self.event()
        self.slack.api("chat.delete", ADMIN, channel=posted["channel"], ts=posted["ts"])
        inner = self.event(1)["body"]["event"]
        self.assertEqual((inner["subtype"], inner["deleted_ts"],
                          inner["previous_message"]["text"]), ("message_deleted", posted["ts"],
                                                               "gone"))

    def test_the_bots_own_posts_come_back_with_its_bot_id_and_no_subtype(self):
        self.slack.api("chat.postMessage", channel="general", text="notice")
        inner, state = self.event()["body"]["event"], self.slack.get("state")
        self.assertEqual((inner["bot_id"], inner["app_id"], inner["user"]),
                         (state["bot_id"], state["app"], state["bot"]))
        self.assertNotIn("subtype", inner)

    def test_threads_and_broadcasts_are_told_apart(self):
        parent = self.slack.say(text="parent")
        self.slack.say(text="reply", thread_ts=parent["ts"], replied_event=True)
        self.slack.say(text="loud", thread_ts=parent["ts"], broadcast=True)
        self.settle()
        inner = {e["body"]["event"].get("text", e["body"]["event"].get("subtype")):
                 e["body"]["event"] for e in self.receiver.events}
        self.assertEqual(inner["reply"]["thread_ts"], parent["ts"])
        self.assertNotIn("subtype", inner["reply"])
        self.assertEqual(inner["message_replied"]["message"]["ts"], parent["ts"])
        self.assertEqual((inner["loud"]["subtype"], inner["loud"]["root"]["text"]),
                         ("thread_broadcast", "parent"))

    def test_every_subtype_can_be_produced(self):
        for subtype in ("bot_message", "me_message", "channel_topic", "channel_purpose",
                        "channel_name", "channel_archive", "channel_unarchive", "channel_join",
                        "channel_leave", "channel_posting_permissions", "group_topic",
                        "ekm_access_denied", "tombstone"):
            self.receiver.clear()
            self.slack.sim("message", channel="general", subtype=subtype, text="some text")
            inner = self.event()["body"]["event"]
            self.assertEqual((inner["subtype"], inner["text"]), (subtype, "some text"))
            if subtype == "bot_message":
                self.assertNotIn("user", inner)
            if subtype == "channel_topic":
                self.assertEqual(inner["topic"], "some text")
            if subtype == "ekm_access_denied":
                self.assertEqual(inner["user"], "UREVOKEDU")

    def test_rich_content_goes_through_as_given(self):
        blocks = [{"type": "table", "rows": [[{"type": "raw_text", "text": "4111"}]]}]
        attachments = [{"fallback": "f", "message_blocks": [{"message": {}}]}]
        self.slack.say(blocks=blocks, attachments=attachments, extra={"streaming_state": "x"})
        inner = self.event()["body"]["event"]
        self.assertEqual((inner["blocks"], inner["attachments"], inner["streaming_state"]),
                         (blocks, attachments, "x"))

    def test_in_a_shared_channel_the_outer_team_is_the_authors(self):
        self.slack.say("partners", "mallory")
        body, state = self.event()["body"], self.slack.get("state")
        self.assertTrue(body["is_ext_shared_channel"])
        self.assertNotEqual(body["team_id"], state["team"])
        self.assertEqual(body["authorizations"][0]["team_id"], state["team"])

    def test_where_the_bot_is_not_the_admin_is_authorized_and_where_nobody_is_nothing_comes(self):
        self.slack.say("no-bot")
        self.event()
        state = self.slack.get("state")
        self.assertEqual(self.event()["body"]["authorizations"][0]["user_id"], state["admin"])
        self.assertEqual(self.slack.say("dm-alice-bob")["event_id"], "")
        self.settle()
        self.assertEqual(len(self.receiver.events), 1)

    def test_a_failed_delivery_is_tried_again_three_times(self):
        self.receiver.answers += [(500, {}, b""), (302, {}, b""), (404, {}, b""), (200, {}, b"")]
        self.slack.say()
        tries = self.receiver.wait(4)
        self.assertEqual([(t["headers"].get("x-slack-retry-num"),
                           t["headers"].get("x-slack-retry-reason")) for t in tries],
                         [(None, None), ("1", "http_error"), ("2", "too_many_redirects"),
                          ("3", "http_error")])
        self.assertEqual(len({t["body"]["event_id"] for t in tries}), 1)
        self.assertTrue(all(t["signature"] == t["good"] for t in tries))
        self.assertTrue(self.slack.get("wait", deliveries=1)["ok"])
        shown = self.slack.get("state")["deliveries"][-1]
        self.assertEqual((shown["state"], [t["status"] for t in shown["tries"]]),
                         ("accepted", [500, 302, 404, 200]))

    def test_a_delivery_names_the_message_that_it_is_about(self):
        posted = self.slack.say()
        place = {"channel": posted["channel"], "ts": posted["ts"]}
        self.slack.sim("edit", text="other", **place)
        self.slack.sim("delete", **place)
        self.slack.sim("file", user="alice", name="a.txt", content="x")
        self.assertTrue(self.slack.get("wait", deliveries=4)["ok"])
        self.assertEqual([(d["what"], d["ts"]) for d in self.slack.get("state")["deliveries"]],
                         [("message", posted["ts"]), ("message_changed", posted["ts"]),
                          ("message_deleted", posted["ts"]), ("file_created", "")])

    def test_an_answer_that_does_not_come_in_time_is_http_timeout(self):
        self.slack.sim("config", answer_limit_ms=50)
        self.receiver.answers += [(0, {}, b"")]
        self.slack.say()
        tries = self.receiver.wait(2)
        self.assertEqual(tries[1]["headers"]["x-slack-retry-reason"], "http_timeout")

    def test_after_three_retries_a_delivery_is_given_up(self):
        self.receiver.answers += [(500, {}, b"")] * 5
        self.slack.say()
        self.settle()
        self.assertEqual(len(self.receiver.events), 4)
        self.assertEqual(self.slack.get("state")["deliveries"][-1]["state"], "failed")

    def test_no_retry_is_obeyed(self):
        self.receiver.answers += [(500, {"X-Slack-No-Retry": "1"}, b"")]
        self.slack.say()
        self.settle()
        self.assertEqual(len(self.receiver.events), 1)

    def test_a_connection_that_fails_is_named_so(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.slack.sim("config", events_url="http://127.0.0.1:%d/" % free.getsockname()[1])
            self.slack.say()
            self.settle()
        shown = self.slack.get("state")["deliveries"][-1]
        self.assertEqual([t["reason"] for t in shown["tries"]], ["connection_failed"] * 4)

    def test_the_handshake_is_checked(self):
        self.assertTrue(self.slack.sim("verify")["ok"])
        event = self.event()
        self.assertEqual((event["body"]["type"], event["signature"]),
                         ("url_verification", event["good"]))
        challenge = json.dumps({"challenge": "other"}).encode()
        self.receiver.answers += [(200, {}, challenge)]
        self.assertFalse(self.slack.sim("verify")["ok"])

    def test_raw_events_can_be_wrong_in_every_way(self):
        for args, check in (
                ({"signature": "wrong"}, lambda e: e["signature"] != e["good"]),
                ({"signature": "missing"}, lambda e: e["signature"] is None),
                ({"signature": "prefix"}, lambda e: e["signature"] == "v1" + e["good"][2:]),
                ({"signature": "uppercase"},
                 lambda e: e["signature"] == "v0=" + e["good"][3:].upper()),
                ({"timestamp_offset": -400}, lambda e: int(e["timestamp"]) < time.time() - 390),
                ({"timestamp": "soon"}, lambda e: e["timestamp"] == "soon"),
                ({"retry_num": 2, "retry_reason": "http_timeout"},
                 lambda e: e["headers"]["x-slack-retry-num"] == "2"),
                ({"event_id": "Ev123"}, lambda e: e["body"]["event_id"] == "Ev123")):
            self.receiver.clear()
            self.slack.sim("event", event={"type": "app_uninstalled"}, **args)
            self.assertTrue(check(self.event()), args)

    def test_an_event_may_come_many_times_and_be_waited_for(self):
        answer = self.slack.sim("event", event={"type": "x"}, times=3, wait=True)
        self.assertTrue(answer["ok"])
        self.assertEqual(answer["delivery"]["tries"][0]["status"], 200)
        self.assertEqual(len({e["body"]["event_id"] for e in self.receiver.wait(3)}), 1)

    def test_a_whole_envelope_is_sent_as_it_is(self):
        envelope = {"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1}
        self.slack.sim("event", envelope=envelope)
        self.assertEqual(self.event()["body"], envelope)


if __name__ == "__main__":
    unittest.main(verbosity=2)
