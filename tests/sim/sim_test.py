#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""orchestrator-sim slack: is it as strict as Slack, and does it go wrong just as told?"""
import base64
import errno
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sim_harness import ADMIN, BOT, SIGNING, Receiver, Sim

PROGRAM = os.environ.get("ORCH_SIM", "build/bin/orchestrator-sim")


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


class WebApi(SimCase):
    def test_a_call_without_a_token_is_not_authed(self):
        self.assertEqual(self.slack.api("auth.test", None)["error"], "not_authed")

    def test_a_token_among_the_arguments_is_none_and_is_not_kept(self):
        answer = self.slack.api("auth.test", None, token=BOT)
        self.assertEqual(answer["error"], "not_authed")
        self.assertNotIn(BOT, json.dumps(self.slack.get("state")))

    def test_an_unknown_token_is_invalid_auth(self):
        self.assertEqual(self.slack.api("auth.test", "nope")["error"], "invalid_auth")

    def test_errors_come_with_status_200(self):
        status, _, body = self.slack.raw_api("auth.test", "nope")
        self.assertEqual((status, json.loads(body)["ok"]), (200, False))

    def test_auth_test_tells_who_owns_the_token(self):
        state = self.slack.get("state")
        bot, admin = self.slack.api("auth.test"), self.slack.api("auth.test", ADMIN)
        self.assertEqual((bot["user_id"], bot["bot_id"]), (state["bot"], state["bot_id"]))
        self.assertEqual(admin["user_id"], state["admin"])
        self.assertNotIn("bot_id", admin)

    def test_an_unknown_method_is_named_so(self):
        self.assertEqual(self.slack.api("chat.explode")["error"], "unknown_method")

    def test_a_missing_scope_is_named_with_what_was_provided(self):
        self.slack.sim("token", which="bot", scopes="channels:history,files:read")
        answer = self.slack.api("chat.postMessage", channel="general", text="x")
        self.assertEqual(answer, {"ok": False, "error": "missing_scope", "needed": "chat:write",
                                  "provided": "channels:history,files:read"})

    def test_a_revoked_token_answers_token_revoked(self):
        self.slack.sim("token", which="admin", problem="token_revoked")
        self.assertEqual(self.slack.api("auth.test", ADMIN)["error"], "token_revoked")

    def test_a_json_body_without_charset_is_warned_of_and_works(self):
        _, _, body = self.slack.request("POST", "/api/chat.postMessage", json.dumps(
            {"channel": "general", "text": "x"}), {"Authorization": "Bearer " + BOT,
                                                   "Content-Type": "application/json"})
        answer = json.loads(body)
        self.assertTrue(answer["ok"])
        self.assertEqual(answer["response_metadata"]["warnings"], ["missing_charset"])

    def test_broken_json_and_odd_media_types_are_named(self):
        for media, body, error in (("application/json", "{", "invalid_json"),
                                   ("application/json", "[1]", "json_not_object"),
                                   ("text/plain", "x", "invalid_post_type"),
                                   ("application/x-www-form-urlencoded", "a=%zz",
                                    "invalid_form_data")):
            answer = json.loads(self.slack.request(
                "POST", "/api/chat.delete", body,
                {"Authorization": "Bearer " + BOT, "Content-Type": media})[2])
            self.assertEqual(answer["error"], error)

    def test_methods_that_only_read_do_not_look_at_json(self):
        answer = self.slack.api("files.info", as_json=True, file="F123")
        self.assertEqual(answer["error"], "invalid_arguments")
        self.assertEqual(self.slack.api("files.info", file="F123")["error"], "file_not_found")

    def test_arguments_may_come_in_the_query(self):
        user = self.slack.get("state")["bot"]
        answer = json.loads(self.slack.request("GET", "/api/users.info?user=" + user, None, {
            "Authorization": "Bearer " + BOT})[2])
        self.assertEqual(answer["user"]["name"], "dlp-guard")

    def test_the_audit_tells_the_owner_and_the_answer_but_no_token(self):
        self.slack.api("chat.delete", ADMIN, channel="C1", ts="1.2")
        state = self.slack.get("state")
        call = state["calls"][-1]
        self.assertEqual((call["method"], call["owner"], call["token"], call["status"]),
                         ("chat.delete", state["admin"], "user", 200))
        self.assertEqual(call["args"], {"channel": "C1", "ts": "1.2"})
        self.assertEqual(call["answer"]["error"], "channel_not_found")
        self.assertNotIn(ADMIN, json.dumps(state))


class Chat(SimCase):
    def delete(self, token, posted):
        return self.slack.api("chat.delete", token, channel=posted["channel"], ts=posted["ts"])

    def test_the_bot_deletes_its_own_message_only(self):
        own = self.slack.api("chat.postMessage", channel="general", text="mine")
        other = self.slack.say()
        self.assertEqual(self.delete(BOT, other)["error"], "cant_delete_message")
        self.assertTrue(self.delete(BOT, own)["ok"])
        self.assertEqual(self.slack.message("general", own["ts"])["state"], "deleted")

    def test_an_admin_deletes_what_others_said_in_channels(self):
        for channel in ("general", "payments", "no-bot"):
            posted = self.slack.say(channel)
            self.assertTrue(self.delete(ADMIN, posted)["ok"], channel)

    def test_an_admin_does_not_delete_others_direct_messages(self):
        for channel in ("dm-alice-carol", "mpdm-alice-bob-carol"):
            posted = self.slack.say(channel)
            self.assertEqual(self.delete(ADMIN, posted)["error"], "cant_delete_message", channel)

    def test_a_private_conversation_of_others_is_not_found(self):
        posted = self.slack.say("dm-alice-bob")
        self.assertEqual(self.delete(ADMIN, posted)["error"], "channel_not_found")

    def test_an_admin_does_not_delete_in_shared_channels(self):
        posted = self.slack.say("partners", "mallory")
        self.assertEqual(self.delete(ADMIN, posted)["error"], "cant_delete_message")

    def test_what_is_gone_is_message_not_found(self):
        posted = self.slack.say()
        self.assertTrue(self.delete(ADMIN, posted)["ok"])
        self.assertEqual(self.delete(ADMIN, posted)["error"], "message_not_found")
        self.assertEqual(self.delete(ADMIN, {"channel": posted["channel"], "ts": "1.000001"})[
            "error"], "message_not_found")

    def test_a_channel_is_known_by_its_id_only(self):
        posted = self.slack.say()
        answer = self.slack.api("chat.delete", ADMIN, channel="general", ts=posted["ts"])
        self.assertEqual(answer["error"], "channel_not_found")

    def test_a_parent_with_replies_becomes_a_tombstone_that_stays(self):
        parent = self.slack.say()
        self.slack.say(thread_ts=parent["ts"])
        self.assertTrue(self.delete(ADMIN, parent)["ok"])
        shown = self.slack.message("general", parent["ts"])
        self.assertEqual((shown["state"], shown["text"]),
                         ("tombstone", "This message was deleted."))
        self.assertEqual(self.delete(ADMIN, parent)["error"], "cant_delete_message")

    def test_notices_of_the_channel_cannot_be_deleted(self):
        posted = self.slack.say(subtype="channel_topic", text="4111")
        self.assertEqual(self.delete(ADMIN, posted)["error"], "cant_delete_message")

    def test_revoked_content_answers_ekm_access_denied(self):
        posted = self.slack.sim("message", channel="general", subtype="ekm_access_denied")
        self.assertEqual(self.delete(ADMIN, posted)["error"], "ekm_access_denied")

    def test_an_archived_channel_refuses(self):
        posted = self.slack.say("old-news")
        self.assertEqual(self.delete(ADMIN, posted)["error"], "is_archived")
        answer = self.slack.api("chat.postMessage", channel=posted["channel"], text="x")
        self.assertEqual(answer["error"], "is_archived")

    def test_only_the_author_updates(self):
        own = self.slack.api("chat.postMessage", channel="general", text="mine")
        other = self.slack.say()
        for token, posted in ((BOT, other), (ADMIN, own), (ADMIN, other)):
            answer = self.slack.api("chat.update", token, channel=posted["channel"],
                                    ts=posted["ts"], text="x")
            self.assertEqual(answer["error"], "cant_update_message")
        answer = self.slack.api("chat.update", channel=own["channel"], ts=own["ts"], text="new")
        self.assertEqual((answer["text"], answer["message"]["text"]), ("new", "new"))

    def test_text_without_blocks_removes_blocks_and_leaves_attachments(self):
        posted = self.slack.api(
            "chat.postMessage", as_json=True, channel="general", text="a",
            blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": "b"}}],
            attachments=[{"text": "c"}])
        message = self.slack.api("chat.update", channel=posted["channel"], ts=posted["ts"],
                                 text="n")["message"]
        self.assertNotIn("blocks", message)
        self.assertEqual(message["attachments"], [{"text": "c"}])
        message = self.slack.api("chat.update", channel=posted["channel"], ts=posted["ts"],
                                 text="n", attachments=[])["message"]
        self.assertNotIn("attachments", message)

    def test_an_update_that_is_empty_or_too_long_is_refused(self):
        own = self.slack.api("chat.postMessage", channel="general", text="mine")
        at = {"channel": own["channel"], "ts": own["ts"]}
        self.assertEqual(self.slack.api("chat.update", **at)["error"], "no_text")
        self.assertEqual(self.slack.api("chat.update", text="x" * 40001, **at)["error"],
                         "msg_too_long")

    def test_a_long_post_is_cut_at_40000_characters(self):
        answer = self.slack.api("chat.postMessage", channel="general", text="ä" * 40001)
        self.assertEqual(len(answer["message"]["text"]), 40000)
        self.assertEqual(answer["warning"], "message_truncated")

    def test_an_empty_post_has_no_text(self):
        self.assertEqual(self.slack.api("chat.postMessage", channel="general")["error"], "no_text")

    def test_the_bot_does_not_post_where_it_is_not(self):
        channel = self.slack.channel("no-bot")["id"]
        answer = self.slack.api("chat.postMessage", channel=channel, text="x")
        self.assertEqual(answer["error"], "not_in_channel")
        self.slack.sim("token", which="bot", scopes="chat:write,chat:write.public")
        self.assertTrue(self.slack.api("chat.postMessage", channel=channel, text="x")["ok"])

    def test_a_post_to_a_person_opens_a_direct_message(self):
        bob = next(u["id"] for u in self.slack.get("state")["users"] if u["name"] == "bob")
        answer = self.slack.api("chat.postMessage", channel=bob, text="psst")
        opened = self.slack.api("conversations.open", users=bob)
        self.assertTrue(answer["channel"].startswith("D"))
        self.assertEqual(opened["channel"]["id"], answer["channel"])
        self.assertTrue(opened["already_open"])

    def test_a_reply_is_in_the_thread_and_shown_with_its_metadata_on_request(self):
        parent = self.slack.say()
        metadata = {"event_type": "notice", "event_payload": {"key": "k1"}}
        reply = self.slack.api("chat.postMessage", as_json=True, channel=parent["channel"],
                               text="n", thread_ts=parent["ts"], metadata=metadata)
        self.assertEqual(reply["message"]["thread_ts"], parent["ts"])
        at = {"channel": parent["channel"], "ts": parent["ts"]}
        plain = self.slack.api("conversations.replies", **at)["messages"]
        full = self.slack.api("conversations.replies", include_all_metadata=True, **at)["messages"]
        self.assertEqual([m["ts"] for m in plain], [parent["ts"], reply["ts"]])
        self.assertNotIn("metadata", plain[1])
        self.assertEqual(full[1]["metadata"], metadata)
        self.assertEqual(full[0]["reply_count"], 1)

    def test_a_reply_to_a_parent_that_is_gone_stands_alone(self):
        parent = self.slack.say()
        self.assertTrue(self.delete(ADMIN, parent)["ok"])
        reply = self.slack.api("chat.postMessage", channel=parent["channel"], text="n",
                               thread_ts=parent["ts"])
        self.assertTrue(reply["ok"])
        self.assertNotIn("thread_ts", reply["message"])
        answer = self.slack.api("conversations.replies", channel=parent["channel"],
                                ts=parent["ts"])
        self.assertEqual(answer["error"], "thread_not_found")

    def test_an_ephemeral_message_is_for_one_reader_and_no_event(self):
        posted = self.slack.say()
        self.settle()
        self.receiver.clear()
        alice = self.slack.message("general", posted["ts"])["user"]
        answer = self.slack.api("chat.postEphemeral", channel=posted["channel"], user=alice,
                                text="only you")
        shown = self.slack.message("general", answer["message_ts"])
        self.assertEqual((shown["state"], shown["seen_by"]), ("ephemeral", alice))
        gone = self.delete(BOT, {"channel": posted["channel"], "ts": answer["message_ts"]})
        self.assertEqual(gone["error"], "message_not_found")
        self.settle()
        self.assertEqual(self.receiver.events, [])

    def test_an_ephemeral_message_needs_its_reader_in_the_channel(self):
        mallory = next(
            u["id"] for u in self.slack.get("state")["users"] if u["name"] == "mallory")
        answer = self.slack.api("chat.postEphemeral", channel="general", user=mallory, text="x")
        self.assertEqual(answer["error"], "user_not_in_channel")


class Conversations(SimCase):
    def test_history_shows_the_newest_first_in_pages(self):
        stamps = [self.slack.say(text=str(i))["ts"] for i in range(5)]
        channel = self.slack.channel("general")["id"]
        first = self.slack.api("conversations.history", channel=channel, limit=3)
        self.assertEqual([m["ts"] for m in first["messages"]], stamps[:1:-1])
        self.assertTrue(first["has_more"])
        rest = self.slack.api("conversations.history", channel=channel, limit=3,
                              cursor=first["response_metadata"]["next_cursor"])
        self.assertEqual([m["ts"] for m in rest["messages"]], stamps[1::-1])
        self.assertFalse(rest["has_more"])

    def test_oldest_is_exclusive_unless_told_otherwise(self):
        stamps = [self.slack.say(text=str(i))["ts"] for i in range(3)]
        at = {"channel": self.slack.channel("general")["id"], "oldest": stamps[1]}
        self.assertEqual([m["ts"] for m in self.slack.api("conversations.history", **at)[
            "messages"]], [stamps[2]])
        self.assertEqual(len(self.slack.api("conversations.history", inclusive=True, **at)[
            "messages"]), 2)

    def test_deleted_and_ephemeral_messages_and_replies_are_not_in_history(self):
        parent, gone = self.slack.say(), self.slack.say(text="gone")
        self.slack.say(thread_ts=parent["ts"], text="reply")
        self.slack.sim("delete", channel="general", ts=gone["ts"])
        self.slack.api("chat.postEphemeral", channel="general", text="x",
                       user=self.slack.get("state")["admin"])
        shown = self.slack.api("conversations.history", channel=parent["channel"])["messages"]
        self.assertEqual([m["ts"] for m in shown], [parent["ts"]])

    def test_info_tells_what_a_channel_is(self):
        partners = self.slack.channel("partners")["id"]
        shown = self.slack.api("conversations.info", channel=partners)["channel"]
        self.assertTrue(shown["is_ext_shared"] and shown["is_member"] and shown["is_channel"])
        secret = self.slack.sim("channel", name="secret", kind="group", members=["alice"])
        self.assertEqual(self.slack.api("conversations.info", channel=secret["channel"])["error"],
                         "channel_not_found")

    def test_a_scope_is_needed_for_each_kind_of_channel(self):
        dm = next(c["id"] for c in self.slack.get("state")["channels"] if c["kind"] == "im")
        answer = self.slack.api("conversations.info", channel=dm)
        self.assertEqual((answer["error"], answer["needed"]), ("missing_scope", "im:read"))

    def test_list_shows_public_channels_by_default(self):
        names = [c["name"] for c in self.slack.api("conversations.list")["channels"]]
        self.assertEqual(names, ["general", "random", "partners", "old-news", "no-bot"])
        names = [c["name"] for c in self.slack.api(
            "conversations.list", types="public_channel,private_channel", exclude_archived=True)[
                "channels"]]
        self.assertEqual(names, ["general", "random", "payments", "partners", "no-bot"])

    def test_team_and_user_are_told(self):
        state = self.slack.get("state")
        self.assertEqual(self.slack.api("team.info")["team"]["id"], state["team"])
        self.assertTrue(self.slack.api("users.info", user=state["admin"])["user"]["is_admin"])
        self.assertEqual(self.slack.api("users.info", user="U0")["error"], "user_not_found")


class Files(SimCase):
    def upload(self, **args):
        return self.slack.sim("file", **{
            "channel": "general", "user": "alice", "name": "server.pem",
            "content": "-----BEGIN PRIVATE KEY-----", "text": "the key", **args})

    def download(self, url, token=BOT):
        headers = {"Authorization": "Bearer " + token} if token else {}
        return self.slack.request("GET", url[len(self.slack.url):], None, headers)

    def test_an_upload_gives_three_events(self):
        posted = self.upload()
        self.receiver.wait(3)
        kinds = sorted(e["body"]["event"].get("subtype", e["body"]["event"]["type"])
                       for e in self.receiver.events)
        self.assertEqual(kinds, ["file_created", "file_share", "file_shared"])
        share = next(e["body"]["event"] for e in self.receiver.events
                     if e["body"]["event"].get("subtype") == "file_share")
        self.assertEqual((share["files"][0]["id"], share["text"]), (posted["file"], "the key"))

    def test_info_and_download_give_the_bytes(self):
        posted = self.upload(content=None, mimetype="application/octet-stream",
                             content_base64=base64.b64encode(bytes(range(256))).decode())
        shown = self.slack.api("files.info", file=posted["file"])["file"]
        self.assertEqual((shown["size"], shown["mode"]), (256, "hosted"))
        for key in ("url_private", "url_private_download"):
            status, headers, body = self.download(shown[key])
            self.assertEqual((status, body), (200, bytes(range(256))))
            self.assertEqual(headers["Content-Type"], "application/octet-stream")

    def test_without_a_good_token_the_download_is_a_sign_in_page_with_200(self):
        url = self.upload()["url_private"]
        self.slack.sim("token", which="admin", scopes="chat:write")
        for token in (None, "nope", ADMIN):
            status, headers, body = self.download(url, token)
            self.assertEqual((status, headers.get_content_type()), (200, "text/html"))
            self.assertTrue(body.startswith(b"<!DOCTYPE html"))

    def test_the_text_of_a_text_file_is_in_files_info(self):
        answer = self.slack.api("files.info", file=self.upload()["file"])
        self.assertEqual((answer["content"], answer["is_truncated"]),
                         ("-----BEGIN PRIVATE KEY-----", False))

    def test_in_a_shared_channel_events_show_a_files_id_only(self):
        posted = self.upload(channel="partners")
        self.receiver.wait(3)
        share = next(e["body"]["event"] for e in self.receiver.events
                     if e["body"]["event"].get("subtype") == "file_share")
        self.assertEqual(share["files"], [{
            "id": posted["file"], "mode": "file_access", "file_access": "check_file_info",
            "created": 0, "timestamp": 0}])
        self.assertEqual(self.slack.api("files.info", file=posted["file"])["file"]["name"],
                         "server.pem")

    def test_a_canvas_is_had_by_its_own_method_only(self):
        posted = self.upload(content="# plan", mimetype="application/vnd.slack-docs",
                             file_extra={"mode": "quip", "filetype": "quip"})
        answer = self.slack.api("canvases.getContent", canvas_id=posted["file"])
        self.assertEqual((answer["ok"], answer["content"]), (True, "# plan"))
        status, headers, body = self.download(posted["url_private"])
        self.assertEqual((status, headers.get_content_type()), (200, "text/html"))
        self.assertNotIn(b"plan", body)
        plain = self.upload()
        for wrong in (plain["file"], "F0"):
            self.assertEqual(self.slack.api("canvases.getContent", canvas_id=wrong)["error"],
                             "canvas_not_found")
        self.assertEqual(self.slack.api("canvases.getContent")["error"], "invalid_arguments")
        self.slack.sim("token", which="bot", scopes="files:read")
        answer = self.slack.api("canvases.getContent", canvas_id=posted["file"])
        self.assertEqual((answer["error"], answer["needed"]), ("missing_scope", "canvases:read"))

    def test_a_list_has_its_rows_as_csv(self):
        posted = self.upload(content="a,b", mimetype="application/vnd.slack-list",
                             file_extra={"mode": "list", "filetype": "list"})
        shown = self.slack.api("files.info", file=posted["file"])["file"]
        self.assertEqual(self.download(shown["list_csv_download_url"])[2], b"a,b")

    def test_an_external_files_url_is_somebody_elses(self):
        posted = self.upload(external="http://127.0.0.1:1/elsewhere")
        shown = self.slack.api("files.info", file=posted["file"])["file"]
        self.assertEqual((shown["url_private"], shown["mode"], shown["is_external"]),
                         ("http://127.0.0.1:1/elsewhere", "external", True))

    def test_the_bot_deletes_only_its_own_files_and_the_admin_others(self):
        posted = self.upload()
        self.slack.sim("token", which="bot", scopes="files:read,files:write")
        self.assertEqual(self.slack.api("files.delete", file=posted["file"])["error"],
                         "cant_delete_file")
        self.assertTrue(self.slack.api("files.delete", ADMIN, file=posted["file"])["ok"])
        self.assertEqual(self.slack.api("files.delete", ADMIN, file=posted["file"])["error"],
                         "file_deleted")
        self.assertEqual(self.slack.api("files.delete", ADMIN, file="F0")["error"],
                         "file_not_found")
        self.assertEqual(self.download(posted["url_private"])[0], 404)
        body = self.slack.message("general", posted["ts"])["body"]
        self.assertEqual(body["files"], [{"id": posted["file"], "mode": "tombstone"}])

    def test_deleting_the_message_leaves_the_file(self):
        posted = self.upload()
        self.slack.api("chat.delete", ADMIN, channel=posted["channel"], ts=posted["ts"])
        self.assertEqual(self.download(posted["url_private"])[2], b"-----BEGIN PRIVATE KEY-----")

    def test_a_changed_file_gives_file_change_and_other_bytes(self):
        posted = self.upload()
        self.receiver.wait(3)
        self.slack.sim("file_change", file=posted["file"], content="other")
        self.assertEqual(self.receiver.wait(4)[3]["body"]["event"]["type"], "file_change")
        self.assertEqual(self.download(posted["url_private"])[2], b"other")


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
    if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
        PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
