#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What docs/operations.md says of PostgreSQL and of /metrics is so."""
import os
import re
import unittest

from cloud import TESTS
from case import Case

import harness

LEAK = "my card 4716301661318609"
ROW = re.compile(r"^\| `(orchestrator_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)
PAGE = harness.read_text(os.path.join(os.path.dirname(TESTS), "docs", "operations.md"))
DATABASE = "orchestrator"


def sql_of(name):
    """The block that begins with this comment."""
    found, = re.findall(r"^```sql\n-- %s[^\n]*\n(.*?)^```$" % re.escape(name), PAGE,
                        re.MULTILINE | re.DOTALL)
    return found


class Operations(Case):
    """One site: its database is as the page says."""

    def make_database(self, site):
        """By its roles; one that each database of a test belongs to is there already."""
        before, after = sql_of("roles").split("\\connect %s\n" % DATABASE)
        self.cloud.postgres.sql("ALTER ROLE orchestrator RENAME TO owner_of_tests")
        for statement in before.split(";"):
            self.cloud.postgres.sql(statement)
        self.cloud.postgres.sql(after, DATABASE)
        site.dsn = self.cloud.postgres.dsn(DATABASE)

    def migrate(self, host):
        """By the owner; then the host is the other role's."""
        groups = host.settings.groups["store"]
        groups.update(migrate="false", dsn=host.site.dsn.replace(
            "user=orchestrator", "user=orchestrator_owner"))
        host.write()
        self.assertEqual(host.command("store", "migrate")[0], 0)
        groups["dsn"] = host.site.dsn

    def check_metrics(self, host):
        """What is served stands in the tables, with its type and its labels."""
        said = {name: (kind, set(re.findall(r"\w+", labels))) for name, kind, labels in ROW.findall(PAGE)}
        text = host.get("/metrics").text()
        kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        self.assertEqual({name: said.get(name, ("none",))[0] for name in kinds}, kinds)
        for name, series in harness.metrics_of(text).items():
            name = name if name in said else re.sub(r"_(bucket|sum|count)$", "", name)
            for labels, _ in series:
                self.assertEqual(set(labels) - {"le"}, said[name][1], name)

    def test_the_roles_the_tables_of_metrics_and_the_retention(self):
        with self.site() as site:
            self.make_database(site)
            host = site.host()
            self.migrate(host)
            site.explain("queue.alien")
            site.explain("task.dead")
            host.settings.change("block.attempts", "1")
            site.sim.tell("fault", method="chat.delete", kind="status", status=503, count=1)
            host.start()
            host.await_polls(3)
            leak = site.post(LEAK)
            site.queue("scan").send("no letter of ours")
            site.await_dead("scan", 1)
            site.await_dead("act.block", 1)
            self.assertEqual(host.command("queue", "redrive", "act.block")[0], 0)
            self.assertEqual(host.command("queue", "discard", "scan")[0], 0)
            site.await_shown(leak, "deleted")
            site.await_ledger(dead=0, in_flight=0, dropped=1)
            for words in (("edit", "--state", "shadow"), ("remove",)):
                self.assertEqual(host.command("rule", *words, "card-visa")[0], 0)
            self.check_metrics(host)
            self.forget_findings(host)

    def forget_findings(self, host):
        statement = sql_of("retention, PostgreSQL")
        self.assertEqual(len(host.json_lines("finding", "list")), 1)
        host.site.sql(statement)
        self.assertEqual(len(host.json_lines("finding", "list")), 1, "it is not 90 days old")
        self.assertIn("90 days", statement)
        host.site.sql(statement.replace("90 days", "-1 days"))
        self.assertEqual(host.json_lines("finding", "list"), [])
        for table in ("event", "finding", "result"):
            self.assertEqual(host.site.sql("SELECT count(*) FROM " + table), "0")


if __name__ == "__main__":
    unittest.main(verbosity=2)
