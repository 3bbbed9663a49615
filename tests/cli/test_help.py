#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Help texts as they are agreed; `CLI_UPDATE=1` writes what the program says now."""
import os
import re
import unittest

from harness import HERE, Case

COMMANDS = ["run", "check", "scan", "rule list", "rule show", "rule add", "rule edit",
            "rule remove", "rule test", "rule import", "rule export", "finding list",
            "finding show", "queue list", "queue peek", "queue redrive", "queue discard",
            "store migrate", "plugin list", "plugin show", "plugin verify", "version"]
GROUPS = ["rule", "finding", "queue", "store", "plugin"]


class Help(Case):
    def golden(self, name, text):
        path = os.path.join(HERE, "help", name.replace(" ", "_") + ".txt")
        if os.environ.get("CLI_UPDATE"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(text, file.read())

    def test_of_each_command(self):
        for command in COMMANDS:
            with self.subTest(command):
                outcome = self.bare(*command.split(), "--help")
                self.assertEqual((outcome.code, outcome.err), (0, ""))
                self.golden(command, outcome.out)

    def test_short_form_says_the_same(self):
        for command in COMMANDS:
            with self.subTest(command):
                self.assertEqual(self.bare(*command.split(), "-h").out,
                                 self.bare(*command.split(), "--help").out)

    def test_examples_come_first(self):
        for command in COMMANDS:
            with self.subTest(command):
                lines = self.bare(*command.split(), "--help").lines()
                self.assertEqual(lines[1:3], ["", "Examples:"])
                self.assertTrue(lines[3].startswith("  "), lines[3])
                self.assertIn("orchestrator " + command, "\n".join(lines[3:]))

    def test_no_line_is_longer_than_a_page(self):
        for command in COMMANDS + GROUPS + [""]:
            for line in self.bare(*command.split(), "--help").lines():
                self.assertLessEqual(len(line), 80, line)

    def test_of_groups_and_of_all(self):
        for group in GROUPS:
            outcome = self.bare(group, "--help")
            self.assertEqual(outcome.code, 0)
            self.golden(group, outcome.out)
        self.golden("orchestrator", self.bare("--help").out)
        self.assertEqual(self.bare("-h").out, self.bare("--help").out)
        self.assertEqual(self.bare("help").out, self.bare("--help").out)

    def test_every_command_is_listed(self):
        listed = re.findall(r"^  (\w+(?: \w+)?) {2,}", self.bare("--help").out, re.M)
        for command in COMMANDS:
            self.assertIn(command, listed)

    def test_exit_codes_are_told(self):
        for command in ("run", "check", "scan", "rule add", "rule edit", "rule show",
                        "rule test", "rule import", "finding show", "plugin verify"):
            self.assertIn("Exit: 0", self.bare(*command.split(), "--help").out, command)


class Usage(Case):
    def test_without_words_it_is_64_and_help_on_standard_error(self):
        outcome = self.bare()
        self.assertEqual((outcome.code, outcome.out), (64, ""))
        self.assertIn("Commands", outcome.err)

    def test_what_is_not_there_is_64_with_a_proposal(self):
        for words, says in ((["chekc"], 'did you mean "check"?'),
                            (["zzzz"], "see orchestrator --help"),
                            (["rule"], "say what to do"),
                            (["rule", "lst"], "say what to do"),
                            (["rule", "list", "--tol", "x"], "did you mean --tool?"),
                            (["rule", "list", "--jsno"], "did you mean --json?"),
                            (["check", "--frobnicate"], "see --help"),
                            (["check", "x"], "too much"),
                            (["scan"], "something is missing"),
                            (["rule", "add"], "something is missing"),
                            (["finding", "list", "--limit"], "wants a value"),
                            (["check", "--json=1"], "takes no value"),
                            (["check", "-c"], "-c wants a file")):
            with self.subTest(words):
                outcome = self.run_it(*words)
                self.assertEqual((outcome.code, outcome.out), (64, ""))
                self.assertIn(says, outcome.err)

    def test_under_json_it_is_told_as_json_too(self):
        for words, says in ((["chekc"], "there is no command"),
                            (["rule"], "say what to do: list, show, add"),
                            (["rule", "show"], "something is missing"),
                            (["rule", "list", "--tol", "x"], "did you mean --tool?"),
                            (["queue", "redrive"], "say which")):
            with self.subTest(words):
                outcome = self.fails(64, says, *words, "--json")
                row, = outcome.rows()
                self.assertIn(says, row["error"])

    def test_wrong_values_are_64(self):
        for words, says in ((["finding", "list", "--limit", "0"], "1 to 1000000"),
                            (["finding", "list", "--verdict", "bad"], "pass, flag or block"),
                            (["queue", "peek", "--limit", "x"], "1 to 1000000"),
                            (["queue", "redrive"], "say which"),
                            (["queue", "discard"], "say which"),
                            (["run", "--stages", "scan,dance"], '"dance" is not a stage'),
                            (["run", "--stages", ""], "--stages wants"),
                            (["run", "--stages="], "--stages wants"),
                            (["rule", "add", "x"], "--tool and --name"),
                            (["rule", "add", "--tool", "dlp", "--name", "n", "--severity", "bad",
                              "x"], "is no severity"),
                            (["rule", "add", "--tool", "dlp", "--name", "n", "--state", "on",
                              "x"], "is no state"),
                            (["rule", "add", "--tool", "dlp", "--name", "n", "--options", "[]",
                              "x"], "wants a JSON object"),
                            (["rule", "add", "--tool", "no", "--name", "n", "x"],
                             'has no tool "no"')):
            with self.subTest(words):
                self.fails(64, says, *words)

    def test_version_is_told(self):
        for words in (["version"], ["--version"]):
            outcome = self.bare(*words)
            self.assertEqual(outcome.code, 0)
            self.assertRegex(outcome.out, r"^orchestrator \d+\.\d+\.\d+, plugin ABI 1\.\d+\n$")
        row, = self.bare("version", "--json").rows()
        self.assertEqual(set(row), {"version", "abi"})


if __name__ == "__main__":
    unittest.main()
