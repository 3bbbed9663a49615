#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`check` runs what the start runs."""
import json
import os
import re
import unittest

from harness import BUILD, PLUGINS, ROOT, TOOLS, Case, whole


class Check(Case):
    config = whole(0)

    def test_a_right_one_is_0(self):
        outcome = self.good("check")
        self.assertIn("is right: 1 inputs, 1 tools, 1 actions, 1 pipelines", outcome.out)
        self.assertEqual(outcome.err, "")
        row, = self.good("check", "--json").rows()
        self.assertEqual(set(row), {"ok", "digest", "inputs", "tools", "actions", "pipelines"})
        self.assertIs(row["ok"], True)

    def test_it_leaves_nothing_behind(self):
        self.good("check")
        self.assertEqual(os.listdir(self.dir), ["orchestrator.cfg"])

    def test_the_file_may_be_named_in_three_ways(self):
        for words in (["check", "-c", "orchestrator.cfg"],
                      ["check", "--config", "orchestrator.cfg"],
                      ["check", "--config=orchestrator.cfg"]):
            self.assertEqual(self.bare(*words).code, 0)

    def test_a_missing_file_is_78_and_named(self):
        for words in (["check"], ["rule", "list"], ["queue", "list"], ["plugin", "list"]):
            outcome = self.bare(*words, "-c", "absent.cfg")
            self.assertEqual((outcome.code, outcome.out), (78, ""))
            self.assertIn("absent.cfg", outcome.err)
            self.assertIn("name the file that is meant by -c FILE", outcome.err)

    def test_every_error_is_listed_with_its_place(self):
        self.write("orchestrator.cfg", whole(0) + "\ncolour = 1;\nlimits = { events = 0; };\n")
        outcome = self.fails(78, 'unknown key "colour"', "check")
        self.assertEqual(len(outcome.err.splitlines()), 2)
        for line in outcome.err.splitlines():
            self.assertRegex(line, r"^\S+orchestrator\.cfg:\d+: ")
        rows = self.run_it("check", "--json").rows()
        self.assertEqual([set(row) for row in rows], [{"error"}, {"error"}])

    def test_a_syntax_error_is_78(self):
        self.write("orchestrator.cfg", "http = { listen ")
        self.fails(78, "orchestrator.cfg:1: ", "check")

    def test_without_a_pipeline_nothing_would_be_done(self):
        self.write("orchestrator.cfg", TOOLS)
        self.fails(78, "pipelines: there is none", "check")

    def test_a_rule_file_that_the_start_would_refuse_is_refused(self):
        self.write("rules.json", json.dumps({"rules": [
            {"tool": "dlp", "name": "open", "expression": "(open"}]}))
        self.write("orchestrator.cfg", whole(0) + 'rules = [ "rules.json" ];')
        self.fails(78, "rule open: ", "check")

    def test_rules_that_the_first_start_would_refuse_are_refused(self):
        rule = {"tool": "dlp", "name": "one", "expression": "x"}
        for ids, says in ((("a b",), 'rule a b: "a b" cannot be the id of a rule'),
                          (("a", "b"), "rule b: another one of its tool has the same name")):
            self.write("rules.json", json.dumps({"rules": [dict(rule, id=one) for one in ids]}))
            self.write("orchestrator.cfg", whole(0) + 'rules = [ "rules.json" ];')
            self.fails(78, says, "check")

    def test_a_secret_that_is_not_there_is_78_and_only_its_place_is_told(self):
        self.write("orchestrator.cfg",
                   whole(0) + 'credentials = ( { name = "k"; env = "NOT_SET_ANYWHERE"; } );')
        self.fails(78, "NOT_SET_ANYWHERE", "check")
        self.assertEqual(self.run_it("check", NOT_SET_ANYWHERE="hush-hush").code, 0)
        self.assertNotIn("hush-hush", self.run_it("check", NOT_SET_ANYWHERE="hush-hush").out)

    def test_the_configurations_that_we_ship_are_right(self):
        secrets = {"SLACK_SIGNING_SECRET": "a" * 32, "SLACK_BOT_TOKEN": "b" * 32,
                   "SLACK_ADMIN_TOKEN": "c" * 32}
        with open(os.path.join(ROOT, "config", "orchestrator.cfg"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(ROOT, "config", "rules.json"), encoding="utf-8") as file:
            self.write("rules.json", file.read())
        text = text.replace('"../var"', '"var"')
        if "plugins =" not in text:
            text += '\nplugins = { path = [ "%s" ]; };\n' % PLUGINS
        self.write("orchestrator.cfg", text)
        outcome = self.run_it("check", **secrets)
        self.assertEqual(outcome.code, 0, outcome.err)


class Manifest(unittest.TestCase):
    def test_it_asks_for_what_the_input_reads_and_for_no_more(self):
        with open(os.path.join(ROOT, "config/examples/slack-manifest.json"), encoding="utf-8") as file:
            wanted = json.load(file)["settings"]["event_subscriptions"]
        with open(os.path.join(ROOT, "plugins/inputs/slack/slack.c"), encoding="utf-8") as file:
            table = re.search(r"\} kinds\[\] = \{(.*?)\};", file.read(), re.S).group(1)
        read = set(re.findall(r'\{ "(\w+)"', table)) - {"app_rate_limited"}  # that one comes unasked
        asked = {name.split(".")[0] for name in wanted["bot_events"] + wanted["user_events"]}
        self.assertEqual(asked, read)
        for events in ("bot_events", "user_events"):
            for kind in ("message.channels", "message.groups", "message.im", "message.mpim",
                         "file_shared", "file_change"):
                self.assertIn(kind, wanted[events])


class Run(Case):
    """Starts that fail; those that do not are played as flows."""

    def test_a_wrong_configuration_is_78(self):
        self.write("orchestrator.cfg", "colour = 1;")
        self.fails(78, 'unknown key "colour"', "run")

    def test_under_json_every_error_is_an_object_of_the_log(self):
        self.write("orchestrator.cfg", "colour = 1;\nsize = 2;")
        ended = self.fails(78, "config.error", "run", "--json")
        lines = [json.loads(line) for line in ended.err.splitlines()]
        self.assertEqual({line["event"] for line in lines}, {"config.error"})
        for key in ("colour", "size"):
            self.assertTrue(any('unknown key "%s"' % key in line["error"] for line in lines), lines)

    def agree(self, says):
        """What `run` would stumble over is 78 of both, in the same words."""
        checked = self.fails(78, says, "check")
        self.assertEqual(self.fails(78, says, "run").err, checked.err)
        return checked

    def test_a_state_folder_that_cannot_be_had_is_78(self):
        self.write("orchestrator.cfg", whole(0).replace('"var"', '"/proc/no/such"'))
        self.agree("/proc/no/such")

    def test_a_plugin_that_crashes_is_78(self):
        self.write("orchestrator.cfg", whole(0).replace(
            '"dlp"; plugin = "dlp"', '"dlp"; plugin = "script_rules"; script = "crash"'))
        self.agree("tools.dlp.plugin: script_rules: it crashed while an instance was made")

    def test_a_database_of_somebody_else_is_78(self):
        self.write("orchestrator.cfg", whole(0))
        os.mkdir(self.path("var"), 0o700)
        os.chmod(self.write("var/store.key", "0" * 64), 0o600)
        os.chmod(self.write("var/orchestrator.db", "no database" * 99), 0o600)
        self.agree("not a database")
        self.assertEqual(sorted(os.listdir(self.path("var"))), ["orchestrator.db", "store.key"])

    def test_a_broken_key_is_78_and_not_shown(self):
        self.write("orchestrator.cfg", whole(0))
        os.mkdir(self.path("var"), 0o700)
        os.chmod(self.write("var/store.key", "hush-hush"), 0o600)
        outcome = self.agree("64 hex digits")
        self.assertNotIn("hush-hush", outcome.err)

    def test_an_address_that_is_not_ours_is_78(self):
        self.write("orchestrator.cfg", whole(1).replace("127.0.0.1:1", "192.0.2.1:8080"))
        self.agree("192.0.2.1")


class Build(unittest.TestCase):
    def test_is_where_it_is_looked_for(self):
        self.assertTrue(os.path.isdir(BUILD))


if __name__ == "__main__":
    unittest.main()
