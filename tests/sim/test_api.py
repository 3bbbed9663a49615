#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Web API and the files: is it as strict as Slack?"""
import base64
import json
import unittest

from sim_harness import ADMIN, BOT, SimCase


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

    def test_a_file_that_its_author_deletes_is_gone(self):
        posted = self.upload()
        self.slack.sim("file_delete", file=posted["file"])
        self.assertEqual(self.slack.api("files.info", file=posted["file"])["error"], "file_deleted")
        self.assertEqual(self.download(posted["url_private"])[0], 404)
        shown = self.slack.message("general", posted["ts"])
        self.assertEqual((shown["state"], shown["body"]["files"]),
                         ("live", [{"id": posted["file"], "mode": "tombstone"}]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
