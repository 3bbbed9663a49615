# SPDX-License-Identifier: Apache-2.0
"""Checks that read source as text."""
import re

from .tree import matches

# From the ground up; those in one row do not know each other.
LEVELS = [
    ["base"],
    ["model"],
    ["net"],
    ["aws"],
    ["config"],
    ["db"],
    ["pg"],
    ["queue", "store", "plugin"],
    ["stage"],
    ["pipeline", "console"],
    ["command"],
    ["main.c"],
]
LEVEL = {folder: level for level, row in enumerate(LEVELS) for folder in row}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# What a plugin has no business with: it opens no socket, and the core's libraries stay in the core.
NOT_FOR_PLUGINS = re.compile(
    r"^(sys/socket|sys/un|netdb|netinet/|arpa/|poll|sys/epoll|sys/select|event2/|curl/|sqlite3|"
    r"libconfig|sodium|openssl/ssl|pthread|dlfcn)")

BANNED = {
    "sprintf vsprintf": "snprintf",
    "strcpy strcat strncpy strncat stpcpy gets": "memcpy with a length, or orch_buf",
    "atoi atol atoll atof sscanf scanf fscanf": "a parser that reports errors and ranges",
    "strtok": "orch_text",
    "alloca": "an arena",
    "system popen": "nothing: no shell is ever started",
    "tmpnam tempnam mktemp": "memfd_create or mkstemp",
    "localtime gmtime asctime ctime": "orch_clock_format or gmtime_r",
    "rand srand random srandom drand48": "orch_random or randombytes",
    "strerror": "strerror_r or %m",
    "signal": "sigaction",
    "sleep usleep": "an event to wait for",
    "bcopy bzero bcmp": "memmove, memset, memcmp",
}
ALLOCATORS = "malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf"
ALLOCATOR_HOME = "core/base/alloc.c"
# What the core but base/ asks for through base/, where tests can take its place.
SEAMS = {
    "open openat creat fopen stat lstat access opendir": "base/path.h",
    "mkstemp mkostemp rename unlink mkdir fsync fdatasync": "base/file.h",
    "clock_gettime gettimeofday nanosleep time": "base/clock.h",
}

LONGEST_FILE = 600

# Spelled so that this file does not contain them.
WORDS = re.compile(
    "|".join((r"(?<![\w.])/wor" + r"k\b", r"/tmp/" + r"w\b", r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b",
              r"\bXX" + r"X\b", r"(?i:\bissues? #?\d+\b)", r"(?i:\bclau" + r"de\b)",
              r"(?i:\banthro" + r"pic\b)")))
TEXT_SUFFIXES = {".c", ".h", ".py", ".sh", ".md", ".cfg", ".json", ".cmake", ".txt", ".in", ".flow",
                 ".yml", ".yaml", ".html", ".js", ".css", ""}


def includes(tree, path):
    for match in INCLUDE.finditer(tree.text(path)):
        line = tree.text(path).count("\n", 0, match.start(2)) + 1
        yield line, match.group(1), match.group(2)


def levels(tree):
    """Includes go down only."""
    for path in tree.c_files("core"):
        folder = path.parts[1]
        for line, quote, name in includes(tree, path):
            problem = core_include(folder, quote, name)
            if problem:
                yield f"{path}:{line}: {problem}"
    for path in tree.c_files("plugins"):
        for line, quote, name in includes(tree, path):
            problem = plugin_include(tree, path, quote, name)
            if problem:
                yield f"{path}:{line}: {problem}"


def core_include(folder, quote, name):
    target = name.split("/")[0]
    if folder == "include":
        if quote == '"' or (target in LEVEL and "/" in name):
            return f"a public header includes only <orch/...> and the system's, not {name}"
        return None
    if folder not in LEVEL:
        return f"core/{folder} has no level; give it one in tests/lint/source.py"
    if quote == "<":
        return None
    if "/" not in name or (target not in LEVEL and target != "orch"):
        return f'"{name}": write "folder/file.h", from core/ on'
    if target == "orch" or target == folder or LEVEL[target] < LEVEL[folder]:
        return None
    return f"{folder}/ must not know {target}/: includes go down only"


def plugin_include(tree, path, quote, name):
    if quote == "<":
        if NOT_FOR_PLUGINS.match(name):
            return f"<{name}>: a plugin leaves this to the core"
        return None
    own = (tree.root / path).parent / name
    if name.startswith(("orch/", "kit/")) or own.is_file():
        return None
    return f'"{name}": a plugin includes orch/, kit/ and its own folder'


def banned(tree):
    """Calls that have a better one."""
    for path in tree.c_files():
        code = tree.code(path)
        for names, instead in BANNED.items():
            pattern = rf"(?<![\w.>])({names.replace(' ', '|')})\s*\("
            for line, match in matches(pattern, code):
                yield f"{path}:{line}: {match.group(1)}(): use {instead}"
        if path.parts[0] != "core" or str(path) == ALLOCATOR_HOME:
            continue
        for line, match in matches(rf"(?<![\w.>])({ALLOCATORS.replace(' ', '|')})\b(?!\.h)", code):
            yield f"{path}:{line}: {match.group(1)}: ask base/alloc.h for memory"
        yield from past_seams(path, code)


def past_seams(path, code):
    if path.parts[1] == "base":
        return
    for names, seam in SEAMS.items():
        for line, match in matches(rf"(?<![\w.>])({names.replace(' ', '|')})\((?!\*)", code):
            yield f"{path}:{line}: {match.group(1)}(): go through {seam}"


def style(tree):
    """What the formatter cannot see."""
    for path in tree.c_files():
        code = tree.code(path)
        text = tree.text(path).split("\n")
        for line, match in matches(r"\btypedef\s+(struct|union|enum)\b(?!.*\()", code):
            yield f"{path}:{line}: no typedef of a {match.group(1)}"
        for line, match in matches(r"//", without_block_comments(tree.text(path))):
            yield f"{path}:{line}: /* comments */ only"
        for line, match in matches(r"\bgoto\s+(\w+)", code):
            if not any(re.match(rf"\s*{match.group(1)}:", after) for after in text[line:]):
                yield f"{path}:{line}: goto goes forward only"


def without_block_comments(text):
    pattern = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def file_lengths(tree):
    for path in tree.files("core", "plugins", "tests"):
        if path.suffix not in (".c", ".h", ".py"):
            continue
        count = tree.text(path).count("\n")
        if count > LONGEST_FILE:
            yield f"{path}:{count}: {count} lines; a file is one thing, {LONGEST_FILE} at most"


def licence(tree):
    """The first line names the licence (the second, after #!)."""
    for path in tree.files():
        if path.suffix not in (".c", ".h", ".py", ".sh") and str(path) not in ("dev", ".ci/run"):
            continue
        lines = tree.text(path).split("\n")
        if not lines[0] and len(lines) == 1:
            continue
        first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        wanted = "SPDX-License-Identifier: Apache-2.0"
        if first not in (f"/* {wanted} */", f"# {wanted}"):
            yield f"{path}:1: the first line is to be '{wanted}'"


def words(tree):
    """Words that have no place in what is published."""
    for path in tree.files():
        if path.suffix in TEXT_SUFFIXES:
            for line, match in matches(WORDS, tree.text(path)):
                yield f"{path}:{line}: '{match.group(0)}' has no place here"
