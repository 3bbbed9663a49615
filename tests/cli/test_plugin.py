#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`plugin list`, `show` and `verify`."""
import os
import shutil
import socket
import unittest

from harness import BROKEN, PLUGINS, Case

SHIPPED = {"slack": "input", "dlp": "tool", "keyword": "tool", "slack_block": "action",
           "slack_notify": "action", "log": "action"}
KEYS = {"name", "kind", "version", "abi", "summary", "file"}


class Plugin(Case):
    config = 'state_dir = "var"; plugins = { path = [ "%s" ]; };' % PLUGINS

    def test_all_that_can_be_found_are_listed(self):
        rows = self.good("plugin", "list", "--json").rows()
        kinds = {row["name"]: row["kind"] for row in rows}
        for name, kind in SHIPPED.items():
            self.assertEqual(kinds[name], kind)
        for row in rows:
            self.assertEqual(set(row), KEYS)
        lines = self.good("plugin", "list").lines()
        self.assertEqual(lines[0].split(), ["NAME", "KIND", "VERSION", "SUMMARY"])
        self.assertEqual(len(lines), 1 + len(rows))

    def test_a_broken_one_is_named_and_the_rest_is_listed(self):
        folder = self.path("plugins")
        os.mkdir(folder)
        shutil.copy(os.path.join(PLUGINS, "keyword.so"), folder)
        self.write("plugins/broken.so", "this is no plugin")
        self.write("orchestrator.cfg", 'plugins = { path = [ "plugins" ]; };')
        outcome = self.fails(1, "broken.so", "plugin", "list")
        self.assertIn("keyword", outcome.out)

    def test_one_that_crashes_is_named_and_the_rest_is_listed(self):
        folder = self.path("plugins")
        os.mkdir(folder)
        shutil.copy(os.path.join(PLUGINS, "keyword.so"), folder)
        shutil.copy(os.path.join(BROKEN, "crash.so"), folder)
        self.write("orchestrator.cfg", 'plugins = { path = [ "plugins" ]; };')
        outcome = self.run_it("plugin", "list")
        self.assertEqual(outcome.code, 1)
        self.assertRegex(outcome.err, "crash.so: it (crashed|ended the program) while it was loaded")
        self.assertIn("keyword", outcome.out)
        outcome = self.run_it("plugin", "show", "crash")
        self.assertEqual(outcome.code, 1)
        self.assertRegex(outcome.err, "it (crashed|ended the program) while it was loaded")

    def test_what_is_no_regular_file_is_said_to_be_none(self):
        os.mkfifo(self.path("pipe.so"))
        self.fails(1, "it is not a regular file", "plugin", "verify", "pipe.so")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(self.path("bound.so"))
            self.fails(1, "it is not a regular file", "plugin", "verify", "bound.so")

    def test_without_any_configuration_those_beside_the_program_are_shown(self):
        listed = self.bare("plugin", "list")
        self.assertEqual((listed.code, listed.err), (0, ""))
        for name in SHIPPED:
            self.assertIn(name, listed.out)
        self.assertEqual(self.bare("plugin", "show", "dlp").code, 0)

    def test_a_configuration_that_was_named_must_be_there(self):
        self.assertEqual(self.bare("plugin", "list", "-c", "absent.cfg").code, 78)
        self.assertEqual(self.bare("plugin", "list", ORCHESTRATOR_CONFIG="absent.cfg").code, 78)

    def test_a_folder_that_is_not_there_is_said(self):
        self.write("orchestrator.cfg", 'plugins = { path = [ "absent" ]; };')
        self.fails(1, "absent", "plugin", "list")

    def test_of_the_default_path_what_is_not_there_is_passed_over(self):
        self.write("orchestrator.cfg", 'state_dir = "var";')
        outcome = self.good("plugin", "list")
        self.assertIn("keyword", outcome.out)
        self.assertEqual(outcome.err, "")

    def test_one_is_shown_with_its_options(self):
        row, = self.good("plugin", "show", "--json", "keyword").rows()
        self.assertEqual(set(row), KEYS | {"options"})
        options = {option["name"]: option for option in row["options"]}
        self.assertEqual(options["severity"]["default"], "medium")
        self.assertNotIn("default", options["word"])
        shown = self.good("plugin", "show", "keyword").out
        self.assertIn("required", shown)
        self.assertIn("info|low|medium|high|critical", shown)

    def test_every_shipped_one_can_be_shown(self):
        for name in SHIPPED:
            self.good("plugin", "show", name)
            self.good("plugin", "show", "--json", name).rows()

    def test_what_is_not_there_is_66(self):
        self.fails(66, "absent", "plugin", "show", "absent")

    def test_a_sound_file_is_verified(self):
        path = os.path.join(PLUGINS, "keyword.so")
        self.assertIn("is a sound tool plugin", self.bare("plugin", "verify", path).out)
        row, = self.bare("plugin", "verify", "--json", path).rows()
        self.assertEqual(row["name"], "keyword")

    def test_broken_ones_are_refused_with_their_reason(self):
        for name in ("unexported", "major_new", "name_other", "kind_none", "tool_no_scan"):
            path = os.path.join(BROKEN, name + ".so")
            with self.subTest(name):
                outcome = self.bare("plugin", "verify", path)
                self.assertEqual((outcome.code, outcome.out), (1, ""))
                self.assertIn(name + ".so", outcome.err)
                self.assertEqual(len(outcome.err.splitlines()), 1)

    def test_what_is_no_plugin_at_all_is_refused(self):
        for path in (self.write("text.so", "text"), self.dir, self.path("absent.so"), "/dev/null"):
            self.assertEqual(self.bare("plugin", "verify", path).code, 1, path)


if __name__ == "__main__":
    unittest.main()
