#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands on a PostgreSQL: its schema is brought up to date, and they do what they do elsewhere."""
import http.client
import os
import secrets
import sys
import unittest

from harness import ROOT, TOOLS, Case, Port, Service, whole

sys.path.append(os.path.join(ROOT, "tests", "support"))

import postgres
import test_rule
import test_store

PARTS = ["pg", "queue", "store"]
SERVER = None
NOBODY = "http://127.0.0.1:1"  # stands for SQS, which these commands do not ask


def setUpModule():
    global SERVER  # pylint: disable=global-statement
    SERVER = postgres.Postgres()
    SERVER.start()


def tearDownModule():
    SERVER.close()


class Shared(Case):
    """A database of its own for each test, as yet empty."""

    def setUp(self):
        self.key = secrets.token_hex(32)
        self.fresh()
        super().setUp()

    def fresh(self):
        self.dsn = SERVER.database()
        self.database = f"test_{SERVER.databases}"

    def beyond(self, dsn=None, more="", credentials=""):
        return """
            queue = { driver = "sqs"; region = "eu-west-1"; endpoint = "%s"; };
            store = { driver = "postgres"; dsn = "%s"; key = "store-key"; %s };
            credentials = ( { name = "store-key"; env = "STORE_KEY"; } %s );
            """ % (NOBODY, dsn or self.dsn, more, credentials)

    def environment(self, **more):
        kept = {name: value for name, value in super().environment(**more).items()
                if not name.startswith(("AWS_", "PG"))}
        return dict(kept, STORE_KEY=self.key, AWS_ACCESS_KEY_ID="anybody",
                    AWS_SECRET_ACCESS_KEY="canary", **more)

    def write(self, name, text):
        """A configuration is one for several hosts; with another state_dir it is of others."""
        if name == "orchestrator.cfg":
            if '"elsewhere"' in text:
                self.fresh()
                self.migrate(text)
            text += self.beyond()
        return super().write(name, text)

    def migrate(self, text=TOOLS):
        super().write("orchestrator.cfg", text + self.beyond())
        self.good("store", "migrate")

    def sql(self, text):
        return SERVER.sql(text, self.database)


class Migrate(Shared):
    def steps(self):
        """The last step of each part, as the database has it."""
        rows = self.sql("SELECT part, max(number) FROM orch_schema_step GROUP BY part").split("\n")
        return {part: int(number) for part, number in (row.split("|") for row in rows)}

    def test_an_empty_database_gets_all(self):
        lines = self.good("store", "migrate").lines()
        self.assertEqual(lines[0].split(), ["PART", "FROM", "TO", "WHAT"])
        rows = [line.split() for line in lines[1:]]
        self.assertEqual(sorted(row[0] for row in rows), PARTS)
        self.assertEqual({row[1] for row in rows}, {"0"})
        self.assertEqual({row[3] for row in rows}, {"done"})
        self.assertEqual({row[0]: int(row[2]) for row in rows}, self.steps())

    def test_it_is_told_as_json(self):
        rows = self.good("store", "migrate", "--json").rows()
        self.assertEqual([set(row) for row in rows], [{"part", "from", "to", "done"}] * 3)
        self.assertEqual({row["part"]: row["to"] for row in rows}, self.steps())
        self.assertEqual({row["from"] for row in rows}, {0})
        self.assertEqual({row["done"] for row in rows}, {True})

    def test_looking_changes_nothing(self):
        for line in self.good("store", "migrate", "--dry-run").lines()[1:]:
            self.assertTrue(line.endswith("to be done"), line)
        rows = self.good("store", "migrate", "--dry-run", "--json").rows()
        self.assertEqual(sorted(row["part"] for row in rows), PARTS)
        self.assertEqual({row["done"] for row in rows}, {False})
        self.assertTrue(all(row["from"] < row["to"] for row in rows), rows)
        self.assertEqual(self.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
                         "0")

    def test_what_was_done_is_not_done_again(self):
        self.good("store", "migrate")
        taken = self.sql("SELECT part, number, taken_at FROM orch_schema_step ORDER BY 1, 2")
        for words in ([], ["--dry-run"]):
            for line in self.good("store", "migrate", *words).lines()[1:]:
                self.assertTrue(line.endswith("up to date"), line)
            for row in self.good("store", "migrate", "--json", *words).rows():
                self.assertEqual((row["from"], row["done"]), (row["to"], True))
        self.assertEqual(
            self.sql("SELECT part, number, taken_at FROM orch_schema_step ORDER BY 1, 2"), taken)

    def test_nothing_is_opened_before(self):
        for words in (["rule", "list"], ["finding", "list"], ["queue", "list"]):
            self.fails(1, 'run "orchestrator store migrate"', *words)

    def test_a_newer_schema_is_left_to_newer_programs(self):
        self.good("store", "migrate")
        newest = self.steps()["queue"]
        self.sql("INSERT INTO orch_schema_step VALUES ('queue', %d, 'x', 'later')" % (newest + 1))
        self.sql("UPDATE orch_schema_part SET serves = %d WHERE part = 'queue'" % (newest + 1))
        says = 'its schema "queue" is at step %d and this program knows %d' % (newest + 1, newest)
        for words in (["store", "migrate"], ["store", "migrate", "--dry-run"], ["rule", "list"]):
            self.fails(1, says, *words)
        self.sql("UPDATE orch_schema_part SET serves = %d WHERE part = 'queue'" % newest)
        rows = {row["part"]: row for row in self.good("store", "migrate", "--json").rows()}
        self.assertEqual((rows["queue"]["from"], rows["queue"]["to"]), (newest + 1, newest + 1))
        self.good("rule", "list")

    def test_another_step_than_ours_is_refused(self):
        self.good("store", "migrate")
        self.sql("UPDATE orch_schema_step SET checksum = 'x' WHERE part = 'store' AND number = 1")
        self.fails(1, 'step 1 of the schema "store" is not the one that this program knows',
                   "store", "migrate")

    def test_the_embedded_database_is_none_of_its_business(self):
        Case.write(self, "orchestrator.cfg", TOOLS)
        outcome = self.fails(64, 'store.driver is "sqlite", which is brought up to date by itself',
                             "store", "migrate")
        self.assertEqual(outcome.out, "")
        self.assertFalse(os.path.exists(self.path("var")))

    def test_a_server_that_is_not_there_is_1(self):
        port = Port()
        self.addCleanup(port.close)
        for dsn, says in (("host=127.0.0.1 port=%d dbname=x" % port.number, "Connection refused"),
                          ("host=%s dbname=x" % self.path("none"), "No such file or directory"),
                          (self.dsn.replace(self.database, "absent"), "does not exist")):
            Case.write(self, "orchestrator.cfg",
                       TOOLS + self.beyond(dsn + " connect_timeout=2"))
            for words in (["store", "migrate"], ["store", "migrate", "--dry-run"],
                          ["rule", "list"]):
                with self.subTest(dsn=dsn, words=words):
                    self.fails(1, says, *words)

    def test_a_check_asks_nobody(self):
        Case.write(self, "orchestrator.cfg",
                   whole(0) + self.beyond("host=192.0.2.1 dbname=x user=y"))
        self.assertIn(" is right: ", self.good("check").out)
        Case.write(self, "orchestrator.cfg", whole(0) + self.beyond("host=db password=canary"))
        outcome = self.fails(78, "store.dsn: the connection string holds a password", "check")
        self.assertNotIn("canary", outcome.err + outcome.out)

    def test_a_password_that_cannot_be_had_is_1_and_says_where_it_was_looked_for(self):
        Case.write(self, "orchestrator.cfg",
                   TOOLS + self.beyond(
                       more='password = "pg-password";',
                       credentials=', { name = "pg-password"; env = "PG_PASSWORD"; }'))
        for words in (["store", "migrate"], ["queue", "list"]):
            outcome = self.fails(1, "the environment variable PG_PASSWORD is not set", *words)
            self.assertIn("store.password: the credential pg-password is not loaded", outcome.err)

    def test_a_connection_string_that_holds_a_password_is_not_repeated(self):
        Case.write(self, "orchestrator.cfg", TOOLS + self.beyond("host=db password=canary"))
        for words in (["store", "migrate"], ["rule", "list"]):
            outcome = self.fails(1, "name it as a credential instead", *words)
            self.assertNotIn("canary", outcome.err + outcome.out)

    def test_the_plugins_need_not_be_there(self):
        self.migrate(TOOLS.replace('"dlp"', '"absent"'))


class Migrated(Shared):
    """A database that is up to date."""

    def setUp(self):
        super().setUp()
        self.good("store", "migrate")


class Rules(Migrated, test_rule.Rule):
    """What is true of rules elsewhere is true here."""


class Carried(Migrated, test_rule.Carried):
    """And of their import and export."""


class Concurrent(Migrated, test_rule.Concurrent):
    """And of many who change them at once."""


class Kept(Migrated):
    def test_another_key_does_not_open_what_was_sealed(self):
        self.add_maestro()
        self.key = secrets.token_hex(32)
        self.fails(1, "not the one that", "rule", "list")

    def test_there_is_nothing_at_first(self):
        self.assertEqual(self.good("finding", "list", "--json").out, "")
        self.fails(66, "there is no event absent", "finding", "show", "absent")
        row, = self.good("queue", "list", "--json").rows()
        self.assertEqual(set(row["ledger"]), test_store.LEDGER_KEYS)
        self.assertEqual(set(row["ledger"].values()), {0})
        self.assertEqual(self.good("queue", "peek", "--json").out, "")
        self.assertEqual(self.good("queue", "redrive", "--all").out, "0 redriven\n")
        self.assertEqual(self.good("queue", "discard", "--all", "--json").rows(),
                         [{"discarded": 0, "left": 0}])
        self.fails(66, "no dead letter of the id absent", "queue", "redrive", "--id", "absent")

    def test_only_state_of_this_machine_is_in_its_folder(self):
        self.add_maestro()
        self.assertFalse(os.path.exists(self.path("var/store.key")))
        self.assertFalse(os.path.exists(self.path("var/orchestrator.db")))

    def test_an_unknown_queue_is_66(self):
        self.write("orchestrator.cfg", whole(0))
        self.fails(66, 'there is no queue "act.absent"; there are scan, act.act', "queue", "peek",
                   "act.absent")


class Accepted(Migrated):
    """An event that intake has accepted while SQS is away: the books have it."""

    def setUp(self):
        super().setUp()
        port = Port()
        self.addCleanup(port.close)
        self.write("orchestrator.cfg", whole(port.number))
        service = Service(self, "--stages", "intake")
        self.addCleanup(service.stop)
        connection = http.client.HTTPConnection("127.0.0.1", port.number, timeout=60)
        connection.request("POST", "/in", "id e1\ntext text a card\nemit\n")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        self.assertEqual(service.stop(), 0)

    def test_it_is_counted_and_shown(self):
        rows = self.good("queue", "list", "--json").rows()
        scan, = (row for row in rows if row.get("queue") == "scan")
        self.assertEqual((scan["waiting"], scan["leased"], scan["dead"]), (1, 0, 0))
        ledger = rows[-1]["ledger"]
        self.assertEqual((ledger["accepted"], ledger["in_flight"], ledger["imbalance"]), (1, 1, 0))
        self.assertIn("accepted 1 = done 0", self.good("queue", "list").out)

    def test_its_text_is_shown_on_request_only(self):
        entry, = self.good("queue", "peek", "scan", "--json").rows()
        self.assertEqual(set(entry), test_store.ENTRY_KEYS)
        self.assertEqual((entry["pipeline"], entry["queue"], entry["state"]),
                         ("p", "scan", "waiting"))
        opened, = self.good("queue", "peek", "scan", "--json", "--reveal").rows()
        self.assertEqual(set(opened), test_store.ENTRY_KEYS | {"body"})
        self.assertIn("a card", str(opened["body"]))
        self.assertNotIn("a card", self.good("queue", "peek", "scan").out)

    def test_it_is_sealed_in_the_database(self):
        rows, clear = self.sql("SELECT count(*), count(*) FILTER (WHERE position("
                               "'a card'::bytea IN sealed) > 0) FROM body").split("|")
        self.assertEqual((rows, clear), ("1", "0"))


if __name__ == "__main__":
    unittest.main()
