# SPDX-License-Identifier: Apache-2.0
"""Checks that ask another program: compilers, ctags, clang-format, clang-tidy, cppcheck."""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import statistics
import subprocess

from .source import includes

LONGEST_FUNCTION = 80
MEDIAN_FUNCTION = 15

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
PUBLIC = "core/include/orch"
LIBRARIES = ["json-c", "libevent", "libcurl", "libconfig", "sqlite3", "libsodium", "libssl",
             "libpq"]


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)


def parallel(work, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for problems in pool.map(work, items):
            yield from problems


def complaints(result):
    """The lines of a failed tool that say where; all it said if none does."""
    if result.returncode == 0:
        return []
    said = result.stdout.strip().split("\n")
    return [line for line in said if re.match(r"\S+:\d+:\d+: (warning|error)", line)] or said


def function_lengths(tree):
    """None over 80 lines anywhere; in core and plugins half of them have 15 or fewer."""
    lengths = []
    for top in ("core", "plugins", "tests", "docker"):
        for path, line, name, length in functions(tree, top):
            if length > LONGEST_FUNCTION:
                yield f"{path}:{line}: {name}() has {length} lines; {LONGEST_FUNCTION} at most"
            if top in ("core", "plugins"):
                lengths.append(length)
    if lengths and statistics.median(lengths) > MEDIAN_FUNCTION:
        yield (f"core:1: the median function of {len(lengths)} has {statistics.median(lengths)} "
               f"lines; {MEDIAN_FUNCTION} at most")


def functions(tree, top):
    """Path, line, name and length of each function, by ctags."""
    paths = [str(path) for path in tree.c_files(top)]
    if not paths:
        return
    result = subprocess.run(
        ["ctags", "-f", "-", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=+ne",
         "--sort=no", "-L", "-"], input="\n".join(paths), cwd=tree.root, capture_output=True, text=True,
        check=True)
    for row in result.stdout.split("\n"):
        found = re.match(r"(\S+)\t(\S+)\t.*\tline:(\d+).*\tend:(\d+)", row)
        if found:
            name, path, first, last = found.groups()
            yield path, int(first), name, int(last) - int(first) + 1


def headers(tree):
    """Each header compiles alone; the public ones as C and C++, with both compilers."""
    public = [path for path in tree.c_files(PUBLIC) if path.suffix == ".h"]
    private = [path for path in tree.c_files("core", "plugins/kit")
               if path.suffix == ".h" and path not in public]
    flags = run(["pkg-config", "--cflags", *LIBRARIES]).stdout.split()
    here = [f"-I{tree.root}/core", f"-I{tree.root}/core/include", f"-I{tree.root}/plugins"]
    jobs = []
    for path in public:
        for compiler, standard, language in (("gcc", "c11", "c"), ("clang-14", "c11", "c"),
                                             ("g++", "c++17", "c++"), ("clang++-14", "c++17", "c++")):
            jobs.append((path, [compiler, "-x", language, f"-std={standard}", *STRICT, here[1]]))
    for path in private:
        jobs.append((path, ["gcc", "-x", "c", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                            "-Werror", "-fsyntax-only", *here, *flags]))

    def alone(job):
        path, command = job
        result = run([*command, "-"], input=f'#include "{tree.root / path}"\n')
        return [f"{path}:1: not alone with {command[0]}: {line}" for line in complaints(result)]

    yield from parallel(alone, jobs)


def clang_format(tree):
    paths = [str(path) for path in tree.c_files()]
    chunks = [paths[start:start + 20] for start in range(0, len(paths), 20)]
    command = ["clang-format-14", "--dry-run", "-Werror"]
    yield from parallel(lambda chunk: complaints(run([*command, *chunk], cwd=tree.root)), chunks)


def shell(tree):
    scripts = [path for path in tree.files()
               if path.suffix == ".sh" or str(path) in ("dev", ".ci/run")]
    if scripts:
        yield from complaints(run(["shellcheck", "-f", "gcc", *map(str, scripts)], cwd=tree.root))


# What cppcheck misjudges here.
SUPPRESSED = (
    "uninitvar",  # does not follow arrays of pointers; clang's analyzer does
    "ctuuninitvar",  # takes for read what is written
    "autoVariables",  # who waits may lend a variable of its own; clang's analyzer sees who does not
    "memleak",  # does not see into compound literals; LeakSanitizer does
    "identicalInnerCondition",  # does not see that a loop moved the pointer that it tested
    "readdirCalled",  # readdir is safe on a stream of one's own; readdir_r is deprecated
)


def cppcheck(tree):
    cache = tree.build / "lint" / "cppcheck"
    cache.mkdir(parents=True, exist_ok=True)
    plain = plain_headers(tree, tree.build / "lint" / "include")
    tops = [top for top in ("core", "plugins", "tests", "docker") if tree.c_files(top)]
    result = run(["cppcheck", "--quiet", "--enable=warning,performance,portability", "--inline-suppr",
                  *(f"--suppress={name}" for name in SUPPRESSED), "--error-exitcode=1", "--std=c11",
                  "--library=posix", "--library=libcurl", "--library=sqlite3", "--library=openssl",
                  "--template={file}:{line}:{column}: {severity}: {message} [{id}]",
                  "--template-location=", f"--cppcheck-build-dir={cache}", f"-j{os.cpu_count()}",
                  "--include=tests/lint/cppcheck.h", f"-I{plain}", "-Icore", "-Icore/include",
                  "-Iplugins", "-Itests", "-D_GNU_SOURCE", "-D__x86_64__", *tops], cwd=tree.root)
    yield from complaints(result)


def plain_headers(tree, folder):
    """Copies of headers whose macros cppcheck does not understand, in words that it does."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in tree.c_files("core"):
        text = tree.text(path)
        plain = re.sub(r"__VA_OPT__\(, \)\{[^}]*\}", "", text)
        plain = re.sub(r"(?m)(#define orch_assert\(condition\))(.*\\\n)*.*",
                       r"\1 do { if (!(condition)) abort(); } while (0)", plain)
        if path.suffix == ".h" and plain != text:
            copy = folder / path.relative_to("core")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(plain)
    return folder


def clang_tidy(tree):
    """Over what the build compiled; a file is looked at again when it or its headers changed."""
    database = json.loads((tree.build / "compile_commands.json").read_text())
    cache = tree.build / "lint" / "tidy"
    cache.mkdir(parents=True, exist_ok=True)
    known = {tree.root / path for path in tree.c_files()}
    entries = {entry["file"]: entry for entry in database}
    jobs = [(os.path.relpath(name, tree.root), entry) for name, entry in sorted(entries.items())
            if tree.root / name in known and name.endswith(".c")]
    number, count = tree.part

    def tidy(job):
        path, entry = job
        stamp = cache / fingerprint(tree, path, entry)
        if stamp.exists():
            return []
        result = run(["clang-tidy-14", "--quiet", path, "--", *clang_flags(entry["command"]),
                      "-include", "tests/lint/analyzer.h"], cwd=tree.root)
        found = complaints(result)
        if not found:
            stamp.touch()
        return found

    yield from parallel(tidy, jobs[number - 1::count])


def clang_flags(command):
    """What of gcc's command line clang needs to understand the file."""
    kept = []
    words = iter(shlex.split(command)[1:])
    for word in words:
        if word in ("-isystem", "-I", "-D", "-U"):
            kept += [word, next(words)]
        elif word.startswith(("-I", "-D", "-U", "-std=")) and "FORTIFY" not in word:
            kept.append(word)
    return kept


def fingerprint(tree, path, entry):
    """Of everything that decides what clang-tidy says of PATH."""
    digest = hashlib.sha256()
    for part in sorted(closure(tree, path)):
        digest.update(f"{part}\n{tree.text(part)}".encode())
    for part in (".clang-tidy", "tests/.clang-tidy", "tests/lint/analyzer.h"):
        if (tree.root / part).is_file():
            digest.update(tree.text(part).encode())
    digest.update(" ".join(clang_flags(entry["command"])).encode())
    return digest.hexdigest()


def closure(tree, path, seen=None):
    """PATH and all of our headers that it reaches."""
    seen = set() if seen is None else seen
    if path in seen:
        return seen
    seen.add(path)
    for _, _, name in includes(tree, path):
        for folder in (os.path.dirname(path), "core", "core/include", "plugins", "tests"):
            candidate = os.path.normpath(os.path.join(folder, name))
            if (tree.root / candidate).is_file():
                closure(tree, candidate, seen)
                break
    return seen
