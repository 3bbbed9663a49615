# SPDX-License-Identifier: Apache-2.0
"""What docker/ holds, as the tests look at it."""
import functools
import os
import pathlib
import re
import secrets
import subprocess

import yaml

TREE = pathlib.Path(__file__).resolve().parents[2]
DOCKER = TREE / "docker"
BUILD = pathlib.Path(os.environ.get("BUILD", TREE / "build")).resolve()
PROGRAM = BUILD / "bin/orchestrator"
RULES = "/etc/orchestrator/rules.json"  # in the image
UID = 10001
GIVE_BACK_S = 2  # what the program takes at the end of its drain


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)


def for_each(things):
    """Plays a test for each of {name: thing}, and says for which it failed."""

    def decorate(test):
        @functools.wraps(test)
        def play(self):
            for name, thing in things.items():
                with self.subTest(name):
                    test(self, name, thing)

        return play

    return decorate


def seconds(text):
    """Of "25s", "1m", as the configuration and compose write it; a bare number is of seconds."""
    number, unit = re.fullmatch(r"(\d+)([sm]?)", str(text)).groups()
    return int(number) * (60 if unit == "m" else 1)


def documents(path):
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        yield from document["items"] if document["kind"] == "List" else [document]


class Config:
    """An orchestrator.cfg, of which a few words have to agree with what stands around it."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.plain = re.sub(r"(?m)#.*$", "", self.text)

    def one(self, pattern):
        found = re.findall(pattern, self.plain)
        assert len(found) == 1, f"{pattern}: {found}"
        return found[0]

    def drain_s(self):
        return seconds(self.one(r'\bdrain = "([^"]*)"'))

    def health_port(self):
        return int(self.one(r'\bhealth = "[^"]*:(\d+)"'))

    def events_port(self):
        return int(self.one(r'\blisten = "[^"]*:(\d+)"'))

    def state_dir(self):
        return pathlib.PurePosixPath(self.one(r'\bstate_dir = "([^"]*)"'))

    def secret_files(self):
        return [pathlib.PurePosixPath(path) for path in re.findall(r'\bfile = "([^"]*)"', self.plain)]

    def put_into(self, folder):
        """The same, with what the image and its mounts hold in FOLDER; gives the path."""
        text = self.text.replace(str(self.state_dir()), str(folder / "state"))
        text = text.replace(f'"{RULES}"', '"rules.json"')
        for path in self.secret_files():
            text = text.replace(f'"{path}"', f'"{folder / path.name}"')
        (folder / "rules.json").write_bytes((TREE / "config/rules.json").read_bytes())
        (folder / "orchestrator.cfg").write_text(text, encoding="utf-8")
        return folder / "orchestrator.cfg"

    def draw_secrets(self, folder):
        for path in self.secret_files():
            (folder / path.name).touch(0o400)
            (folder / path.name).write_text(secrets.token_hex(32), encoding="ascii")

    def check(self, folder):
        return run(PROGRAM, "check", "-c", self.put_into(folder))
