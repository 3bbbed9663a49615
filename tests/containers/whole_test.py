#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An installation in containers: the stages apart, confined, on stand-ins for AWS and a PostgreSQL."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "cloud"), str(TESTS / "flow")]

import harness
from cloud import Cloud
from podman import DOCKER, UID, Container, confined, image, podman

PROBE = "/usr/bin/orchestrator-probe"
# Of docker/orchestrator.cfg: the services' names, which are all this machine here.
HOSTS = ("aws", "postgres", "slack", "intake")
STATE = "/var/lib/orchestrator"
ROUNDS, OF_EACH = 20, 10
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAx3mZbT0kq\n-----END RSA PRIVATE KEY-----\n"
CARD = "My card is 4539 5260 1815 9083, number %d"


class Site:
    """What the containers of one installation share."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orch-containers-"))
        self.folder.chmod(0o755)
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir()
        subprocess.run(["sh", DOCKER / "secrets.sh", self.secrets, str(UID)], check=True,
                       stdout=subprocess.DEVNULL)
        self.dsn = self.open_database()
        self.ports = {name: (harness.Port(), harness.Port())
                      for name in ("slack", "migrate", "intake", "scan-1", "scan-2", "act")}
        self.containers = {}

    def secret(self, name):
        return (self.secrets / name).read_text(encoding="ascii").strip()

    def open_database(self):
        """Over TCP and with a password, as PostgreSQL's own image would have it."""
        postgres = self.cloud.postgres
        name = postgres.database().split("dbname=")[1].split()[0]
        postgres.sql(f"ALTER ROLE orchestrator PASSWORD '{self.secret('pg-password')}'")
        rules = postgres.data / "pg_hba.conf"
        rules.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        postgres.reload()
        return f"host=postgres port={postgres.port} dbname={name} user=orchestrator"

    def config(self, name):
        """docker/orchestrator.cfg, but for addresses: here all services are on one machine."""
        events, health = (port.number for port in self.ports[name])
        text = (DOCKER / "orchestrator.cfg").read_text(encoding="utf-8")
        for old, new in (
                ('listen = "*:8080"', f'listen = "127.0.0.1:{events}"'),
                ('health = "*:9090"', f'health = "127.0.0.1:{health}"'),
                ("172.31.250.0/24", "127.0.0.0/8"), ("http://aws:5000", f"http://aws:{self.aws_port()}"),
                ("http://slack:9100", f"http://slack:{self.ports['slack'][0].number}"),
                ("host=postgres dbname=orchestrator user=orchestrator", self.dsn)):
            assert old in text, old
            text = text.replace(old, new)
        path = self.folder / f"{name}.cfg"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    def aws_port(self):
        return self.cloud.moto.port.number

    def words(self, name):
        """podman's, for a container of the orchestrator."""
        words = [*confined(), "--volume", f"{self.config(name)}:/etc/orchestrator/orchestrator.cfg:ro",
                 "--volume", f"{self.secrets}:/run/secrets:ro"]
        for host in HOSTS:
            words += ["--add-host", f"{host}:127.0.0.1"]
        return words

    def once(self, name, *arguments):
        """A container that ends by itself and has no place to write to."""
        return podman("run", "--rm", "--no-healthcheck", *self.words(name), image("orchestrator"), *arguments)

    def start(self, name, stage):
        self.containers[name] = Container(
            f"orch-{name}", *self.words(name), "--volume", STATE, image("orchestrator"), "run", "--stages", stage,
            check=[PROBE, str(self.ports[name][1].number), "/readyz"])

    def start_slack(self):
        port = self.ports["slack"][0].number
        files = ["--signing-secret-file", "/run/secrets/slack-signing", "--bot-token-file",
                 "/run/secrets/slack-bot", "--admin-token-file", "/run/secrets/slack-admin"]
        self.containers["slack"] = Container(
            "orch-slack", *confined(), "--volume", f"{self.secrets}:/run/secrets:ro", image("sim"),
            "slack", "--listen", f"127.0.0.1:{port}", "--public-url", f"http://slack:{port}",
            "--events-url", f"http://127.0.0.1:{self.ports['intake'][0].number}/slack/events", *files,
            check=[PROBE, str(port), "/sim/state?messages=0&calls=0&deliveries=0"])

    def await_health(self):
        for container in self.containers.values():
            harness.poll(f"{container.name} to be well", container.health)

    def tell(self, command, **members):
        answer = harness.ask(self.ports["slack"][0].number, "POST", "/sim/" + command, json.dumps(members))
        if answer.status != 200:
            raise harness.Failed("/sim/" + command, answer.text())
        return answer.json()

    def shown(self):
        """{(channel, ts): state} of all messages."""
        state = harness.ask(self.ports["slack"][0].number, "GET", "/sim/state?calls=0&deliveries=0").json()
        return {(channel["id"], message["ts"]): message["state"]
                for channel in state["channels"] for message in channel["messages"]}

    def metric(self, name, metric):
        page = harness.ask(self.ports[name][1].number, "GET", "/metrics").text()
        return sum(value for _, value in harness.metrics_of(page).get(metric, []))

    def ledger(self):
        lines = self.containers["act"].execute("orchestrator", "queue", "list", "--json").splitlines()
        return next(line["ledger"] for line in map(json.loads, lines) if "ledger" in line)

    def stop(self):
        """{name: exit code}, the one that takes events first."""
        return {name: self.containers[name].stop() for name in ("intake", "scan-1", "scan-2", "act", "slack")}

    def close(self):
        for container in self.containers.values():
            container.remove()
        for pair in self.ports.values():
            for port in pair:
                port.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Whole(unittest.TestCase):
    def setUp(self):
        self.cloud = Cloud()
        self.addCleanup(self.cloud.close)
        self.site = Site(self.cloud)
        self.addCleanup(self.site.close)

    def test_installation_from_the_first_start_to_the_last_stop(self):
        self.refuse_without_a_state()
        self.refuse_before_the_migration()
        self.migrate()
        self.start()
        self.look_how_they_are_confined()
        self.greet()
        self.download_through_the_disk()
        self.reload()
        self.let_both_scanners_work()
        self.balance()
        self.end()

    def tell(self, text):
        print("   " + text, flush=True)

    def refuse_without_a_state(self):
        done = self.site.once("act", "run", "--stages", "act")
        self.assertEqual(done.returncode, 78, done.stdout + done.stderr)
        self.assertIn(f"state_dir: {STATE}/state", done.stdout + done.stderr)

    def refuse_before_the_migration(self):
        done = podman("run", "--rm", "--no-healthcheck", *self.site.words("act"), "--volume", STATE,
                      image("orchestrator"), "run", "--stages", "act")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("its schema", done.stdout + done.stderr)

    def migrate(self):
        done = self.site.once("migrate", "store", "migrate", "--json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        parts = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertTrue(parts and all(part["done"] and part["from"] == 0 for part in parts), parts)
        self.tell("the schema was made; without it a stage does not start")

    def start(self):
        self.site.start_slack()
        for name, stage in (("intake", "intake"), ("scan-1", "scan"), ("scan-2", "scan"), ("act", "act")):
            self.site.start(name, stage)
        self.site.await_health()
        self.tell("each container's own check says that it is well")

    def look_how_they_are_confined(self):
        for name, container in self.site.containers.items():
            with self.subTest(name):
                status = container.status()
                self.assertEqual(set(status["Uid"].split()), {str(UID)})
                self.assertEqual(int(status["CapBnd"], 16) | int(status["CapEff"], 16), 0)
                self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
                for folder in ("", "tmp", "run", "etc", "usr/bin", "var", "run/secrets"):
                    if (container.root() / folder).is_dir():
                        with self.assertRaises(OSError, msg=folder):
                            (container.root() / folder / "written").touch()
                if name != "slack":
                    state = container.root() / STATE.lstrip("/") / "state"
                    self.assertEqual((state.stat().st_uid, state.stat().st_mode & 0o777), (UID, 0o700))
                    self.assertFalse({"orchestrator.db", "store.key"} & {path.name for path in state.iterdir()})
        self.tell("each is nobody, without capabilities, and can write to its state alone")

    def greet(self):
        url = f"http://127.0.0.1:{self.site.ports['slack'][0].number}"
        done = subprocess.run([sys.executable, DOCKER / "hello.py", url], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.tell("hello.py: what leaks is gone, what is innocent stays")

    def download_through_the_disk(self):
        """Of more than a megabyte, which is no longer kept in memory."""
        reply = self.site.tell("file", channel="general", user="bob", name="dump.txt", text="the dump",
                               content="nothing to see here\n" * 120000 + KEY)
        self.await_shown([reply], "deleted")
        self.tell("a large file with a leak at its end is gone")

    def reload(self):
        """In place, as it is mounted; the trial of the new one takes another process and shared objects."""
        config = self.site.folder / "scan-1.cfg"
        config.write_text(config.read_text(encoding="utf-8").replace('drain = "25s"', 'drain = "24s"'))
        container = self.site.containers["scan-1"]
        container.signal("HUP")
        harness.poll("the new configuration to be in force", lambda: (
            "event=config.reload result=loaded" in container.logs(), container.logs()[-1500:]))
        self.tell("SIGHUP puts a changed configuration in force")

    def let_both_scanners_work(self):
        leaks, clean = [], []

        def both():
            scanned = [self.site.metric(name, "orchestrator_events_scanned_total")
                       for name in ("scan-1", "scan-2")]
            return all(count > 0 for count in scanned), scanned

        for number in range(ROUNDS * OF_EACH):
            if number % OF_EACH == 0 and number > 2 * OF_EACH and both()[0]:
                break
            leaks.append(self.site.tell("message", channel="general", user="alice", text=CARD % number))
            clean.append(self.site.tell("message", channel="random", user="bob", text=f"Lunch {number}?"))
        self.await_shown(leaks, "deleted")
        self.await_work_done()
        self.await_shown(clean, "live")
        _, scanned = both()
        self.assertTrue(all(scanned), scanned)
        self.tell(f"{len(leaks)} leaks gone, {len(clean)} others still there; the scanners did "
                  "%d and %d" % tuple(scanned))

    def await_shown(self, replies, state):
        def look():
            shown = self.site.shown()
            others = [reply["ts"] for reply in replies
                      if shown[reply["channel"], reply["ts"]] != state]
            return not others, f"{len(others)} that are not"

        harness.poll("messages to be " + state, look)

    def await_work_done(self):
        def look():
            ledger = self.site.ledger()
            return ledger["in_flight"] == 0, ledger

        harness.poll("nothing in flight", look)

    def balance(self):
        ledger = self.site.ledger()
        self.assertEqual((ledger["imbalance"], ledger["dead"], ledger["damaged"]), (0, 0, 0), ledger)
        self.assertGreater(ledger["done"], 0)
        self.tell("the books balance: " + json.dumps(ledger))

    def end(self):
        codes = self.site.stop()
        self.assertEqual(set(codes.values()), {0}, codes)
        for name, container in self.site.containers.items():
            logs = container.logs()
            for path in self.site.secrets.iterdir():
                self.assertNotIn(self.site.secret(path.name), logs, f"{path.name} in the log of {name}")
            self.assertNotIn("4539", logs, name)
        self.tell("SIGTERM ends each of them with 0; no log holds a secret or a card")


class Embedded(unittest.TestCase):
    """One container with everything, and the image's own check."""

    def test_image_alone_is_well_and_keeps_its_state_in_a_volume(self):
        with tempfile.TemporaryDirectory(prefix="orch-embedded-") as folder:
            folder = pathlib.Path(folder)
            folder.chmod(0o755)
            text = (TESTS.parent / "config/orchestrator.cfg").read_text(encoding="utf-8")
            text = text.replace("../var", STATE).replace(
                'listen = "127.0.0.1:8080";', 'listen = "127.0.0.1:8080"; health = "127.0.0.1:9090";')
            (folder / "orchestrator.cfg").write_text(text, encoding="utf-8")
            (folder / "state").mkdir(mode=0o700)
            os.chown(folder / "state", UID, UID)
            secrets = [word for name in ("SIGNING_SECRET", "BOT_TOKEN", "ADMIN_TOKEN")
                       for word in ("--env", f"SLACK_{name}=nothing-to-be-kept")]
            container = Container(
                "orch-embedded", *confined("none"), *secrets, "--volume", f"{folder}/state:{STATE}",
                "--volume", f"{folder}/orchestrator.cfg:/etc/orchestrator/orchestrator.cfg:ro",
                image("orchestrator"))
            self.addCleanup(container.remove)
            harness.poll("it to be well", container.health)
            self.assertEqual(container.stop(), 0, container.logs())
            self.assertTrue((folder / "state/orchestrator.db").is_file())


if __name__ == "__main__":
    unittest.main()
