#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Installs into an empty folder and builds the model plugin there, far from this tree.

    install_test.py SOURCE_DIR BUILD_DIR [unittest's arguments]
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:3])
MODEL = SOURCE / "plugins/tools/keyword/keyword.c"


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert result.returncode == 0, f"{command}: {result.stdout}"
    return result.stdout.strip()


class Installed(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="orch-install-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.prefix = self.folder / "prefix"
        run("cmake", "--install", BUILD, "--prefix", self.folder / "first")
        # Moved after the installation: nothing may have remembered the old place.
        (self.folder / "first").rename(self.prefix)
        self.environment = {**os.environ, "PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")}
        self.model = shutil.copy(MODEL, self.folder / "keyword.c")

    def pkg_config(self, *arguments):
        return run("pkg-config", *arguments, "orchestrator", env=self.environment)

    def verify(self, plugin):
        """The installed program accepts the plugin, and it exports its descriptor and no more."""
        exported = run("nm", "-D", "--defined-only", plugin)
        self.assertEqual([line.split()[-1] for line in exported.split("\n")], ["orch_plugin"])
        run(self.prefix / "bin/orchestrator", "plugin", "verify", plugin)

    def test_layout_is_complete(self):
        for name in ("bin/orchestrator", "include/orch/abi.h", "lib/pkgconfig/orchestrator.pc",
                     "lib/orchestrator/plugins/keyword.so", "etc/orchestrator/orchestrator.cfg",
                     "etc/orchestrator/rules.json",
                     "share/doc/orchestrator/config/orchestrator.cfg",
                     "share/doc/orchestrator/config/examples/slack-dlp.cfg",
                     "share/doc/orchestrator/config/examples/slack-dlp-aws.cfg",
                     "lib/cmake/orchestrator/orchestratorConfig.cmake", "share/doc/orchestrator/LICENSE"):
            self.assertTrue((self.prefix / name).is_file(), name)
        built = {path.name for path in (BUILD / "plugins").glob("*.so")}
        installed = {path.name for path in (self.prefix / "lib/orchestrator/plugins").iterdir()}
        self.assertEqual(installed, built)
        for plugin in (self.prefix / "lib/orchestrator/plugins").iterdir():
            run(self.prefix / "bin/orchestrator", "plugin", "verify", plugin)

    def program(self, *arguments, **more):
        kept = {k: v for k, v in os.environ.items() if k != "ORCHESTRATOR_CONFIG"}
        return run(self.prefix / "bin/orchestrator", *arguments, env={**kept, **more})

    def test_config_is_found_beside_the_program_and_is_right(self):
        secrets = {"SLACK_%s" % name: "x" * 32 for name in ("SIGNING_SECRET", "BOT_TOKEN", "ADMIN_TOKEN")}
        self.assertIn(" is right: ", self.program("check", **secrets))
        (self.prefix / "etc/orchestrator/orchestrator.cfg").write_text("colour = 1;\n")
        with self.assertRaisesRegex(AssertionError, "unknown key \"colour\""):
            self.program("check", **secrets)

    def test_config_keeps_its_state_where_state_belongs(self):
        self.program("rule", "import", self.prefix / "etc/orchestrator/rules.json")
        self.assertTrue((self.prefix / "var/lib/orchestrator/orchestrator.db").is_file())
        self.assertEqual([path.name for path in (self.prefix / "etc").iterdir()], ["orchestrator"])

    def test_config_that_was_edited_stays(self):
        etc, shipped = self.prefix / "etc/orchestrator", self.prefix / "share/doc/orchestrator/config"
        (etc / "orchestrator.cfg").write_text("edited")
        (etc / "rules.json").unlink()
        (shipped / "rules.json").write_text("old")
        run("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.assertEqual((etc / "orchestrator.cfg").read_text(), "edited")
        self.assertIn("state_dir", (shipped / "orchestrator.cfg").read_text())
        for rules in (etc / "rules.json", shipped / "rules.json"):
            self.assertEqual(rules.read_text(), (SOURCE / "config/rules.json").read_text())

    def test_config_of_usr_is_in_etc(self):
        run("cmake", "--install", BUILD, "--prefix", "/usr",
            env={**os.environ, "DESTDIR": str(self.folder / "image")})
        self.assertTrue((self.folder / "image/etc/orchestrator/orchestrator.cfg").is_file())
        self.assertFalse((self.folder / "image/usr/etc").exists())

    def test_config_is_not_needed_to_look_at_plugins(self):
        shutil.rmtree(self.prefix / "etc")
        self.assertIn("keyword", self.program("plugin", "list"))
        self.assertIn("severity", self.program("plugin", "show", "keyword"))

    def readme_steps(self):
        """The commands for a real workspace; what is the system's there is in our folder here."""
        section = (SOURCE / "README.md").read_text().split("\n## Connecting a Slack workspace\n")[1]
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", section.split("\n## ")[0], re.M | re.S)
        return [self.in_our_folder(line.strip()) for block in blocks for line in block.splitlines()]

    def in_our_folder(self, text):
        for system, ours in (("/usr", self.prefix), ("/etc/", f"{self.prefix}/etc/"),
                             ("/var/", f"{self.folder}/var/"), ("install build", f"install {BUILD}")):
            text = text.replace(system, str(ours))
        return text

    def test_readme_leads_to_a_configuration_that_is_right(self):
        shutil.rmtree(self.prefix)
        kept = {k: v for k, v in os.environ.items() if k != "ORCHESTRATOR_CONFIG"}
        environment = {**kept, "PATH": f"{self.prefix}/bin:{os.environ['PATH']}"}
        steps = self.readme_steps()
        self.assertEqual(steps[-1], "orchestrator check")
        for step in steps:
            if step.startswith("orchestrator "):
                config = self.prefix / "etc/orchestrator/orchestrator.cfg"
                config.write_text(self.in_our_folder(config.read_text()))
            said = run("bash", "-c", step, cwd=SOURCE, env=environment, input="hush-hush-hush\n")
        self.assertIn("orchestrator.cfg is right: 1 inputs, 1 tools, 2 actions", said)
        secrets = list((self.prefix / "etc/orchestrator/secrets").iterdir())
        self.assertEqual([path.stat().st_mode & 0o777 for path in secrets], [0o600] * 3)
        for path in re.findall(r'"(/[^"]*)"', config.read_text()):
            if not path.startswith("/slack"):  # that one is of a URL
                self.assertTrue(pathlib.Path(path).is_dir() or pathlib.Path(path).parent.is_dir(), path)

    def test_pkgconfig_builds_a_plugin_outside_this_tree(self):
        for compiler in ("gcc", "clang-14"):
            flags = self.pkg_config("--cflags").split()
            plugin = self.folder / "keyword.so"
            run(compiler, *flags, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                "-fvisibility=hidden", "-shared", "-fPIC", self.model, "-o", plugin, cwd=self.folder)
            self.verify(plugin)

    def test_pkgconfig_tells_folder_and_abi(self):
        plugins = pathlib.Path(self.pkg_config("--variable=plugindir")).resolve()
        self.assertTrue((plugins / "keyword.so").is_file())
        header = (SOURCE / "core/include/orch/abi.h").read_text()
        major, minor = self.pkg_config("--variable=abi_version").split(".")
        self.assertIn(f"#define ORCH_ABI_MAJOR {major}u\n", header)
        self.assertIn(f"#define ORCH_ABI_MINOR {minor}u\n", header)

    def test_cmake_builds_and_installs_a_plugin_outside_this_tree(self):
        project = shutil.copytree(SOURCE / "tests/install/outside", self.folder / "outside")
        build = self.folder / "outside-build"
        run("cmake", "-S", project, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DSOURCE={self.model}")
        run("cmake", "--build", build)
        self.verify(build / "keyword.so")
        shutil.rmtree(self.prefix / "lib/orchestrator/plugins")
        run("cmake", "--install", build)
        self.assertTrue((self.prefix / "lib/orchestrator/plugins/keyword.so").is_file())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
