#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`finding` and `queue`: on an empty store, and on what a run has left there."""
import contextlib
import http.client
import os
import sqlite3
import unittest

from harness import NUMBERS, TOOLS, Case, Port, Service, whole

EVENT_KEYS = {"id", "trace", "source", "pipeline", "type", "tenant", "actor", "time_ms",
              "stored_ms", "verdict", "enforced", "inspection", "inspection_note", "fields",
              "findings"}
FINDING_KEYS = {"rule", "name", "version", "expression", "tool", "severity", "confidence",
                "shadow", "part", "start", "length", "excerpt", "title", "advice"}
ENTRY_KEYS = {"row", "queue", "id", "pipeline", "tenant", "trace", "state", "reason", "detail",
              "receives", "attempts", "put_ms", "ended_ms"}
LEDGER_KEYS = {"accepted", "done", "dropped", "dead", "in_flight", "duplicates", "damaged",
               "imbalance"}


class Empty(Case):
    def test_there_are_no_findings(self):
        self.assertEqual(self.good("finding", "list", "--json").out, "")
        self.assertEqual(len(self.good("finding", "list").lines()), 1)
        self.fails(66, "there is no event absent", "finding", "show", "absent")

    def test_there_are_no_messages(self):
        row, = self.good("queue", "list", "--json").rows()
        self.assertEqual(set(row["ledger"]), LEDGER_KEYS)
        self.assertEqual(set(row["ledger"].values()), {0})
        self.assertIn("accepted 0 = done 0", self.good("queue", "list").out)
        self.assertEqual(self.good("queue", "peek", "--json").out, "")
        self.assertEqual(self.good("queue", "peek", "--dead", "--json").out, "")

    def test_nothing_is_changed(self):
        self.assertEqual(self.good("queue", "redrive", "--all").out, "0 redriven\n")
        self.assertEqual(self.good("queue", "discard", "--all", "--json").rows(),
                         [{"discarded": 0, "left": 0}])
        self.fails(66, "no dead letter of the id absent", "queue", "redrive", "--id", "absent")

    def test_a_queue_that_is_not_there_is_66_and_the_others_are_named(self):
        self.write("orchestrator.cfg", whole(0))
        for verb in ("peek", "redrive", "discard"):
            self.fails(66, 'there is no queue "act.absent"; there are scan, act.act', "queue",
                       verb, "act.absent")
            self.good("queue", verb, "act.act")
            self.good("queue", verb, "scan")
        row, = self.run_it("queue", "peek", "--json", "x\033[2J").rows()
        self.assertIn("there is no queue", row["error"])

    def test_no_plugin_and_no_secret_is_needed(self):
        self.write("orchestrator.cfg", """state_dir = "var";
            credentials = ( { name = "k"; env = "NOT_SET_ANYWHERE"; } );
            inputs = ( { name = "i"; plugin = "absent"; path = "/i"; } );
            tools = ( { name = "t"; plugin = "absent"; } );""")
        self.good("finding", "list")
        self.good("queue", "list")

    def test_what_is_wrong_elsewhere_is_said_in_a_line(self):
        self.write("orchestrator.cfg", TOOLS + """
            inputs = ( { name = "i"; plugin = "script_input"; } );""")
        self.write("clean.txt", "nothing")
        for words in (["finding", "list"], ["queue", "list"], ["queue", "peek"], ["rule", "list"],
                      ["rule", "add", "--tool", "dlp", "--name", "n", "x"], ["plugin", "list"],
                      ["rule", "export"], ["scan", "clean.txt"]):
            with self.subTest(words):
                outcome = self.good(*words)
                self.assertEqual(outcome.err.count("\n"), 1)
                self.assertRegex(outcome.err, r"orchestrator.cfg: 1 error elsewhere, .*; see "
                                              r"orchestrator check\n$")
        for words in (["finding", "list"], ["rule", "list"]):
            for row in self.good(*words, "--json").rows():
                self.assertNotIn("error", row)
        self.fails(78, "an input by http needs a path", "check")

    def test_a_key_that_cannot_be_had_is_1_and_says_where_it_was_looked_for(self):
        self.write("orchestrator.cfg", TOOLS + """store = { key = "k"; };
            credentials = ( { name = "k"; env = "NOT_SET_ANYWHERE"; } );""")
        outcome = self.fails(1, "NOT_SET_ANYWHERE", "finding", "list")
        self.assertIn("the credential k is not loaded", outcome.err)

    def test_a_lost_key_is_1(self):
        self.good("finding", "list")
        os.unlink(self.path("var/store.key"))
        self.fails(1, "store.key is missing", "finding", "list")


class Filled(Case):
    """One message with a card number, blocked; one task that died of it."""

    def setUp(self):
        super().setUp()
        port = Port()
        self.addCleanup(port.close)
        self.write("orchestrator.cfg", whole(port.number))
        self.add_maestro()
        service = Service(self)
        self.addCleanup(service.stop)
        for ident, action in (("e1", "ok"), ("e2", "denied")):
            body = "id %s\nfield action %s\nfield note\033x a\ntext text my card %s\nemit\n" % (
                ident, action, NUMBERS[0])
            connection = http.client.HTTPConnection("127.0.0.1", port.number, timeout=60)
            connection.request("POST", "/in", body)
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
        service.await_log("event=action.done")
        service.await_log("event=task.dead")
        self.assertEqual(service.stop(), 0)

    def test_findings_are_listed_newest_first_and_masked(self):
        rows = self.good("finding", "list", "--json").rows()
        self.assertEqual({row["id"] for row in rows}, {"e1", "e2"})
        for row in rows:
            self.assertEqual(set(row), EVENT_KEYS)
            finding, = row["findings"]
            self.assertEqual(set(finding), FINDING_KEYS)
            self.assertEqual((finding["rule"], finding["version"], finding["part"]),
                             ("maestro", 1, "text"))
        out = self.good("finding", "list").out
        self.assertIn("block", out)
        self.assertNotIn(NUMBERS[0], out + self.good("finding", "list", "--json").out)

    def test_findings_can_be_chosen(self):
        for words, count in ((["--rule", "maestro"], 2), (["--rule", "other"], 0),
                             (["--verdict", "block"], 2), (["--verdict", "flag"], 0),
                             (["--pipeline", "p"], 2), (["--limit", "1"], 1)):
            self.assertEqual(
                len(self.good("finding", "list", "--json", *words).rows()), count, words)

    def copy_dead(self, ident, count):
        """The dead letter that is there, again and again under IDENT."""
        with contextlib.closing(sqlite3.connect(self.path("var/orchestrator.db"))) as db:
            names = [row[1] for row in db.execute("PRAGMA table_info(dead)")][1:]
            values = ["?" if name == "id" else name for name in names]
            for _ in range(count):
                db.execute("INSERT INTO dead (%s) SELECT %s FROM dead ORDER BY row LIMIT 1"
                           % (", ".join(names), ", ".join(values)), [ident])
            db.commit()

    def test_an_event_is_shown_and_opened_only_on_request(self):
        shown = self.good("finding", "show", "e1").out
        self.assertIn("maestro", shown)
        self.assertIn("done", shown)
        self.assertNotIn(NUMBERS[0], shown)
        self.assertNotIn("\033", shown)
        self.assertIn("\n\naction       ok\nnote?x       a\n", shown)
        self.assertIn(NUMBERS[0], self.good("finding", "show", "--reveal", "e1").out)
        row, = self.good("finding", "show", "--json", "e1").rows()
        self.assertEqual(set(row), EVENT_KEYS | {"actions"})
        self.assertEqual(set(row["actions"][0]),
                         {"action", "state", "outcome", "detail", "attempts", "at_ms"})
        row, = self.good("finding", "show", "--json", "--reveal", "e1").rows()
        self.assertIn(NUMBERS[0], row["content"]["parts"][0]["bytes"])

    def test_the_beginning_of_an_id_will_do_if_it_is_the_only_one(self):
        self.fails(66, "several events begin", "finding", "show", "e")

    def test_dead_letters_say_why_and_can_be_put_back(self):
        row, = self.good("queue", "peek", "--dead", "--json").rows()
        self.assertEqual(set(row), ENTRY_KEYS)
        self.assertEqual((row["queue"], row["reason"], row["state"]), ("act.act", "denied", "dead"))
        self.assertIn("as the script wants it", self.good("queue", "peek", "--dead").out)
        self.assertIn("queue peek --dead says why", self.good("queue", "list").out)
        self.assertEqual(self.good("queue", "peek", "--dead", "--reveal").lines()[0].split()[-1],
                         "BODY")
        opened, = self.good("queue", "peek", "--dead", "--json", "--reveal").rows()
        self.assertEqual(set(opened), ENTRY_KEYS | {"body"})
        self.assertEqual(self.good("queue", "redrive", "--id", row["id"]).out, "1 redriven\n")
        self.assertEqual(self.good("queue", "peek", "--dead", "--json").rows(), [])
        waiting, = self.good("queue", "peek", "act.act", "--json").rows()
        self.assertEqual((waiting["id"], waiting["state"]), (row["id"], "waiting"))

    def test_those_that_cannot_go_back_hold_up_no_others(self):
        row, = self.good("queue", "peek", "--dead", "--json").rows()
        self.copy_dead(row["id"], 1100)  # more than are changed at once, and only one id
        self.copy_dead("another", 1)
        said = self.run_it("queue", "redrive", "--all")
        self.assertEqual((said.code, said.out), (1, "2 redriven\n"))
        self.assertIn("1100 cannot go back", said.err)

    def test_discarded_ones_are_counted(self):
        self.assertEqual(self.good("queue", "discard", "act.act").out, "1 discarded\n")
        ledger = self.good("queue", "list", "--json").rows()[-1]["ledger"]
        self.assertEqual((ledger["dropped"], ledger["dead"], ledger["imbalance"]), (1, 0, 0))

    def test_a_queue_of_an_action_that_is_gone_is_still_one(self):
        self.write("orchestrator.cfg", TOOLS)
        self.assertEqual(len(self.good("queue", "peek", "--dead", "act.act").lines()), 2)
        self.fails(66, "there are scan, act.act\n", "queue", "peek", "act.absent")

    def test_queues_are_listed(self):
        rows = self.good("queue", "list", "--json").rows()
        for row in rows[:-1]:
            self.assertEqual(set(row), {"queue", "waiting", "leased", "delayed", "dead",
                                        "oldest_ms"})
        dead = {row["queue"]: row["dead"] for row in rows[:-1]}
        self.assertEqual(dead["act.act"], 1)


class Told(Case):
    """A finding with more to say."""

    def setUp(self):
        super().setUp()
        port = Port()
        self.addCleanup(port.close)
        script = 'tell:{"said":"hush"} tell:{"said":"hush-hush"} tell:{hush'
        self.write("orchestrator.cfg", whole(port.number).replace(
            'plugin = "dlp"', 'plugin = "script_tool"; script = "%s"' % script.replace(
                '"', '\\"')).replace('"dlp"', '"told"'))
        service = Service(self)
        self.addCleanup(service.stop)
        body = "id e1\nfield action ok\ntext text a card\nemit\n"
        connection = http.client.HTTPConnection("127.0.0.1", port.number, timeout=60)
        connection.request("POST", "/in", body)
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        service.await_log("event=action.done")
        self.assertEqual(service.stop(), 0)

    def findings(self, *words):
        row, = self.good("finding", "show", "--json", *words, "e1").rows()
        return row["findings"]

    def test_title_and_advice_are_shown(self):
        shown = self.good("finding", "show", "e1").out
        self.assertEqual(shown.count("title        A number of a card?[2J\n"), 1)
        self.assertEqual(shown.count("advice       Ask for another card.\n"), 1)
        for finding in self.findings():
            self.assertEqual(set(finding), FINDING_KEYS)
            self.assertEqual((finding["title"], finding["advice"]),
                             ("A number of a card\033[2J", "Ask for another card."))

    def test_details_may_quote_the_message_and_are_shown_on_request_only(self):
        for words in (["finding", "show", "e1"], ["finding", "show", "--json", "e1"],
                      ["finding", "list"], ["finding", "list", "--json"]):
            self.assertNotIn("hush", self.good(*words).out)
        self.assertEqual([finding["detail"] for finding in self.findings("--reveal")],
                         [{"said": "hush"}, {"said": "hush-hush"}, "{hush"])
        shown = self.good("finding", "show", "--reveal", "e1").out
        self.assertIn('detail       {"said":"hush-hush"}\n', shown)


if __name__ == "__main__":
    unittest.main()
