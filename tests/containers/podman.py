# SPDX-License-Identifier: Apache-2.0
"""podman, as containers.sh has set it up, and containers as docker/ runs them."""
import json
import os
import pathlib
import shlex
import subprocess

PODMAN = shlex.split(os.environ["PODMAN"])
IMAGES = os.environ["IMAGES"]
DOCKER = pathlib.Path(__file__).resolve().parents[2] / "docker"
UID = 10001
# What a kernel that does not let limits be raised needs; the last is as in compose.yml.
LIMITS = ["nofile=1024:1024", "nproc=1024:1024", "memlock=1048576:1048576"]
STOP_S = 60


def podman(*words, **options):
    return subprocess.run([*PODMAN, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, **options)


def succeed(*words):
    done = podman(*words)
    if done.returncode != 0:
        raise RuntimeError(f"podman {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout.strip()


def image(name):
    return f"{IMAGES}/{name}"


def inspect(*words):
    return json.loads(succeed(*words))[0]


def confined(network="host"):
    """As compose.yml and the manifests confine it: nothing is writable but what is mounted for that."""
    words = ["--network", network, "--cgroups", "enabled", "--read-only", "--read-only-tmpfs=false",
             "--cap-drop", "all", "--security-opt", "no-new-privileges", "--pids-limit", "256",
             "--memory", "256m"]
    for limit in LIMITS:
        words += ["--ulimit", limit]
    return words


class Container:
    """One that runs until it is stopped.  WORDS are podman's, then the image, then the program's."""

    def __init__(self, name, *words, check=None):
        self.name = name
        health = ["--health-cmd", json.dumps(check)] if check else []
        succeed("run", "--detach", "--name", name, "--health-interval", "disable", *health, *words)

    def state(self):
        return inspect("container", "inspect", self.name)["State"]

    def health(self):
        """(is it well?, what its check said)"""
        done = podman("healthcheck", "run", self.name)
        return done.returncode == 0, done.stdout + done.stderr + self.logs()[-1500:]

    def logs(self):
        done = podman("logs", self.name)
        return done.stdout + done.stderr

    def execute(self, *words):
        return succeed("exec", self.name, *words)

    def root(self):
        """The file system as its program sees it."""
        return pathlib.Path(f"/proc/{self.state()['Pid']}/root")

    def status(self):
        """{name: value} of its process, as the kernel tells it."""
        with open(f"/proc/{self.state()['Pid']}/status", encoding="ascii") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def signal(self, name):
        succeed("kill", "--signal", name, self.name)

    def stop(self):
        """By SIGTERM, as the image says; gives the exit code."""
        succeed("stop", "--time", STOP_S, self.name)
        return self.state()["ExitCode"]

    def remove(self):
        podman("rm", "--force", "--volumes", "--time", "0", self.name)
