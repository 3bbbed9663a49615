#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the root of an image complete: what its programs need from Debian, and a record of it.

    collect.py ROOT NAME VERSION

ROOT holds programs and plugins.  Added are the libraries that they are linked with, the certificates
of public authorities, the licences of both, and usr/share/doc/orchestrator/sbom.cdx.json (CycloneDX),
which says what of which Debian package is there.  Nothing else is: no shell, no package manager.
Every file gets the time SOURCE_DATE_EPOCH, so that the same input makes the same root.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import uuid

UID = 10001  # of a user that nothing else on a host is likely to have
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# What glibc opens by itself when a thread ends or is cancelled.
LATE = "libgcc_s.so.1"
NAMESPACE = uuid.UUID("6f726368-1d5a-4c0e-9b21-3e77a458c290")
FIELDS = ("Package", "Version", "Architecture", "source:Package", "source:Version", "Maintainer")
COMMON_LICENCES = "/usr/share/common-licenses"


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def is_elf(path):
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Root:
    def __init__(self, folder):
        self.folder = folder
        self.own = self.programs()  # what was here before us
        self.taken = {}  # package: the files that came from it

    def path(self, name):
        return self.folder / name.lstrip("/")

    def copy(self, source, name, package):
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(os.stat(source).st_mode & 0o755)
        self.taken.setdefault(package, []).append(name)

    def write(self, name, text):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text, encoding="utf-8")

    def link(self, name, target):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).symlink_to(target)

    def programs(self):
        return sorted(path for path in self.folder.rglob("*") if is_elf(path))


def libraries(programs):
    """{name as it is looked for: path} of all shared objects, the dynamic loader among them."""
    found = {}
    for program in programs:
        for line in output("ldd", str(program)).splitlines():
            match = re.match(r"\s*(\S+)(?: => (\S+))? \(0x", line)
            if match is None:
                raise SystemExit(f"{program}: {line.strip()}")
            name, path = match.group(1), match.group(2) or match.group(1)
            if path.startswith("/"):  # the kernel's own has no file
                found[name] = path
    return found


def package_of(path):
    """Debian's package.  A merged /usr has two names for one file, and dpkg knows one of them."""
    names = {path, os.path.realpath(path)}
    names |= {name.removeprefix("/usr") for name in names}
    asked = subprocess.run(["dpkg-query", "--search", *sorted(names)], check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if not asked.stdout:
        raise SystemExit(f"{path}: of no package")
    return asked.stdout.split(":", 1)[0]


def take_library(root, name, path):
    real = os.path.realpath(path)
    place = os.path.join(os.path.dirname(real), os.path.basename(name))
    root.copy(real, place, package_of(path))
    if name.startswith("/"):  # the loader, under the name that stands in every program
        target = os.path.join("/usr", name.lstrip("/"))
        if target != place:
            root.link(target, os.path.relpath(place, os.path.dirname(target)))


def take_libraries(root):
    found = libraries(root.programs())
    folder = os.path.dirname(next(path for name, path in found.items() if name.startswith("libc.so")))
    found[LATE] = os.path.join(folder, LATE)
    for name, path in sorted(found.items()):
        take_library(root, name, path)
    for name in ("lib", "lib64"):
        if root.path(f"usr/{name}").is_dir():
            root.link(name, f"usr/{name}")


def take_system(root):
    """The few files besides libraries that a program expects."""
    root.copy(BUNDLE, BUNDLE, "ca-certificates")
    root.link("/usr/lib/ssl/cert.pem", BUNDLE)
    root.copy("/usr/lib/os-release", "/usr/lib/os-release", "base-files")
    root.link("/etc/os-release", "../usr/lib/os-release")
    root.write("/etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\n"
               f"orchestrator:x:{UID}:{UID}::/var/lib/orchestrator:/usr/sbin/nologin\n")
    root.write("/etc/group", f"root:x:0:\norchestrator:x:{UID}:\n")
    root.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    for name in ("etc/orchestrator", "run", "tmp"):
        root.path(name).mkdir(parents=True, exist_ok=True)
    root.path("tmp").chmod(0o1777)


def copyright_of(package):
    return f"/usr/share/doc/{package}/copyright"


def take_licences(root):
    for package in sorted(root.taken):
        root.copy(os.path.realpath(copyright_of(package)), copyright_of(package), package)
    for name in sorted(os.listdir(COMMON_LICENCES)):
        path = os.path.join(COMMON_LICENCES, name)
        root.copy(os.path.realpath(path), path, "base-files")


def licences_of(package):
    """The short names in Debian's machine-readable form; a package without it tells none."""
    text = pathlib.Path(copyright_of(package)).read_text(encoding="utf-8", errors="replace")
    if not text.startswith("Format:"):
        return []
    return sorted({name.strip() for name in re.findall(r"^License:[ \t]*(\S[^\n]*)$", text, re.M)})


def fields_of(package):
    form = "".join("${%s}\\n" % field for field in FIELDS)
    return dict(zip(FIELDS, output("dpkg-query", "--show", f"--showformat={form}", package).split("\n")))


def os_release():
    lines = pathlib.Path("/usr/lib/os-release").read_text(encoding="utf-8").splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def purl_of(fields):
    system = os_release()
    version = fields["Version"].replace(":", "%3A").replace("+", "%2B")
    return (f"pkg:deb/{system['ID']}/{fields['Package'].replace('+', '%2B')}@{version}"
            f"?arch={fields['Architecture']}&distro={system['ID']}-{system['VERSION_ID']}")


def file_entry(root, name):
    digest = hashlib.sha256(root.path(name).read_bytes()).hexdigest()
    return {"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}


def package_entry(root, package, names):
    fields = fields_of(package)
    purl = purl_of(fields)
    return {
        "type": "library", "bom-ref": purl, "name": fields["Package"], "version": fields["Version"],
        "supplier": {"name": fields["Maintainer"]}, "purl": purl,
        "licenses": [{"license": {"name": name}} for name in licences_of(package)],
        "properties": [{"name": "debian:source", "value":
                        f"{fields['source:Package']} {fields['source:Version']}"}],
        "components": [file_entry(root, name) for name in names
                       if not name.startswith("/usr/share/")],
    }


def bom(root, name, version, epoch):
    packages = [package_entry(root, *item) for item in sorted(root.taken.items())]
    own = f"pkg:generic/{name}@{version}"
    body = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
            "component": {
                "type": "application", "bom-ref": own, "name": name, "version": version, "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "components": [file_entry(root, f"/{path.relative_to(root.folder)}")
                               for path in root.own],
            },
        },
        "components": packages,
        "dependencies": [{"ref": own, "dependsOn": [entry["bom-ref"] for entry in packages]}],
    }
    number = uuid.uuid5(NAMESPACE, json.dumps(body, sort_keys=True))
    return {**body, "serialNumber": f"urn:uuid:{number}"}


def tell_scanners(root):
    """Where they look in an image that has no package manager."""
    for package in sorted(root.taken):
        root.write(f"/var/lib/dpkg/status.d/{package}", output("dpkg-query", "--status", package))


def set_times(root, epoch):
    for folder, names, files in os.walk(root.folder):
        for name in [".", *names, *files]:
            os.utime(os.path.join(folder, name), (epoch, epoch), follow_symlinks=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("name")
    parser.add_argument("version")
    given = parser.parse_args()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    root = Root(given.root)
    take_libraries(root)
    take_system(root)
    take_licences(root)
    tell_scanners(root)
    root.write("/usr/share/doc/orchestrator/sbom.cdx.json",
               json.dumps(bom(root, given.name, given.version, epoch), indent=1) + "\n")
    set_times(root, epoch)


if __name__ == "__main__":
    main()
