#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python packages of these tests, in a virtual environment of the build's own.

    packages.py --build BUILD                 make it, if it is not there as requirements.txt wants it
    packages.py --build BUILD FILE [WORD...]  and play a file with it
    packages.py --pin                         write requirements.txt anew from requirements.in

A build that lies in the folder of another one takes that one's.  requirements.txt
holds the hashes of the files that pip chooses on Debian 12 for x86-64, so that is
where it is written anew; nothing but ready-made wheels is installed.
"""
import argparse
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
ORIGIN = HERE / "requirements.in"
WHEELS = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
HEAD = "# Written by packages.py --pin from requirements.in.\n"


def wanted():
    return hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()


def is_made(folder):
    mark = folder / "made-of"
    return mark.is_file() and mark.read_text() == wanted()


def pip(folder, *words):
    subprocess.run([folder / "bin" / "python", "-m", "pip", *words], check=True,
                   stdin=subprocess.DEVNULL)


def make(folder):
    """The mark comes last: what was left half made is made again."""
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True, symlinks=True)
    pip(folder, "install", *WHEELS, "--no-compile", "--require-hashes", "-r", str(REQUIREMENTS))
    (folder / "made-of").write_text(wanted())


def ensure(build):
    """The folder of an environment that is as it should be."""
    above = build.parent / "venv"
    if is_made(above):
        return above
    with open(build / "venv.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made(build / "venv"):
            make(build / "venv")
    return build / "venv"


def resolve(folder):
    """[(name, version, hash)] of all that pip would install."""
    report = folder / "report.json"
    pip(folder, "install", *WHEELS, "--dry-run", "--ignore-installed", "--report", str(report),
        "-r", str(ORIGIN))
    for package in json.loads(report.read_text())["install"]:
        yield (package["metadata"]["name"].lower(), package["metadata"]["version"],
               package["download_info"]["archive_info"]["hashes"]["sha256"])


def pin():
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True, symlinks=True)
        lines = ["%s==%s \\\n    --hash=sha256:%s\n" % found
                 for found in sorted(resolve(pathlib.Path(folder)))]
    REQUIREMENTS.write_text(HEAD + "".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--pin", action="store_true")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="FILE WORD...")
    args = parser.parse_args()
    if args.pin:
        pin()
        return
    folder = ensure(args.build.resolve())
    if args.words:
        python = folder / "bin" / "python"
        os.environ["BUILD"] = str(args.build.resolve())
        os.execv(python, [str(python), *args.words])


if __name__ == "__main__":
    main()
