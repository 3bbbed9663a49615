#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The images hold what they must, and nothing else."""
import hashlib
import json
import os
import pathlib
import re
import stat
import subprocess
import unittest

from podman import DOCKER, UID, confined, image, inspect, podman, succeed

LOADER = "/lib64/ld-linux-x86-64.so.2"
DOC = "usr/share/doc/orchestrator"
LATE = "libgcc_s.so.1"  # opened by glibc when a thread is cancelled


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Image:
    def __init__(self, name):
        self.name = image(name)
        self.config = inspect("image", "inspect", self.name)["Config"]
        self.whole = inspect("image", "inspect", self.name)
        self.root = pathlib.Path(succeed("image", "mount", self.name).split()[-1])
        self.files = [path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink()]
        self.elf = {self.inner(path) for path in self.files if is_elf(path)}
        self.bom = json.loads((self.root / DOC / "sbom.cdx.json").read_text(encoding="utf-8"))

    def inner(self, path):
        return "/" + str(path.relative_to(self.root))

    def linked(self, program):
        """The libraries that the image's own loader finds for a program, by the files that they are."""
        done = subprocess.run(["chroot", self.root, LOADER, "--list", program], check=True,
                              capture_output=True, text=True)
        paths = re.findall(r"(/\S+) \(0x", done.stdout)
        return {self.inner((self.root / path.lstrip("/")).resolve()) for path in paths}

    def close(self):
        podman("image", "unmount", self.name)


class Of:
    """The tests of one image; subclasses say of which."""

    @classmethod
    def setUpClass(cls):
        cls.image = Image(cls.NAME)
        cls.addClassCleanup(cls.image.close)

    def packages(self):
        return self.image.bom["components"]

    def test_programs_are_ours_alone(self):
        self.assertEqual({path.name for path in (self.image.root / "usr/bin").iterdir()}, self.PROGRAMS)
        for folder in ("usr/sbin", "bin", "sbin", "usr/local"):
            self.assertFalse((self.image.root / folder).exists(), folder)

    def test_no_shell_interpreter_or_compiler_is_there(self):
        for name in ("sh", "bash", "dash", "busybox", "perl", "python3", "gcc", "cc", "ld", "apt", "dpkg"):
            found = [self.image.inner(path) for path in self.image.files if path.name == name]
            self.assertEqual(found, [])
        scripts = [self.image.inner(path) for path in self.image.files
                   if path.stat().st_mode & 0o111 and self.image.inner(path) not in self.image.elf]
        self.assertEqual(scripts, [])

    def test_every_library_is_needed_and_every_one_needed_is_there(self):
        libraries = {path for path in self.image.elf
                     if "/bin/" not in path and "/orchestrator/plugins/" not in path}
        needed = set().union(*(self.image.linked(path) for path in self.image.elf - libraries))
        self.assertEqual({pathlib.PurePosixPath(path).name for path in libraries - needed}, {LATE})
        self.assertLessEqual(needed, libraries)
        self.assertGreater(len(needed), 20)

    def test_nothing_gives_rights_and_nothing_is_open_to_all(self):
        for path in [*self.image.files, *(p for p in self.image.root.rglob("*") if p.is_dir())]:
            mode = path.stat().st_mode
            self.assertFalse(mode & (stat.S_ISUID | stat.S_ISGID), path)
            if self.image.inner(path) != "/tmp":
                self.assertFalse(mode & stat.S_IWOTH, path)

    def test_bill_of_materials_names_every_library(self):
        named = {part["name"]: part["hashes"][0]["content"]
                 for owner in [*self.packages(), self.image.bom["metadata"]["component"]]
                 for part in owner["components"]}
        self.assertLessEqual(self.image.elf, set(named))
        for path, digest in named.items():
            content = (self.image.root / path.lstrip("/")).read_bytes()
            self.assertEqual(hashlib.sha256(content).hexdigest(), digest, path)

    def test_bill_of_materials_is_well_formed(self):
        bom = self.image.bom
        self.assertEqual((bom["bomFormat"], bom["specVersion"]), ("CycloneDX", "1.5"))
        self.assertRegex(bom["serialNumber"], r"^urn:uuid:[0-9a-f-]{36}$")
        self.assertRegex(bom["metadata"]["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        references = [package["bom-ref"] for package in self.packages()]
        self.assertEqual(len(set(references)), len(references))
        for package in self.packages():
            self.assertRegex(package["purl"], r"^pkg:deb/debian/[a-z0-9.%B-]+@[^?]+\?arch=\w+&distro=debian-\d+$")
            self.assertTrue(package["version"] and package["supplier"]["name"])
        self.assertLessEqual({"libc6", "libssl3", "libevent-2.1-7", "ca-certificates"},
                             {package["name"] for package in self.packages()})

    def test_licences_are_there_and_most_are_named(self):
        self.assertTrue((self.image.root / "usr/share/common-licenses/Apache-2.0").is_file())
        for package in self.packages():
            self.assertTrue((self.image.root / f"usr/share/doc/{package['name']}/copyright").is_file())
        named = [package for package in self.packages() if package["licenses"]]
        self.assertGreater(len(named), len(self.packages()) // 2)

    def test_scanners_find_the_packages(self):
        told = {path.name for path in (self.image.root / "var/lib/dpkg/status.d").iterdir()}
        self.assertEqual(told, {package["name"] for package in self.packages()})

    def test_runs_as_nobody_and_is_told_to_stop_by_sigterm(self):
        self.assertEqual(self.image.config["User"], f"{UID}:{UID}")
        self.assertEqual(self.image.config["StopSignal"], "SIGTERM")
        self.assertEqual(self.image.config["Entrypoint"], [f"/usr/bin/{self.NAME_OF_PROGRAM}"])
        self.assertEqual(self.image.whole["Healthcheck"]["Test"][:2], ["CMD", "/usr/bin/orchestrator-probe"])

    def test_labels_say_what_it_is(self):
        labels = self.image.config["Labels"]
        prefix = "org.opencontainers.image."
        self.assertEqual(labels[prefix + "title"], self.NAME_OF_PROGRAM)
        self.assertEqual(labels[prefix + "licenses"], "Apache-2.0")
        self.assertEqual(labels[prefix + "version"], self.image.bom["metadata"]["component"]["version"])
        self.assertRegex(labels[prefix + "revision"], r"^([0-9a-f]{40}|unknown)$")

    def test_times_are_those_of_the_source(self):
        times = {int(path.stat().st_mtime) for path in self.image.files}
        self.assertEqual(len(times), 1)


class Orchestrator(Of, unittest.TestCase):
    NAME = NAME_OF_PROGRAM = "orchestrator"
    PROGRAMS = {"orchestrator", "orchestrator-probe"}

    def test_version_is_the_programs(self):
        said = json.loads(succeed("run", "--rm", "--no-healthcheck", *confined("none"), self.image.name, "version", "--json"))
        self.assertEqual(said["version"], self.image.config["Labels"]["org.opencontainers.image.version"])

    def test_plugins_licence_and_configuration_are_there(self):
        plugins = {path.stem for path in (self.image.root / "usr/lib/orchestrator/plugins").iterdir()}
        listed = succeed("run", "--rm", "--no-healthcheck", *confined("none"), self.image.name, "plugin", "list", "--json")
        self.assertEqual({json.loads(line)["name"] for line in listed.splitlines()}, plugins)
        self.assertLessEqual({"slack", "dlp", "slack_block", "log"}, plugins)
        for name in ("LICENSE", "README.md", "config/examples/slack-dlp.cfg"):
            self.assertTrue((self.image.root / DOC / name).is_file(), name)
        for name in ("orchestrator.cfg", "rules.json"):
            self.assertTrue((self.image.root / "etc/orchestrator" / name).is_file(), name)

    def test_state_belongs_to_the_user(self):
        info = os.stat(self.image.root / "var/lib/orchestrator")
        self.assertEqual((info.st_uid, info.st_gid, info.st_mode & 0o777), (UID, UID, 0o700))

    def test_is_built_from_the_dockerfile_of_this_tree(self):
        wanted = re.findall(r'"(/usr/bin/orchestrator-probe)", "(\d+)", "(/readyz)"',
                            (DOCKER / "Dockerfile").read_text(encoding="utf-8"))
        self.assertEqual(self.image.whole["Healthcheck"]["Test"][1:], list(wanted[0]))


class Sim(Of, unittest.TestCase):
    NAME = "sim"
    NAME_OF_PROGRAM = "orchestrator-sim"
    PROGRAMS = {"orchestrator-sim", "orchestrator-probe"}


if __name__ == "__main__":
    unittest.main()
