# SPDX-License-Identifier: Apache-2.0
"""The files of the tree, and C source without what is not code."""
import functools
import os
import pathlib
import re

SKIPPED = {".git", "var", "__pycache__", "node_modules"}
TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


class Tree:
    def __init__(self, root, build=None, part=(1, 1)):
        self.root = pathlib.Path(root).resolve()
        self.build = pathlib.Path(build).resolve() if build else self.root / "build"
        self.part = part  # the 2nd of 6: what takes long looks at every 6th file only

    def files(self, *tops):
        """Every file, or those below TOPS, relative to the root and in order."""
        found = []
        for top in tops or ("",):
            for folder, names, files in os.walk(self.root / top):
                names[:] = sorted(n for n in names if n not in SKIPPED and not n.startswith("build"))
                relative = pathlib.Path(folder).relative_to(self.root)
                found += [relative / name for name in files if name not in SKIPPED]
        return sorted(found)

    def c_files(self, *tops):
        tops = tops or ("core", "plugins", "tests", "docker")
        return [path for path in self.files(*tops) if path.suffix in (".c", ".h")]

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def code(self, path):
        return strip(self.text(path))


@functools.lru_cache(maxsize=None)
def strip(text):
    """C source with comments and literals blanked out, line by line as before."""

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)

    return TOKEN.sub(blank, text)


def matches(pattern, code):
    """Line number and match of each occurrence."""
    for number, line in enumerate(code.split("\n"), 1):
        for match in re.finditer(pattern, line):
            yield number, match
