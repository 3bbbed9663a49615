#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules: added, changed, tried, carried from one place to another."""
import json
import subprocess
import threading
import unittest

from harness import MAESTRO, NUMBERS, PROGRAM, TOOLS, Case, Port, Service, whole

KEYS = {"id", "tool", "name", "description", "expression", "severity", "state", "matches",
        "no_matches", "version", "created_by", "created", "changed_by", "changed"}


class Rule(Case):
    def badge(self, *more):
        return self.run_it("rule", "add", "--tool", "dlp", "--name", "badge", *more,
                           "B-[0-9]{4}")

    def one(self, name):
        """The rule as it now stands."""
        return self.good("rule", "show", "--json", name).rows()[0]

    def test_one_is_added_and_shown(self):
        outcome = self.add_maestro()
        self.assertEqual(outcome.out, "maestro is saved as version 1, live\n")
        rule = self.one("maestro")
        self.assertEqual(set(rule), KEYS)
        self.assertEqual((rule["expression"], rule["severity"], rule["state"], rule["version"]),
                         (MAESTRO, "high", "live", 1))
        shown = self.good("rule", "show", "maestro").out
        self.assertIn("To match Maestro cards", shown)
        self.assertIn("VERSION", shown)

    def test_added_ones_are_told_as_json_too(self):
        rule, = self.add_maestro("--json").rows()
        self.assertEqual(set(rule), KEYS)

    def test_lists_are_by_tool(self):
        self.write("orchestrator.cfg", TOOLS.replace(
            "tools = (", 'tools = ( { name = "other"; plugin = "dlp"; },'))
        self.add_maestro()
        self.good("rule", "add", "--tool", "other", "--name", "second", "x")
        self.assertEqual({row["id"] for row in self.good("rule", "list", "--json").rows()},
                         {"maestro", "second"})
        row, = self.good("rule", "list", "--tool", "other", "--json").rows()
        self.assertEqual(row["tool"], "other")
        lines = self.good("rule", "list").lines()
        self.assertEqual(lines[0].split(), ["ID", "VERSION", "TOOL", "STATE", "SEVERITY", "NAME"])
        self.assertEqual(len(lines), 3)

    def test_an_edit_is_a_new_version_and_the_old_one_stays(self):
        self.add_maestro()
        self.good("rule", "edit", "--severity", "low", "--state", "shadow", "maestro")
        newest, oldest = self.good("rule", "show", "--json", "maestro").rows()
        self.assertEqual((newest["version"], newest["severity"], newest["state"]),
                         (2, "low", "shadow"))
        self.assertEqual((oldest["version"], oldest["severity"]), (1, "high"))
        self.assertEqual(newest["expression"], MAESTRO)

    def test_an_edit_without_a_change_is_64_and_no_version(self):
        self.add_maestro()
        for words in (["maestro"], ["--json", "maestro"]):
            self.fails(64, "say what to change", "rule", "edit", *words)
        self.assertEqual(self.one("maestro")["version"], 1)

    def test_what_is_not_there_is_66(self):
        for words in (["show", "absent"], ["edit", "--state", "off", "absent"],
                      ["remove", "absent"], ["test", "absent"]):
            self.fails(66, "absent", "rule", *words)

    def test_a_removed_one_is_gone(self):
        self.add_maestro()
        self.assertIn("its history stays", self.good("rule", "remove", "maestro").out)
        self.assertEqual(self.good("rule", "list", "--json").rows(), [])
        self.assertIn("removed", self.good("rule", "show", "maestro").out)
        self.write("leak.txt", NUMBERS[0])
        self.good("rule", "add", "--tool", "dlp", "--name", "other", "zebra")
        self.assertEqual(self.run_it("scan", "leak.txt").code, 0)

    def test_a_removed_one_cannot_be_changed_or_removed_again(self):
        self.add_maestro()
        self.good("rule", "remove", "maestro")
        for words in (["edit", "--state", "off", "maestro"], ["remove", "maestro"]):
            self.fails(66, 'there is no rule "maestro"', "rule", *words)
        newest, oldest = self.good("rule", "show", "--json", "maestro").rows()
        self.assertEqual((newest["state"], newest["removed"], oldest["state"]),
                         ("removed", True, "live"))

    def test_a_removal_is_told_as_json(self):
        self.add_maestro()
        self.assertEqual(self.good("rule", "remove", "--json", "maestro").rows(),
                         [{"removed": "maestro"}])

    def test_what_is_quoted_cannot_steer_the_terminal(self):
        outcome = self.fails(66, 'there is no rule "a?[2Jb"', "rule", "show", "a\033[2Jb")
        self.assertNotIn("\033", outcome.err)
        row, = self.run_it("rule", "show", "--json", 'a"\\b').rows()
        self.assertEqual(row["error"], 'there is no rule "a"\\b"')

    def test_a_bad_expression_is_refused_in_the_words_of_pcre2(self):
        self.fails(1, "missing closing parenthesis", "rule", "add", "--tool", "dlp", "--name",
                   "n", "(open")
        self.fails(1, "quantifier", "rule", "add", "--tool", "dlp", "--name", "n", "*x")
        self.assertEqual(self.good("rule", "list", "--json").rows(), [])

    def test_examples_must_come_out_right(self):
        outcome = self.badge("--match", "nothing of it")
        self.assertEqual(outcome.code, 1)
        self.assertIn('example 1 under "matches" is not found', outcome.err)
        self.assertNotIn("nothing of it", outcome.err)
        outcome = self.badge("--no-match", "B-1", "--no-match", "B-1234")
        self.assertEqual(outcome.code, 1)
        self.assertIn('example 2 under "no_matches" is found', outcome.err)
        self.assertEqual(self.badge("--match", "B-1234", "--no-match", "B-12").code, 0)

    def test_what_cannot_be_judged_is_not_right(self):
        endless = "a" * 60 + "b " + NUMBERS[1]
        expression = "(a+)+$|" + NUMBERS[1]
        outcome = self.fails(1, 'example 1 under "no_matches" cannot be judged: ', "rule", "add",
                             "--tool", "dlp", "--name", "slow", "--no-match", endless, expression)
        self.assertNotIn(NUMBERS[1], outcome.err)
        self.assertEqual(self.good("rule", "list", "--json").rows(), [])
        self.good("rule", "add", "--tool", "dlp", "--name", "slow", expression)
        self.fails(2, "the text is not examined whole: ", "rule", "test", "slow", endless)
        row, = self.run_it("rule", "test", "--json", "slow", endless).rows()
        self.assertIn("not examined whole", row["error"])

    def test_an_edit_must_keep_to_the_examples(self):
        self.assertEqual(self.badge("--match", "B-1234").code, 0)
        self.fails(1, "is not found", "rule", "edit", "--expression", "C-[0-9]", "badge")
        self.good("rule", "edit", "--expression", "C-[0-9]", "--clear-examples", "--match", "C-1",
                  "badge")
        self.assertEqual(self.one("badge")["matches"], ["C-1"])

    def test_options_are_the_tools_own(self):
        self.good("rule", "add", "--tool", "dlp", "--name", "card", "--options",
                  '{"check":"luhn"}', "[0-9]{16}")
        self.assertEqual(self.one("card")["options"], {"check": "luhn"})
        self.fails(1, "", "rule", "add", "--tool", "dlp", "--name", "bad", "--options",
                   '{"check":"no such check"}', "[0-9]{16}")

    def test_the_same_id_twice_is_refused(self):
        self.assertEqual(self.badge("--id", "b").code, 0)
        outcome = self.badge("--id", "b")
        self.assertEqual(outcome.code, 1)
        self.assertIn('there is a rule "b" already', outcome.err)

    def test_a_name_that_another_rule_has_is_refused(self):
        self.add_maestro()
        self.assertEqual(self.badge().code, 0)
        taken = 'the name "maestro" is taken by the rule maestro; change that one, or choose'
        self.fails(1, taken, "rule", "add", "--tool", "dlp", "--name", "maestro", "--id", "other",
                   "x")
        self.fails(1, taken, "rule", "edit", "--name", "maestro", "badge")
        path = self.write("rules.json", json.dumps({"rules": [
            {"id": "other", "tool": "dlp", "name": "maestro", "expression": "x"}]}))
        self.fails(1, taken, "rule", "import", path)
        self.good("rule", "edit", "--name", "card", "maestro")
        self.good("rule", "edit", "--name", "maestro", "badge")

    def test_a_new_id_is_of_plain_characters(self):
        says = "cannot be the id of a rule; must be 1 to 64 letters, digits"
        for ident in ("a b", "a\033[2J", 'a"b\\', "x" * 65, "\u00e4"):
            outcome = self.badge("--id", ident)
            self.assertEqual(outcome.code, 1, ident)
            self.assertIn(says, outcome.err)
            self.assertNotIn("\033", outcome.err)
            path = self.write("rules.json", json.dumps({"rules": [
                {"id": ident, "tool": "dlp", "name": "n", "expression": "x"}]}))
            self.fails(1, says, "rule", "import", path)
        self.assertEqual(self.badge("--id", "A.b_c-" + "x" * 58).code, 0)

    def test_an_expression_may_begin_with_a_dash(self):
        self.fails(64, "see --help", "rule", "add", "--tool", "dlp", "--name", "dash", "-x-")
        self.good("rule", "add", "--tool", "dlp", "--name", "dash", "--", "-x-")

    def test_trying_one_is_0_if_it_matches(self):
        self.add_maestro("--match", NUMBERS[0])
        self.assertIn("come out right", self.good("rule", "test", "maestro").out)
        self.assertEqual(self.good("rule", "test", "--json", "maestro").rows(), [{"ok": True}])
        outcome = self.good("rule", "test", "maestro", "my card\n%s" % NUMBERS[1])
        self.assertEqual(outcome.out, "8\t12\t%s\n" % NUMBERS[1])
        row, = self.good("rule", "test", "--json", "maestro", NUMBERS[0]).rows()
        self.assertEqual(row, {"start": 0, "length": 16, "text": NUMBERS[0]})
        self.assertEqual(self.run_it("rule", "test", "maestro", "no card").code, 1)
        self.good("rule", "test", "maestro", "-", stdin=NUMBERS[0].encode())


class Carried(Case):
    def test_what_is_exported_can_be_imported(self):
        self.add_maestro("--match", NUMBERS[0], "--no-match", "123")
        self.good("rule", "add", "--tool", "dlp", "--name", 'with "quotes"', "--options",
                  '{"check":"luhn"}', "--state", "off", r"\d+ \"x\"")
        text = self.good("rule", "export").out
        exported = json.loads(text)["rules"]
        self.assertEqual(len(exported), 2)
        path = self.write("rules.json", text)
        self.write("orchestrator.cfg", TOOLS.replace('"var"', '"elsewhere"'))
        self.assertEqual(self.good("rule", "import", path).out,
                         "2 rules added, 0 changed, 0 unchanged\n")
        self.assertEqual(json.loads(self.good("rule", "export").out)["rules"], exported)
        self.assertEqual(self.good("rule", "import", "--json", path).rows(),
                         [{"added": 0, "changed": 0, "unchanged": 2}])

    def test_an_import_may_come_from_standard_input(self):
        text = json.dumps({"rules": [{"tool": "dlp", "name": "n", "expression": "x"}]})
        self.assertEqual(self.good("rule", "import", "-", stdin=text.encode()).out,
                         "1 rules added, 0 changed, 0 unchanged\n")
        self.fails(1, "standard input:1: ", "rule", "import", "-", stdin=b"{")

    def test_an_import_is_all_or_nothing(self):
        path = self.write("rules.json", json.dumps({"rules": [
            {"tool": "dlp", "name": "good", "expression": "a"},
            {"tool": "dlp", "name": "bad", "expression": "("}]}))
        self.fails(1, "rule bad", "rule", "import", path)
        self.assertEqual(self.good("rule", "list", "--json").rows(), [])

    def test_an_import_says_what_is_wrong_and_where(self):
        for text, says in (("{", "rules.json"), ("[]", 'no list "rules"'),
                           ('{"rules":[{"name":1}]}', "name must be a text"),
                           ('{"rules":[{"colour":1}]}', '"colour" is not known')):
            self.fails(1, says, "rule", "import", self.write("rules.json", text))
        self.fails(1, "absent.json", "rule", "import", "absent.json")

    def test_files_of_the_configuration_are_imported_once(self):
        self.write("rules.json", json.dumps({"rules": [
            {"tool": "dlp", "name": "first", "expression": "a"}]}))
        self.write("orchestrator.cfg", TOOLS + 'rules = [ "rules.json" ];')
        self.assertEqual(len(self.good("rule", "list", "--json").rows()), 1)
        self.good("rule", "remove", "first")
        self.assertEqual(self.good("rule", "list", "--json").rows(), [])


class Concurrent(Case):
    def setUp(self):
        super().setUp()
        self.port = Port()
        self.addCleanup(self.port.close)
        self.write("orchestrator.cfg", whole(self.port.number))

    def test_rules_can_be_added_from_all_sides_while_it_runs(self):
        service = Service(self)
        self.addCleanup(service.stop)
        outcomes = []

        def add(number):
            outcomes.append(self.run_it("rule", "add", "--tool", "dlp", "--name",
                                        "rule %d" % number, "x%d" % number))

        threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([outcome.code for outcome in outcomes], [0] * 12,
                         [outcome.err for outcome in outcomes])
        self.assertEqual(len(self.good("rule", "list", "--json").rows()), 12)
        service.await_log("event=rules.loaded", 1)
        self.assertEqual(service.stop(), 0)

    def test_of_two_edits_at_once_none_is_lost_unseen(self):
        self.add_maestro()
        processes = [subprocess.Popen(
            [PROGRAM, "rule", "edit", "-c", self.path("orchestrator.cfg"), "--description",
             "by %d" % number, "maestro"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=self.environment(), cwd=self.dir) for number in range(8)]
        saved = 0
        for process in processes:
            _, err = process.communicate(timeout=60)
            saved += process.returncode == 0
            if process.returncode != 0:
                self.assertIn(b"somebody else has changed the rule", err)
        versions = self.good("rule", "show", "--json", "maestro").rows()
        self.assertEqual(len(versions), 1 + saved)


if __name__ == "__main__":
    unittest.main()
