# SPDX-License-Identifier: Apache-2.0
"""A line of a flow as words: bare, 'without escapes', or "with \\n"; each with ${variables}."""
import re

OPTION = re.compile(r"[a-z][a-z0-9_.-]*~?=")
PIECE = re.compile(r"""'(?P<raw>[^']*)'|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s'"]+)""")
ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"'}


class Bad(Exception):
    """The line cannot be understood."""


def read(line, fill):
    """The plain words of LINE and its options; what follows # is a comment.

    An option is a word that begins with a bare `key=`, or with `key~=`, which
    becomes the key "key~".  FILL gives the value of a ${variable}.
    """
    words, options, at = [], {}, 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        if line[at] == "#":
            break
        option = OPTION.match(line, at)
        text, at = read_word(line, option.end() if option else at, fill)
        if option:
            options[option.group()[:-1]] = text
        else:
            words.append(text)
    return words, options


def read_word(line, at, fill):
    pieces = []
    while at < len(line) and not line[at].isspace():
        match = PIECE.match(line, at)
        if not match:
            raise Bad("a quote is not closed")
        if match.lastgroup == "raw":
            pieces.append(expand(match.group("raw"), fill))
        elif match.lastgroup == "quoted":
            text = re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group()),
                          match.group("quoted"))
            pieces.append(expand(text, fill))
        else:
            pieces.append(expand(match.group("bare"), fill))
        at = match.end()
    return "".join(pieces), at


def expand(text, fill):
    return re.sub(r"\$\{([^}]+)\}", lambda m: fill(m.group(1)), text)
