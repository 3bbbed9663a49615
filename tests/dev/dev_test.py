#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev does what it is told and nothing before it has understood it; the tools are stand-ins here."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAND_IN = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n'
STAND_IN_CTEST = STAND_IN + 'echo "100% tests passed, 0 tests failed out of 1"\n'
STAND_IN_SETARCH = '#!/bin/sh\nshift\nexec "$@"\n'
STAND_IN_DPKG = '#!/bin/sh\nfor word; do printf ":installed:%s:" "$word"; done\n'


class Dev(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orch-dev-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(ROOT / "dev", self.folder)
        self.put("tests/bench/queue_bench.c", "")
        self.put("tests/fuzz/url.c", "")
        self.put("build/bench/queue_bench", STAND_IN)
        self.put("tests/containers.sh", STAND_IN)
        for preset in ("asan", "tsan"):
            (self.folder / "build" / preset).mkdir()
        for name, text in (("cmake", STAND_IN), ("ninja", STAND_IN), ("ctest", STAND_IN_CTEST),
                           ("dpkg-query", STAND_IN_DPKG), ("setarch", STAND_IN_SETARCH)):
            self.put("tools/" + name, text)

    def put(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def dev(self, *words):
        """Exit code, what was said, and which tools were called how."""
        calls = self.folder / "calls"
        calls.write_text("")
        done = subprocess.run(
            [self.folder / "dev", *words], capture_output=True, text=True, check=False,
            env=dict(os.environ, PATH=f"{self.folder}/tools:{os.environ['PATH']}", CALLS=str(calls)))
        return done.returncode, done.stdout + done.stderr, calls.read_text()

    def refused(self, says, *words):
        code, said, calls = self.dev(*words)
        self.assertEqual((code, calls), (2, ""), said)
        self.assertIn(says, said)

    def test_unknown_names_are_refused_before_anything_is_built(self):
        self.refused("queue_bench", "bench", "nonsense")
        self.refused("url", "fuzz", "nonsense")
        self.refused("release, clang, asan, tsan or cov", "build", "nonsense")
        self.refused("there is no command 'nonsense'", "nonsense")

    def test_words_too_many_are_refused(self):
        for words in (("build", "release", "x"), ("lint", "x"), ("test", "a", "b"), ("packages", "x"),
                      ("test", "--quick", "a", "b"), ("test", "--long", "a"), ("fuzz", "url", "1", "x")):
            self.refused("'%s' is too much" % words[-1], *words)
        self.refused("not 'long'", "fuzz", "url", "long")
        self.refused("no option", "test", "--fast")

    def test_names_that_are_known_are_run(self):
        code, said, calls = self.dev("bench", "queue_bench", "7")
        self.assertEqual(code, 0, said)
        self.assertIn("queue_bench 7\n", calls)

    def test_tests_can_be_chosen_by_name(self):
        for words in (("test", "unit.net"), ("test", "--quick", "unit.net")):
            code, said, calls = self.dev(*words)
            self.assertEqual(code, 0, said)
            chosen = [line for line in calls.splitlines() if line.startswith("ctest ")]
            self.assertEqual(len(chosen), 1)
            self.assertTrue(chosen[0].startswith("ctest --preset release "), chosen)
            self.assertTrue(chosen[0].endswith(" -R unit.net"), chosen)

    def test_a_secret_that_a_test_printed_is_a_failure(self):
        log = "build/Testing/Temporary/LastTest.log"
        self.put(log, "an innocent line, 1700000000123 and 14716301661318609\n")
        self.assertEqual(self.dev("test", "--quick")[0], 0)
        for word in ("bot-token-AbC_12-x", "xoxb-123456789", "bench-signing-secret", "4716301661318609"):
            self.put(log, "an innocent line\nit says %s.\n" % word)
            code, said, _ = self.dev("test", "--quick")
            self.assertEqual(code, 1, said)
            self.assertIn("LastTest.log holds what is secret, in line 2", said)
            self.assertIn("\nsecrets were printed\n", said)
            self.assertNotIn(word, said)

    def test_quick_leaves_the_sanitizers_out(self):
        for words, presets in ((("--quick",), ["release"]), ((), ["release", "asan", "tsan"])):
            _, said, calls = self.dev("test", *words)
            self.assertEqual([line.split()[2] for line in calls.splitlines()
                              if line.startswith("ctest ")], presets, said)

    def test_long_plays_the_containers_after_everything_else(self):
        code, said, calls = self.dev("test", "--long")
        self.assertEqual(code, 0, said)
        self.assertEqual(calls.splitlines()[-1], "containers.sh ", said)
        self.assertEqual([line for line in calls.splitlines() if line.startswith("ctest ")][3:],
                         [line for line in calls.splitlines() if line.endswith(" -C long -L seeds")])
        self.assertEqual(calls.count("ctest "), 4)
        self.assertNotIn("containers.sh", self.dev("test")[2])

    def test_containers_that_fail_are_a_failure(self):
        self.put("tests/containers.sh", STAND_IN + "exit 1\n")
        code, said, _ = self.dev("test", "--long")
        self.assertEqual((code, said.splitlines()[-1]), (1, "containers: failed"))

    def test_packages_are_installed_and_nothing_is_built(self):
        self.put("tools/dpkg-query", "#!/bin/sh\necho :installed:gcc:\n")
        self.put("tools/apt-get", STAND_IN)
        self.put("tools/sudo", '#!/bin/sh\nexec "$@"\n')
        code, said, calls = self.dev("packages")
        self.assertEqual(code, 0, said)
        self.assertEqual([line.split()[1] for line in calls.splitlines()], ["update", "install"])
        self.assertIn(" libevent-dev ", calls)
        self.assertNotIn(" gcc ", calls)


if __name__ == "__main__":
    unittest.main()
