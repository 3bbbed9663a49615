#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`scan`: what is found, what is not, and what could not be examined, which is never clean."""
import os
import subprocess
import unittest

from harness import NUMBERS, PROGRAM, TOOLS, Case

LIMITED = TOOLS + "limits = { part_bytes = 1024; findings = 3; };"


class Scan(Case):
    def setUp(self):
        super().setUp()
        self.add_maestro()

    def test_clean_is_0_and_says_nothing(self):
        self.write("clean.txt", "nothing to see\n")
        outcome = self.good("scan", "clean.txt")
        self.assertEqual((outcome.out, outcome.err), ("", ""))

    def test_an_empty_file_is_clean(self):
        self.write("empty.txt", "")
        self.assertEqual(self.run_it("scan", "empty.txt").code, 0)

    def test_the_worked_example_is_caught_on_any_line(self):
        for number in NUMBERS:
            for text in (number, "first\n%s\n" % number, "a %s b\nlast" % number):
                with self.subTest(text):
                    self.write("message.txt", text)
                    outcome = self.run_it("scan", "message.txt")
                    self.assertEqual(outcome.code, 1, outcome.err)
                    path, rule, start, length, excerpt = outcome.lines()[0].split("\t")
                    self.assertEqual((path, rule), ("message.txt", "maestro"))
                    line = next(at for at in text.split("\n") if number in at)
                    self.assertEqual(int(start), text.index(line))
                    self.assertEqual(int(length), len(line))
                    self.assertNotIn(number, excerpt)

    def test_json_has_these_keys(self):
        self.write("leak.txt", "x\n" + NUMBERS[0])
        outcome = self.run_it("scan", "--json", "leak.txt")
        self.assertEqual(outcome.code, 1)
        row, = outcome.rows()
        self.assertEqual(set(row), {"path", "rule", "name", "severity", "shadow", "start",
                                    "length", "excerpt"})
        self.assertEqual((row["path"], row["severity"], row["start"], row["length"]),
                         ("leak.txt", "high", 2, 16))
        self.assertNotIn(NUMBERS[0], outcome.out)

    def test_standard_input_is_a_dash(self):
        self.assertEqual(self.run_it("scan", "-", stdin=b"nothing").code, 0)
        outcome = self.run_it("scan", "-", stdin=NUMBERS[0].encode())
        self.assertEqual(outcome.code, 1)
        self.assertTrue(outcome.out.startswith("-\tmaestro\t0\t16\t"))

    def test_folders_are_walked_in_the_order_of_names(self):
        for name in ("tree/b/2.txt", "tree/a/1.txt", "tree/c.txt"):
            self.write(name, NUMBERS[0])
        self.write("tree/clean.txt", "nothing")
        outcome = self.run_it("scan", "tree")
        self.assertEqual(outcome.code, 1)
        self.assertEqual([line.split("\t")[0] for line in outcome.lines()],
                         ["tree/a/1.txt", "tree/b/2.txt", "tree/c.txt"])

    def test_several_paths_are_taken(self):
        self.write("one.txt", "nothing")
        self.write("two.txt", NUMBERS[0])
        self.assertEqual(self.run_it("scan", "one.txt", "two.txt").code, 1)

    def test_an_empty_path_is_2(self):
        self.fails(2, '"": not examined: the path is empty', "scan", "")

    def test_standard_input_that_is_closed_is_an_empty_text(self):
        """And not the first file that happens to be opened."""
        self.write("leak.cfg", "# %s\n%s" % (NUMBERS[0], TOOLS))
        for command, code in (("scan -c leak.cfg - <&-", 0),
                              ("rule test -c leak.cfg maestro - <&-", 1)):
            done = subprocess.run("%s %s" % (PROGRAM, command), shell=True, cwd=self.dir,
                                  capture_output=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (code, b"", b""),
                             command)

    def test_what_is_not_there_is_2(self):
        self.fails(2, "absent.txt: not examined: No such file", "scan", "absent.txt")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_what_may_not_be_read_is_2(self):
        os.chmod(self.write("locked.txt", NUMBERS[0]), 0)
        self.fails(2, "locked.txt", "scan", "locked.txt")

    def test_what_is_not_examined_outweighs_what_is_found(self):
        self.write("leak.txt", NUMBERS[0])
        outcome = self.fails(2, "absent.txt", "scan", "leak.txt", "absent.txt")
        self.assertIn("maestro", outcome.out)

    def test_a_file_at_the_limit_is_read_and_a_longer_one_is_2(self):
        self.write("orchestrator.cfg", LIMITED)
        self.write("fits.txt", "x" * 1024)
        self.write("large.txt", "x" * 1025)
        self.assertEqual(self.run_it("scan", "fits.txt").code, 0)
        self.fails(2, "larger than 1024 bytes", "scan", "large.txt")
        self.assertEqual(self.run_it("scan", "-", stdin=b"x" * 1024).code, 0)
        self.fails(2, "limits.part_bytes", "scan", "-", stdin=b"x" * 1025)

    def test_findings_that_are_left_out_are_2(self):
        self.write("orchestrator.cfg", LIMITED)
        self.write("three.txt", "\n".join([NUMBERS[0]] * 3))
        self.write("four.txt", "\n".join([NUMBERS[0]] * 4))
        self.assertEqual(self.run_it("scan", "three.txt").code, 1)
        outcome = self.fails(2, "limits.findings", "scan", "four.txt")
        self.assertEqual(len(outcome.lines()), 3)

    def test_a_link_that_is_named_is_followed_and_one_to_nowhere_is_2(self):
        self.write("leak.txt", NUMBERS[0])
        os.symlink("leak.txt", self.path("link"))
        os.symlink("nowhere", self.path("dangling"))
        self.assertEqual(self.run_it("scan", "link").code, 1)
        self.fails(2, "the link leads nowhere", "scan", "dangling")

    def test_links_within_folders_are_not_followed(self):
        self.write("leak.txt", NUMBERS[0])
        self.write("tree/clean.txt", "nothing")
        os.symlink(self.path("leak.txt"), self.path("tree/link"))
        os.symlink(".", self.path("tree/circle"))
        self.assertEqual(self.run_it("scan", "tree").code, 0)

    def test_a_pipe_is_read_and_a_device_is_2(self):
        os.mkfifo(self.path("pipe"))
        with subprocess.Popen(["sh", "-c", "printf %s > pipe" % NUMBERS[0]], cwd=self.dir):
            self.assertEqual(self.run_it("scan", "pipe").code, 1)
        self.fails(2, "it is no file", "scan", "/dev/null")

    def test_a_pipe_within_a_folder_is_let_alone(self):
        os.mkdir(self.path("tree"))
        os.mkfifo(self.path("tree/pipe"))
        self.assertEqual(self.run_it("scan", "tree").code, 0)

    def test_names_cannot_steer_the_terminal(self):
        self.write("a\033[2J\n.txt", NUMBERS[0])
        outcome = self.run_it("scan", ".")
        self.assertIn("a?[2J?.txt\t", outcome.out)
        self.assertNotIn("\033", outcome.out)

    def test_without_tools_nothing_is_clean(self):
        self.write("orchestrator.cfg", 'state_dir = "var";')
        self.write("leak.txt", NUMBERS[0])
        self.fails(78, "has no tools", "scan", "leak.txt")

    def test_a_wrong_configuration_is_78(self):
        self.write("orchestrator.cfg", "colour = 1;")
        self.fails(78, "colour", "scan", "x")

    def test_rules_in_shadow_are_shown_as_such(self):
        self.good("rule", "edit", "--state", "shadow", "maestro")
        self.write("leak.txt", NUMBERS[0])
        row, = self.run_it("scan", "--json", "leak.txt").rows()
        self.assertIs(row["shadow"], True)
        self.good("rule", "edit", "--state", "off", "maestro")
        self.good("rule", "add", "--tool", "dlp", "--name", "other", "zebra")
        self.assertEqual(self.run_it("scan", "leak.txt").code, 0)

    def test_without_rules_nothing_is_clean(self):
        self.good("rule", "remove", "maestro")
        self.write("leak.txt", NUMBERS[0])
        self.fails(2, "the tool has no rules", "scan", "leak.txt")

    def test_other_plugins_are_not_needed(self):
        self.write("orchestrator.cfg", TOOLS + """
            inputs = ( { name = "i"; plugin = "absent"; path = "/i"; } );
            actions = ( { name = "a"; plugin = "absent"; } );""")
        self.write("leak.txt", NUMBERS[0])
        self.assertEqual(self.run_it("scan", "leak.txt").code, 1)

    def test_a_reader_that_goes_away_ends_it(self):
        for i in range(50):
            self.write("tree/%d.txt" % i, "\n".join([NUMBERS[0]] * 100))
        done = subprocess.run("%s scan -c orchestrator.cfg tree | head -1" % PROGRAM, shell=True,
                              cwd=self.dir, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.stdout.count(b"\n"), 1)


if __name__ == "__main__":
    unittest.main()
