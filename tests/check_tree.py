#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what the compiler does not: levels, lengths, banned calls, format and the like.

    tests/check_tree.py levels                   one check
    tests/check_tree.py levels banned functions  some
    tests/check_tree.py                          all that need no build

Prints "file:line: what is wrong" for each finding and exits 1 if there is any.  ctest knows each
check as lint.<name>; tests/README.md says what each is for.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lint import binary, operations, source, tools  # noqa: E402
from lint.tree import Tree  # noqa: E402

CHECKS = {
    "levels": source.levels,
    "banned": source.banned,
    "style": source.style,
    "files": source.file_lengths,
    "functions": tools.function_lengths,
    "licence": source.licence,
    "words": source.words,
    "headers": tools.headers,
    "format": tools.clang_format,
    "shell": tools.shell,
    "operations": operations.operations,
    "cppcheck": tools.cppcheck,
    "tidy": tools.clang_tidy,
    "globals": binary.globals_,
    "hardening": binary.hardening,
}
NEED_BUILD = ("tidy", "globals", "hardening")


def part(text):
    number, count = map(int, text.split("/"))
    if not 1 <= number <= count:
        raise ValueError(text)
    return number, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[1])
    parser.add_argument("--part", type=part, default=(1, 1), metavar="K/N",
                        help="of tidy: every Nth file, from the Kth on")
    parser.add_argument("--build", type=pathlib.Path, help="a build directory, default ROOT/build")
    arguments = parser.parse_args()
    names = arguments.checks or [name for name in CHECKS if name not in NEED_BUILD]
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        parser.error(f"there is no check {', '.join(unknown)}; there are {', '.join(CHECKS)}")

    tree = Tree(arguments.root, arguments.build, arguments.part)
    problems = list(dict.fromkeys(p for name in names for p in CHECKS[name](tree)))
    for problem in problems:
        print(problem)
    print(f"{', '.join(names)}: {len(problems) or 'nothing'} to mend", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
