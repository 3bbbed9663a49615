#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: a new configuration is tried by another process, then taken whole or not at all."""
import json
import os
import re
import signal
import ssl
import subprocess
import time
import unittest
import urllib.request

from harness import BROKEN, PATIENCE_S, PROGRAM, Case, Port, Service, whole


def make_certificate(path, name):
    """Certificate and key in one file, as the service takes them."""
    done = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=" + name, "-keyout", "-", "-out", "-"],
        capture_output=True, check=True)
    with open(path, "wb") as file:
        file.write(done.stdout)


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.port = Port()
        self.addCleanup(self.port.close)
        self.text = whole(self.port.number)

    def begin(self, text=None):
        self.write("orchestrator.cfg", text or self.text)
        service = Service(self)
        self.addCleanup(service.stop)
        return service

    def reload(self, service, text, result):
        """With another text; what was logged of it."""
        before = len(service.log())
        count = service.log().count("event=config.reload")
        self.write("orchestrator.cfg", text)
        service.process.send_signal(signal.SIGHUP)
        service.await_log("event=config.reload", count + 1)
        said = service.log()[before:]
        self.assertIn("result=" + result, said)
        return said

    def metrics(self):
        url = "http://127.0.0.1:%d/metrics" % self.port.number
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return answer.read().decode()

    def tool(self, script):
        return self.text.replace(
            '{ name = "dlp"; plugin = "dlp"; }',
            '{ name = "dlp"; plugin = "dlp"; }, '
            '{ name = "t"; plugin = "script_rules"; script = "%s"; }' % script)

    def test_a_plugin_that_crashes_is_refused_and_all_goes_on(self):
        service = self.begin()
        for script in ("crash", "compile"):
            said = self.reload(service, self.tool(script), "refused")
            self.assertIn("tools.t.plugin: script_rules: it crashed while", said)
        broken = self.text.replace('plugins = { path = [ ',
                                   'plugins = { path = [ "%s", ' % BROKEN)
        said = self.reload(service, broken.replace('plugin = "dlp"', 'plugin = "crash"'), "refused")
        self.assertRegex(said, r"tools\.dlp\.plugin: crash: it (crashed|ended the program) while it "
                               "was loaded")
        self.assertIn("tools.t: red ?[31m and ?", self.reload(service, self.tool("dirty"), "refused"))
        self.reload(service, self.tool(""), "loaded")
        self.assertEqual(service.stop(), 0)

    def test_a_secret_of_the_environment_is_there_for_each_reload(self):
        os.environ["RELOAD_SECRET"] = "hush-hush"
        self.addCleanup(os.environ.pop, "RELOAD_SECRET")
        text = self.text + 'credentials = ( { name = "k"; env = "RELOAD_SECRET"; } );\n'
        service = self.begin(text)
        self.reload(service, text + 'drain = "3s";\n', "loaded")
        said = self.reload(service, text.replace("RELOAD_SECRET", "RELOAD_ABSENT"), "refused")
        self.assertIn("RELOAD_ABSENT is not set", said)
        self.reload(service, text, "loaded")

    def test_every_reload_is_told(self):
        service = self.begin()
        for _ in range(12):
            self.reload(service, "nonsense", "refused")
        self.assertEqual(service.log().count("event=config.reload"), 12)

    def test_the_metric_names_the_configuration_in_force_and_no_other(self):
        service = self.begin()
        first = re.findall(r"config_info\{digest=\"(\w+)\"\} 1\n", self.metrics())
        said = self.reload(service, self.text + "drain = \"3s\";\n", "loaded")
        second = re.findall(r"config_info\{digest=\"(\w+)\"\} 1\n", self.metrics())
        self.assertEqual((len(first), len(second)), (1, 1))
        self.assertNotEqual(first, second)
        self.assertIn("in_force=" + second[0], said)

    def shown(self):
        return ssl.get_server_certificate(("127.0.0.1", self.port.number)).strip()

    def kept(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return re.search(r"-----BEGIN CERTIFICATE.*END CERTIFICATE-----", file.read(),
                             re.DOTALL).group(0)

    def test_a_renewed_certificate_is_shown_from_then_on(self):
        make_certificate(self.path("server.pem"), "first")
        text = self.text.replace(
            'listen = "127.0.0.1:%d";' % self.port.number,
            'listen = "127.0.0.1:%d"; tls = { certificate = "server.pem"; key = "server.pem"; };'
            % self.port.number)
        service = self.begin(text)
        first = self.kept("server.pem")
        self.assertEqual(self.shown(), first)
        self.write("server.pem", "broken")
        self.assertIn("http.tls: ", self.reload(service, text, "refused"))
        self.assertEqual(self.shown(), first)
        make_certificate(self.path("server.pem"), "second")
        self.reload(service, text, "loaded")
        self.assertNotEqual(self.kept("server.pem"), first)
        self.assertEqual(self.shown(), self.kept("server.pem"))
        make_certificate(self.path("other.pem"), "third")
        self.reload(service, text.replace("server.pem", "other.pem"), "loaded")
        self.assertEqual(self.shown(), self.kept("other.pem"))


class Json(Case):
    def test_the_log_is_json_also_after_a_reload(self):
        self.write("orchestrator.cfg", whole(0))
        service = Service(self, "--json", started='"event":"started"')
        self.addCleanup(service.stop)
        service.process.send_signal(signal.SIGHUP)
        service.await_log('"event":"config.reload"')
        self.assertEqual(service.stop(), 0)
        for line in service.log().splitlines():
            self.assertIn("event", json.loads(line))


class Early(Case):
    def test_a_reload_that_is_asked_for_before_the_start_ends_nothing(self):
        """The program waits in the opening of its configuration, which is a pipe."""
        text = whole(0)
        os.unlink(self.path("orchestrator.cfg"))
        os.mkfifo(self.path("orchestrator.cfg"))
        log = self.path("log")
        with open(log, "wb") as file:
            process = subprocess.Popen([PROGRAM, "run", "-c", self.path("orchestrator.cfg")],
                                       stderr=file, cwd=self.dir, env=self.environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        with open(self.path("orchestrator.cfg"), "w", encoding="utf-8") as pipe:
            process.send_signal(signal.SIGHUP)
            pipe.write(text)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and process.poll() is None:
            with open(log, encoding="utf-8") as file:
                if "event=started" in file.read():
                    break
            time.sleep(0.005)
        self.assertIsNone(process.poll())
        with open(log, encoding="utf-8") as file:
            self.assertIn("event=started", file.read())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=PATIENCE_S), 0)


if __name__ == "__main__":
    unittest.main()
