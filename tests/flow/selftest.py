#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flows that must fail: each shows the player a fault that it has to find, and to name.

    selftest.py --build build
"""
import argparse
import contextlib
import io
import os
import tempfile
import types
import unittest

import harness
import play
from player import afterwards, words

harness.PATIENCE_S = 1.5

PROGRAMS = None
START = "start\npost general alice 'my card 4716301661318609' as leak\n"


class MustFail(unittest.TestCase):
    def refuse(self, flow, *seen):
        """FLOW fails, and the report has each of SEEN."""
        with tempfile.NamedTemporaryFile("w", suffix=".flow", delete=False) as file:
            file.write(flow)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertFalse(play.play(file.name, PROGRAMS))
        os.unlink(file.name)
        for text in seen:
            self.assertIn(text, out.getvalue())

    def test_wrong_expectation_is_reported_with_its_line(self):
        self.refuse(START + "expect leak kept\n", ".flow:3: expect leak kept",
                    "expected: the message as it was", "seen:     deleted",
                    "the end of orchestrator.1.log", "event.judged")

    def test_unknown_words_are_refused(self):
        self.refuse("start\nfrobnicate\n", ".flow:2", "there is no verb \"frobnicate\"")
        self.refuse("start\nexpect nothing\n", "\"nothing\" can not be expected")
        self.refuse("config nowhere.key 1\n", "there is no part \"nowhere\"")
        self.refuse("start\npost general alice 'open\n", "a quote is not closed")

    def test_something_that_happens_too_often_is_found_at_the_end(self):
        self.refuse(START + "expect calls chat.delete 1\n"
                    "post general alice 'and 4024824628194828'\n", "1 calls of chat.delete")

    def test_unexpected_alarm_is_found(self):
        self.refuse("fault chat.delete kind=error error=no_permission\n" + START,
                    "no error in the log", "slack_cannot_block")

    def test_dead_letter_that_nobody_expected_is_found(self):
        self.refuse("config block.attempts 1\nfault chat.delete kind=status\n" + START,
                    "0 dead letters in act.block", "attempts")

    def test_text_that_is_kept_in_clear_is_found(self):
        self.refuse("start\nrule add --tool dlp --name r 'the-quick-brown-fox'\n"
                    "post general alice 'the-quick-brown-fox'\n",
                    "a message's text nowhere", "orchestrator.db")

    def test_text_in_the_log_is_found(self):
        self.refuse("config log.to ${files}/../verdicts.log\nconfig log.tags [the-quick-brown-fox]\n"
                    "start\npost general alice 'the-quick-brown-fox 4716301661318609'\n",
                    "a message's text nowhere", "verdicts.log")

    def test_work_that_never_ends_is_found(self):
        self.refuse("hold chat.delete\n" + START, "that everything comes to rest")

    def test_refused_start_is_found(self):
        self.refuse("config drain often\nstart\n", "it exited with 78", "drain")


class Traces(unittest.TestCase):
    """Lines of a log that say that an event's trace was lost, or is another's, too."""

    def check(self, *lines):
        world = types.SimpleNamespace()
        world.orchestrator = types.SimpleNamespace(
            log_lines=lambda: [{"id": event, "trace": trace} for event, trace in lines])
        afterwards.check_traces(world)

    def test_an_event_has_one_trace_and_a_trace_one_event(self):
        self.check(("e1", "a"), ("e2", "b"), ("e1", "a"), (None, "c"))
        for wrong in (("e1", "b"), ("e2", "a")):
            with self.assertRaisesRegex(harness.Failed, "one trace"):
                self.check(("e1", "a"), wrong)


class Words(unittest.TestCase):
    def read(self, line):
        return words.read(line, {"a": "1", "b.c": "2"}.get)

    def test_words_options_and_comments(self):
        self.assertEqual(self.read("post general 'a b' as x # and so on"),
                         (["post", "general", "a b", "as", "x"], {}))
        self.assertEqual(self.read("log k=v with-dash~='a b' 'k=v'"),
                         (["log", "k=v"], {"k": "v", "with-dash~": "a b"}))
        self.assertEqual(self.read("#nothing"), ([], {}))

    def test_variables_and_escapes(self):
        self.assertEqual(self.read(r'"a\n\"b\" ${a}" ${b.c}x \n'),
                         (["a\n\"b\" 1", "2x", "\\n"], {}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    known, rest = parser.parse_known_args()
    PROGRAMS = play.programs_of(known.build)
    unittest.main(argv=[__file__] + rest)
