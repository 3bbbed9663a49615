#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays flows: short scenarios against the real program and a small Slack.

    play.py --build build tests/flow/card.flow      one, or several
    play.py --words                                 the words that a flow may use

FLOW_KEEP=1 keeps the folders; FLOW_PATIENCE_S is how long
an expectation may take to come true.
"""
import argparse
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import Failed, read_text
from player import afterwards, expects, verbs, words
from player.world import World

HERE = os.path.dirname(os.path.abspath(__file__))
LOG_LINES = 30


def play_line(world, line):
    plain, options = words.read(line, world.fill)
    if not plain:
        return
    if plain[0] == "expect":
        expects.expect(world, plain[1:], options)
    elif plain[0] in verbs.VERBS:
        verbs.VERBS[plain[0]](world, plain[1:], options)
    else:
        raise words.Bad("there is no verb \"%s\"; there are %s" % (
            plain[0], ", ".join(sorted(verbs.VERBS))))


def play(path, programs):
    """True if all came out as the flow says."""
    folder = tempfile.mkdtemp(prefix="flow-")
    world = None
    where, line = path, ""
    try:
        world = World(folder, programs)
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                where = "%s:%d" % (path, number)
                play_line(world, line.strip())
        where, line = path, "what must be true after every flow"
        afterwards.check(world)
        return True
    except (Failed, words.Bad, OSError, ValueError, LookupError, TypeError) as problem:
        report(where, line.strip(), problem, world)
        return False
    finally:
        if world:
            world.close()
        end(folder)


def end(folder):
    if os.environ.get("FLOW_KEEP"):
        print("kept: " + folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def report(where, line, problem, world):
    print("%s: %s" % (where, line))
    if isinstance(problem, Failed):
        print("  expected: %s\n  seen:     %s" % (problem.expected, problem.seen))
    else:
        print("  %s: %s" % (type(problem).__name__, problem))
    if world:
        for path in world.orchestrator.log_paths[-2:]:
            lines = read_text(path).splitlines()[-LOG_LINES:]
            print("  the end of %s:" % os.path.basename(path))
            print("".join("    %s\n" % text for text in lines), end="")


def print_words():
    for title, table in (("Verbs", verbs.VERBS), ("expect NAME …", expects.STATES),
                         ("expect …", expects.WHAT), ("expect no …", expects.NEVER)):
        print(title)
        for function in table.values():
            print("  " + " ".join((function.__doc__ or "").split()))
        print()


def programs_of(build):
    return {
        "orchestrator": os.path.abspath(os.path.join(build, "bin", "orchestrator")),
        "sim": os.path.abspath(os.path.join(build, "bin", "orchestrator-sim")),
        "plugins": os.path.abspath(os.path.join(build, "plugins")),
        "rules": os.path.abspath(os.path.join(HERE, "..", "..", "config", "rules.json")),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.environ.get("BUILD", "build"))
    parser.add_argument("--words", action="store_true")
    parser.add_argument("flows", nargs="*")
    args = parser.parse_args()
    if args.words:
        print_words()
        return 0
    programs = programs_of(args.build)
    failed = [flow for flow in args.flows if not play(flow, programs)]
    if len(args.flows) > 1:
        print("%d flows, %d failed%s" % (len(args.flows), len(failed),
                                         "".join("\n  " + flow for flow in failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
