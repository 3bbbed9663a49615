#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Colours are for terminals, results for standard output, and what is lost is no success."""
import os
import subprocess
import unittest

from harness import NUMBERS, PROGRAM, Case


class Output(Case):
    def setUp(self):
        super().setUp()
        self.add_maestro()
        self.write("leak.txt", NUMBERS[0])

    def test_there_are_colours_on_a_terminal_only(self):
        self.assertIn("\033[", self.on_terminal("rule", "list"))
        self.assertNotIn("\033", self.good("rule", "list").out)
        self.assertIn("\033[", self.on_terminal("scan", "leak.txt"))

    def test_no_color_is_heeded_unless_it_is_empty(self):
        self.assertNotIn("\033", self.on_terminal("rule", "list", NO_COLOR="1"))
        self.assertIn("\033[", self.on_terminal("rule", "list", NO_COLOR=""))

    def test_json_is_never_coloured(self):
        self.assertNotIn("\033", self.on_terminal("rule", "list", "--json"))
        self.assertNotIn("\033", self.on_terminal("scan", "--json", "leak.txt"))

    def test_columns_stand_below_each_other_in_colours_too(self):
        plain = self.good("rule", "list").out
        coloured = self.on_terminal("rule", "list")
        for mark in ("\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"):
            coloured = coloured.replace(mark, "")
        self.assertEqual(coloured, plain)

    def test_a_narrow_terminal_folds_the_last_column(self):
        for columns in (80, 60):
            lines = self.on_terminal("plugin", "list", columns=columns, NO_COLOR="1").splitlines()
            self.assertTrue(all(len(line) <= columns for line in lines), lines)
        whole = self.good("plugin", "list").out
        self.assertEqual(self.on_terminal("plugin", "list", columns=500, NO_COLOR="1"), whole)
        self.assertEqual(" ".join(lines).split(), whole.split())

    def lost(self, words, **streams):
        """Their output cannot be written, which is 74 and said."""
        done = subprocess.run([PROGRAM, *words], stderr=subprocess.PIPE, cwd=self.dir, timeout=60,
                              check=False, env=self.environment(
                                  ORCHESTRATOR_CONFIG=self.path("orchestrator.cfg")), **streams)
        self.assertEqual(done.returncode, 74, words)
        self.assertIn(b"could not be written", done.stderr)

    def test_a_full_disk_is_74(self):
        with open("/dev/full", "wb") as full:
            for words in (["rule", "list"], ["rule", "export"], ["version"], ["queue", "list"],
                          ["rule", "test", "maestro"], ["--help"], ["rule", "--help"],
                          ["rule", "list", "--help"], ["finding", "list", "--json", "--limt"],
                          ["scan", "leak.txt"], ["queue", "redrive", "--all"]):
                self.lost(words, stdout=full)

    def test_standard_output_that_is_closed_is_74(self):
        for words in (["rule", "list"], ["version"], ["--help"]):
            self.lost(words, preexec_fn=lambda: os.close(1))

    def test_names_of_rules_cannot_steer_the_terminal(self):
        self.good("rule", "add", "--tool", "dlp", "--name", "a\033[2J\u202eb", "x")
        self.assertIn("a?[2J?b", self.good("rule", "list").out)
        self.assertNotIn("\033[2J", self.on_terminal("rule", "list"))


if __name__ == "__main__":
    unittest.main()
