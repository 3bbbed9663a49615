# SPDX-License-Identifier: Apache-2.0
"""A test on a site of its own, and what must be true after every one."""
import contextlib
import json
import os
import re
import unittest

from cloud import Cloud
from hosts import SECRET_FILES, Site

import harness

LOG_LINES = 40
SANITIZERS = ("AddressSanitizer", "runtime error:", "LeakSanitizer", "ThreadSanitizer")


class Case(unittest.TestCase):
    open_calls = None  # of AWS's stand-in, see there

    @classmethod
    def setUpClass(cls):
        cls.cloud = Cloud(cls.open_calls)
        cls.addClassCleanup(cls.cloud.close)

    @contextlib.contextmanager
    def site(self, given=None):
        site = Site(self.cloud, given)
        try:
            yield site
            check(self, site)
        except BaseException:
            show_logs(site)
            raise
        finally:
            site.close()


def show_logs(site):
    for path in [path for host in site.hosts for path in host.log_paths]:
        print("the end of %s:" % os.path.relpath(path, site.folder))
        print("".join("    %s\n" % line for line in harness.read_text(path).splitlines()[-LOG_LINES:]))


def check(case, site):
    for host, code in site.stop():
        case.assertEqual(code, 0, "exit after SIGTERM: " + host.log_prefix)
    ledger = site.ledger()
    case.assertEqual(ledger["imbalance"], 0, ledger)
    for host in site.hosts:
        check_log(case, site, host)
    check_leaks(case, site)


def check_log(case, site, host):
    for line in host.log_lines():
        if line.get("level") in ("error", "alert"):
            case.assertTrue(any(known.items() <= line.items() for known in site.explained),
                            "nobody expected " + json.dumps(line))
    for path in host.log_paths + [site.sim.log_path]:
        text = harness.read_text(path)
        for sign in SANITIZERS:
            case.assertNotIn(sign, text)


def needles(site):
    """What was given in confidence: secrets, what people wrote, and long numbers in it."""
    yield from site.given.all()
    for text in site.texts:
        yield from (piece for piece in (text, *re.findall(r"[0-9]{10,}", text)) if len(piece) >= 10)


def produced(site):
    """(where, bytes) of all that the hosts left behind or showed."""
    for folder, _, names in os.walk(site.folder):
        for name in set(names) - set(SECRET_FILES):
            path = os.path.join(folder, name)
            if not os.path.isfile(path):
                continue  # a socket
            with open(path, "rb") as file:
                yield path, file.read()
    for host in site.hosts:
        for output in host.outputs:
            yield "the output of " + output.split("\n", 1)[0], output.encode()
    rows = site.sql("SET xmlbinary = hex; SELECT schema_to_xml('public', true, false, '')")
    yield "the database", rows.encode()
    for url in site.cloud.sqs.list_queues(QueueNamePrefix=site.prefix).get("QueueUrls", []):
        for message in site.queue(url.rsplit("/", 1)[1][len(site.prefix):]).look():
            yield "SQS", json.dumps(message).encode()


def check_leaks(case, site):
    wanted = {form for needle in needles(site)
              for form in (needle.encode(), needle.encode().hex().upper().encode())}
    for where, data in produced(site):
        for needle in wanted:
            case.assertNotIn(needle, data, "a secret or a text in " + where)
