# SPDX-License-Identifier: Apache-2.0
"""Checks that read what was built."""
import re
import subprocess

WRITABLE = re.compile(r"^\.(data|bss|tdata|tbss)(?!\.rel\.ro)")
CHECKED_CALL = re.compile(r"\b__\w+_chk\b")


def tool(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def globals_(tree):
    """No state outside objects, but in the files that core/README.md names under Globals."""
    allowed = files_with_globals(tree)
    seen = set()
    for library in sorted((tree.build / "core").glob("liborch_*.a")):
        folder = library.stem.removeprefix("liborch_")
        for member, symbol in writable(library):
            seen.add(f"{folder}/{member}")
            if f"{folder}/{member}" not in allowed:
                yield (f"core/{folder}/{member}:1: '{symbol}' is a global that is not const; "
                       "core/README.md does not name this file")
    for name in sorted(allowed - seen):
        yield f"core/README.md:1: names {name} for its globals, but it has none"
    for plugin in sorted((tree.build / "plugins").glob("*.so")):
        for _, symbol in writable(plugin):
            if symbol != "completed" and not symbol.startswith("__"):
                yield f"plugins:1: {plugin.name}: '{symbol}' is a global that is not const"


def files_with_globals(tree):
    readme = tree.root / "core" / "README.md"
    text = readme.read_text() if readme.exists() else ""
    section = re.search(r"^## Globals$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`(\w+/\w+\.c)`", section.group(1))) if section else set()


def writable(path):
    """File and name of each object in writable memory, that of a thread included."""
    member = path.name
    for line in tool("objdump", "-t", str(path)).split("\n"):
        head = re.match(r"(\S+)\.o:\s+file format", line)
        if head:
            member = head.group(1)
        row = re.match(r"[0-9a-f]+ .{6}([O ]) (\S+)\s+[0-9a-f]+ (?:\.hidden )?([^.]\S*)$", line)
        if row and (WRITABLE.match(row.group(2)) or row.group(2) == "*COM*"):
            if row.group(1) == "O" or row.group(2).startswith(".t"):
                yield member, re.sub(r"\.\d+$", "", row.group(3))


def hardening(tree):
    """The properties that the flags promise, looked for in the files themselves."""
    programs = [path for path in sorted((tree.build / "bin").glob("orchestrator*"))
                if path.read_bytes()[:4] == b"\x7fELF"]
    for path in programs:
        yield from program(path)
    for path in sorted((tree.build / "plugins").glob("*.so")):
        yield from common(path)
        if "NODLOPEN" in tool("readelf", "-dW", str(path)) or "NOOPEN" in tool("readelf", "-dW", str(path)):
            yield f"{path.name}: cannot be opened by dlopen"


def program(path):
    yield from common(path)
    if not re.search(r"Type:\s+DYN \(Position-Independent Executable", tool("readelf", "-hW", str(path))):
        yield f"{path.name}: is not position independent"
    symbols = tool("readelf", "--dyn-syms", "-W", str(path))
    if "__stack_chk_fail" not in symbols:
        yield f"{path.name}: no stack protector"
    if not CHECKED_CALL.search(symbols):
        yield f"{path.name}: no FORTIFY"


def common(path):
    dynamic = tool("readelf", "-dW", str(path))
    segments = tool("readelf", "-lW", str(path))
    if "GNU_RELRO" not in segments:
        yield f"{path.name}: no RELRO"
    if not re.search(r"BIND_NOW|FLAGS_1.*\bNOW\b", dynamic):
        yield f"{path.name}: symbols are bound late"
    if not re.search(r"GNU_STACK.*\bRW\s", segments):
        yield f"{path.name}: the stack is executable"
    if re.search(r"LOAD.*\bRWE\b", segments):
        yield f"{path.name}: memory that is writable and executable"
    if re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic):
        yield f"{path.name}: has an RPATH or text relocations"
