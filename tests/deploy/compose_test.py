#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docker/compose.yml says what it must, and agrees with the configuration and the image."""
import ipaddress
import os
import pathlib
import re
import stat
import tempfile
import unittest
import urllib.parse

import yaml

from shipped import DOCKER, GIVE_BACK_S, UID, Config, for_each, run, seconds

COMPOSE = yaml.safe_load((DOCKER / "compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
CONFIG = Config(DOCKER / "orchestrator.cfg")
STAGES = {name: SERVICES[name] for name in ("intake", "scan", "act")}
ONCE = {"migrate", "hello", "secrets"}


def mounts(service):
    """{where it is seen: (what, "ro" or "rw")} but for what is a container's own."""
    named = [volume.split(":") for volume in service.get("volumes", []) if ":" in volume]
    return {words[1]: (words[0], (words + ["rw"])[2]) for words in named}


class Services(unittest.TestCase):
    @for_each(SERVICES)
    def test_are_confined(self, name, service):
        self.assertTrue(service["read_only"])
        self.assertEqual(service["cap_drop"], ["ALL"])
        self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
        self.assertFalse({"privileged", "pid", "ipc", "devices"} & set(service))
        self.assertEqual(service.get("cap_add", []), ["CHOWN"] if name == "secrets" else [])

    @for_each(SERVICES)
    def test_nobody_is_root_but_who_draws_the_secrets(self, name, service):
        self.assertEqual("user" in service or "build" in service, name != "secrets")
        self.assertNotIn(str(service.get("user")).split(":", maxsplit=1)[0], ("0", "root"))
        self.assertEqual(DOCKERFILE.count(f"\nUSER {UID}:{UID}\n"), 2)

    @for_each(SERVICES)
    def test_each_is_watched_or_ends_by_itself(self, name, service):
        self.assertEqual(service["restart"], "no" if name in ONCE else "unless-stopped")
        self.assertTrue(name in ONCE or "healthcheck" in service or "build" in service)

    def test_images_of_ours_are_watched(self):
        self.assertEqual(DOCKERFILE.count("\nHEALTHCHECK "), 2)
        self.assertIn(f'"/usr/bin/orchestrator-probe", "{CONFIG.health_port()}", "/readyz"', DOCKERFILE)

    @for_each(SERVICES)
    def test_each_waits_for_what_it_needs(self, name, service):
        completed, healthy = "service_completed_successfully", "service_healthy"
        wanted = {**{stage: {"migrate": completed, "aws": healthy} for stage in STAGES},
                  "migrate": {"postgres": healthy}, "postgres": {"secrets": completed},
                  "slack": {"secrets": completed}, "aws": {}, "secrets": {},
                  "hello": {name: healthy for name in ("slack", *STAGES)}}
        waits = service.get("depends_on", {})
        self.assertEqual({other: how["condition"] for other, how in waits.items()}, wanted[name])

    @for_each(STAGES)
    def test_nobody_is_killed_while_draining(self, _, service):
        self.assertGreater(seconds(service["stop_grace_period"]), CONFIG.drain_s() + GIVE_BACK_S)

    @for_each(STAGES)
    def test_there_is_room_for_locked_secrets(self, _, service):
        page = os.sysconf("SC_PAGESIZE")
        self.assertGreater(service["ulimits"]["memlock"], 4 * page * len(CONFIG.secret_files()))

    @for_each(STAGES)
    def test_each_stage_runs_and_scan_twice(self, name, service):
        self.assertEqual(service["command"], ["run", "--stages", name])
        self.assertEqual(service.get("deploy", {"replicas": 1})["replicas"], 2 if name == "scan" else 1)

    def test_migration_is_a_service(self):
        self.assertEqual(SERVICES["migrate"]["command"], ["store", "migrate"])

    def test_ports_are_this_machines_alone(self):
        published = [port for service in SERVICES.values() for port in service.get("ports", [])]
        self.assertEqual(sorted(published), ["127.0.0.1:8080:8080", "127.0.0.1:9100:9100"])
        self.assertEqual(CONFIG.events_port(), 8080)

    @for_each(SERVICES)
    def test_images_of_others_have_a_version(self, _, service):
        if "build" not in service:
            self.assertRegex(service["image"], r"^[a-z/]+:[0-9.]+$")
            return
        build = service["build"]
        self.assertRegex(DOCKERFILE, rf"(?m)^FROM scratch AS {build['target']}$")
        self.assertTrue((DOCKER / build["context"] / build["dockerfile"]).is_file())

    @for_each(SERVICES)
    def test_mounts_are_there_and_read_only_but_for_who_keeps_something(self, name, service):
        keeps = {("postgres", "/var/lib/postgresql/data"), ("secrets", "/run/secrets")}
        for where, (what, mode) in mounts(service).items():
            self.assertEqual(mode != "ro", (name, where) in keeps)
            if what.startswith("./"):
                self.assertTrue((DOCKER / what).stat().st_mode & stat.S_IROTH, what)
            else:
                self.assertIn(what, COMPOSE["volumes"])

    @for_each(STAGES)
    def test_state_is_made_below_a_volume_of_its_own(self, _, service):
        self.assertIn(str(CONFIG.state_dir().parent), service["volumes"])


class Configuration(unittest.TestCase):
    def secrets(self, folder):
        """Drawn as the service of that name draws them, for a group of ours."""
        script, group = DOCKER / "secrets.sh", str(os.getgid())
        self.assertEqual(SERVICES["secrets"]["entrypoint"],
                         ["/bin/sh", "/secrets.sh", "/run/secrets", str(UID)])
        return run("sh", script, folder, group)

    def test_is_right_with_the_secrets_that_are_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            drawn = self.secrets(folder)
            self.assertEqual(drawn.returncode, 0, drawn.stdout)
            checked = CONFIG.check(pathlib.Path(folder))
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_secrets_are_drawn_once_and_each_is_another(self):
        with tempfile.TemporaryDirectory() as folder:
            self.secrets(folder)
            before = {path.name: path.read_text() for path in pathlib.Path(folder).iterdir()}
            self.assertEqual(set(before), {path.name for path in CONFIG.secret_files()})
            self.assertEqual(len(set(before.values())), len(before))
            for name, value in before.items():
                self.assertRegex(value, r"^([0-9a-f]{48}|[0-9a-f]{64})$")
                self.assertEqual((pathlib.Path(folder) / name).stat().st_mode & 0o777, 0o440)
            self.assertEqual(self.secrets(folder).stdout, "")
            self.assertEqual(before, {path.name: path.read_text() for path in pathlib.Path(folder).iterdir()})

    def test_secrets_are_named_where_they_are_mounted(self):
        self.assertEqual({str(path.parent) for path in CONFIG.secret_files()}, {"/run/secrets"})
        for name in (*STAGES, "migrate", "postgres", "slack"):
            self.assertEqual(mounts(SERVICES[name])["/run/secrets"], ("secrets", "ro"))
        self.assertIn(str(UID), SERVICES["postgres"]["group_add"])

    def test_hosts_are_services(self):
        urls = re.findall(r'"(https?://[^"]*)"', CONFIG.plain)
        called = {urllib.parse.urlsplit(url).hostname for url in urls} | {CONFIG.one(r"\bhost=(\S+)")}
        self.assertEqual(called, {"aws", "postgres", "slack"})
        self.assertLessEqual(called, set(SERVICES))
        self.assertEqual(set(re.findall(r'hosts = \[ "([^"]*)" \]', CONFIG.plain)), {"slack"})

    def test_database_is_the_one_that_is_made(self):
        made = SERVICES["postgres"]["environment"]
        self.assertEqual((CONFIG.one(r"\bdbname=(\S+)"), CONFIG.one(r"\buser=(\S+)")),
                         (made["POSTGRES_DB"], made["POSTGRES_USER"]))

    def test_network_is_the_one_that_may_be_called(self):
        (subnet,) = COMPOSE["networks"]["default"]["ipam"]["config"]
        allowed = CONFIG.one(r"egress = \{ allow = \[ \"([^\"]*)\" \]")
        self.assertEqual(ipaddress.ip_network(subnet["subnet"]), ipaddress.ip_network(allowed))

if __name__ == "__main__":
    unittest.main()
