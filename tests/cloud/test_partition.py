#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One host of two is cut off during load, in each way that a network knows, and comes back."""
import contextlib
import copy
import os
import signal
import socket
import threading
import time
import unittest

import cables

if __name__ == "__main__":
    cables.move_in()

from storm import StormCase, StormCloud, StormSite

import case
import harness
from harness import poll
from hosts import Host

LEASE_S = 5
DRAIN_S = 4
RECOVERY_S = 30
QUEUE = {"visibility": "%ds" % LEASE_S, "wait": "1s"}
SLOW_MS = 700  # each deletion takes so long, so that leases are always held
PAUSE_S = 0.08  # between what people say


class PartitionCloud(StormCloud):
    def prepare(self):
        self.postgres.set("listen_addresses = '*'")
        with open(self.postgres.data / "pg_hba.conf", "a", encoding="ascii") as file:
            file.write("host all all %s trust\n" % cables.NETWORK)


class Systemd:
    """It hears that a host is alive, through a socket that no cable leads to."""

    def __init__(self, path):
        self.heard = []  # (monotonic time, what)
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            note = self.socket.recv(4096).decode()
            self.heard.append((time.monotonic(), note))

    def add_to(self, given):
        """The same secrets, and how to reach us."""
        more = copy.copy(given)
        more.environment = lambda: dict(given.environment(), NOTIFY_SOCKET=self.path,
                                        WATCHDOG_USEC="10000000")
        return more

    def fed_since(self, begun):
        return [at for at, note in self.heard if at > begun and note == "WATCHDOG=1"]


class FarHost(Host):
    """It lives at the other end of its cable."""

    def __init__(self, *args):
        super().__init__(*args)
        self.cable = cables.Cable(len(self.site.hosts) + 1)
        self.systemd = Systemd(os.path.join(self.folder, "notify"))
        self.given = self.systemd.add_to(self.given)
        site, change = self.site, self.settings.change
        slack = "http://%s:%d/api/" % (cables.SLACK, site.sim.port)
        change("http.listen", "%s:%d" % (self.cable.address, self.port))
        change("egress.allow", "[%s]" % cables.NETWORK)
        change("slack.api_url", slack)
        change("block.api_url", slack)
        change("store.dsn", "host=%s port=%d dbname=%s user=orchestrator" % (
            cables.POSTGRES, site.cloud.postgres.port, site.dsn.split("dbname=")[1].split()[0]))
        change("queue.endpoint", "http://%s:%d" % (cables.SQS, site.box.port))
        change("drain", "%ds" % DRAIN_S)

    def write(self):
        super().write()
        text = harness.read_text(self.config_path)
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(text.replace('hosts = [ "127.0.0.1" ]', 'hosts = [ "%s" ]' % cables.SLACK))

    def begin(self, *args):
        with self.cable.entered():
            super().begin(*args)

    def get(self, path):
        with self.cable.entered():
            return super().get(path)


class PartitionSite(StormSite):
    slack_at = "0.0.0.0:0"
    slack_options = ("--retry-delays", "1,2,4", "--allow-remote")

    def __init__(self, weather):
        self.balancer = cables.Balancer()
        super().__init__(weather, **QUEUE)
        self.sim.tell("config", events_url="http://127.0.0.1:%d/slack/events" % self.balancer.port)
        self.balancer.places = [(host.cable.address, host.port) for host in self.hosts]

    def host(self, name="host", stages=None, **queue):
        ports = [harness.Port(), harness.Port()]
        self.ports += ports
        host = FarHost(self, name, "intake,scan,act", ports)
        host.settings.groups["queue"].update(queue)
        self.hosts.append(host)
        return host

    @contextlib.contextmanager
    def flood(self):
        """People talk without end."""
        over = threading.Event()

        def talk():
            while not over.wait(PAUSE_S):
                self.talk(1, len(self.leaks) % 2)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def close(self):
        super().close()
        self.balancer.close()


class Partition(StormCase):
    """One site through all cuts: hosts that have come through one must be well for the next."""

    @classmethod
    def setUpClass(cls):
        cls.cloud = PartitionCloud("--seed", cls.seed, "--listen", "0.0.0.0:0", "--allow-remote")
        cls.addClassCleanup(cls.cloud.close)
        cls.site = PartitionSite(cls.cloud)
        cls.addClassCleanup(cls.site.close)
        for event in ("health.bad", "queue.missing", "intake.unavailable", "intake.refused",
                      "scan.receive", "act.receive", "event.handover", "action.settle", "leases"):
            cls.site.explain(event)
        cls.site.start()
        cls.one, cls.two = cls.site.hosts
        cls.site.sim.tell("fault", method="chat.delete", kind="slow", ms=SLOW_MS, count=-1)

    def setUp(self):
        self.addCleanup(self.one.cable.heal)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            case.show_logs(self.site)

    # ---- what is looked at

    def leased(self):
        """The rows that are leased since before now."""
        return set(self.site.sql("SELECT row FROM item WHERE state = 2 AND at < orch_ms() + %d" % (
            LEASE_S * 1000)).split())

    def left_of(self, rows):
        if not rows:
            return set()
        return set(self.site.sql("SELECT row FROM item WHERE row IN (%s)" % ",".join(rows)).split())

    def took_since(self, begun):
        """Has the intake of the one that is cut off taken anything since then?"""
        return [at for at, address in self.site.balancer.taken
                if address == self.one.cable.address and at > begun]

    def deliveries(self):
        return self.one.metric("orchestrator_sqs_deliveries_total", result="leased") or 0

    def counted(self):
        return self.one.metric("orchestrator_ledger_messages", queue="scan",
                               state="accepted") or 0

    # ---- the play

    def cut(self, way):
        before = self.leased()
        way()
        begun = time.monotonic()
        time.sleep(1.5)
        # What is still leased by then, and since before the cut, is so by the host that is cut off.
        return begun, self.left_of(before)

    def endure(self, way, words, status=503, by_others=True, until=None):
        """WAY cuts the one off, which says WORDS; what it held is done BY_OTHERS meanwhile."""
        site = self.site
        with site.flood():
            poll("work on both", lambda: (self.deliveries() > 0, self.deliveries()))
            time.sleep(1)
            begun, held = self.cut(way)
            self.report("held", len(held))
            self.assertTrue(held or not by_others, "nothing was leased: nothing is shown")
            said = self.one.await_readiness(status, *words)
            self.report("says after", time.monotonic() - begun)
            print("    it says: " + said, flush=True)
            if by_others:
                poll("what it had leased to be done", lambda: (not self.left_of(held),
                                                               self.left_of(held)))
                self.report("done by the other after", time.monotonic() - begun)
            self.assertTrue(self.one.systemd.fed_since(begun + LEASE_S), "it would be restarted")
            if until:
                until(begun)
            self.assertGreater(time.monotonic() - begun, LEASE_S)
            self.recover()
        begun = time.monotonic()
        site.await_end()
        self.report("all done after", time.monotonic() - begun)
        self.judge()
        self.report("judged after", time.monotonic() - begun)

    def recover(self):
        had, counted = self.deliveries(), self.counted()
        self.one.cable.heal()
        healed = time.monotonic()
        self.one.await_health()
        self.within("well again", healed)
        poll("its intake to take something", lambda: (self.took_since(healed), "nothing"))
        self.within("takes messages again", healed)
        poll("it to lease again", lambda: (self.deliveries() > had, self.deliveries()))
        self.within("works again", healed)
        poll("its gauges to move", lambda: (self.counted() > counted, self.counted()))
        self.within("counts again", healed)

    def within(self, what, healed):
        took = time.monotonic() - healed
        self.report(what + " after", took)
        self.assertLess(took, RECOVERY_S, what)

    def report(self, what, value):
        print("    %s: %.3g" % (what, value), flush=True)

    def judge(self):
        site = self.site
        calls = site.judge_messages(self)
        for method in ("chat.delete", "chat.postMessage"):
            done = [call for call in calls if call["method"] == method and
                    call["answer"].get("ok")]
            self.assertEqual(len(done), len(site.leaks), method)
        ledger = site.ledger()
        self.assertEqual({key: ledger[key] for key in ("imbalance", "in_flight", "dead", "damaged")},
                         {"imbalance": 0, "in_flight": 0, "dead": 0, "damaged": 0})
        self.assertEqual(site.sql("SELECT count(*), count(DISTINCT id) FROM event"),
                         "%d|%d" % (len(site.leaks), len(site.leaks)))

    def await_oblivion(self, begun):
        """Until the server has given up all connections of the one that is cut off, and their locks."""
        def look():
            seen = self.site.sql("SELECT count(*) FROM pg_stat_activity"
                                 " WHERE client_addr = '%s'" % self.one.cable.address)
            return seen == "0", seen

        poll("the server to forget it", look)
        self.report("forgotten by the server after", time.monotonic() - begun)

    # ---- the cuts

    def test_1_neither_answers(self):
        loaded = len(self.one.logged("rules.loaded"))
        self.endure(lambda: self.one.cable.drop(cables.POSTGRES, cables.SQS), ["PostgreSQL"],
                    until=self.await_oblivion)
        # Its connections are new, so it has asked whether it missed a change of the rules.
        self.assertGreater(len(self.one.logged("rules.loaded")), loaded)

    def test_2_postgres_does_not_answer(self):
        self.endure(lambda: self.one.cable.drop(cables.POSTGRES), ["PostgreSQL"])

    def test_3_sqs_does_not_answer(self):
        self.endure(lambda: self.one.cable.drop(cables.SQS), ["but", "SQS"], status=200,
                    by_others=False)

    def test_4_the_link_is_down(self):
        self.endure(self.one.cable.unplug, [])

    def test_5_sigterm_ends_the_one_that_is_cut_off(self):
        site = self.site
        with site.flood():
            time.sleep(1)
            self.cut(lambda: self.one.cable.drop(cables.POSTGRES, cables.SQS))
            time.sleep(1.5)
            self.one.signal(signal.SIGTERM)
            begun = time.monotonic()
            self.one.await_log("drain.begin")
            self.report("obeys after", time.monotonic() - begun)
            self.assertLess(time.monotonic() - begun, 3, "its main thread waits for somebody")
            self.assertEqual(self.one.wait_exit(), 0)
            self.report("ends after", time.monotonic() - begun)
            self.assertLess(time.monotonic() - begun, DRAIN_S + 5)
        site.await_end()
        self.judge()
        self.one.cable.heal()
        case.check(self, site)


if __name__ == "__main__":
    unittest.main(verbosity=2)
