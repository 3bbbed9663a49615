#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each check is shown a small tree with one fault of its kind, and must find that and nothing in the
same tree without it."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1]))
from lint import binary, operations, source, tools  # noqa: E402
from lint.tree import Tree  # noqa: E402

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
SOUND = LICENCE + '#include "base/a.h"\n\nint twice(int number)\n{\n\treturn 2 * number;\n}\n'
SOUND_HEADER = LICENCE + "#ifndef A_H\n#define A_H\n\nint twice(int number);\n\n#endif\n"

METRIC_AND_ALERT = """
void f(void)
{
	orch_metric(0, "orchestrator_x_total", "a; b", { "queue", name });
	/* "orchestrator_no_total" */
	orch_log(ORCH_LOG_ALERT, "queue.bad", ORCH_LOG_STRING("error", text));
	orch_log(ORCH_LOG_INFO, "queue.good");
	call("SendMessageBatch");
}
"""
PAGE = """# Operations

[alerts](monitoring/alerts.yml), [what to do](#a-fault), "sqs:SendMessage"

| `orchestrator_x_total` | counter | queue | | |

## Run book

### A fault

OrchestratorX, `queue.bad`, `a_b`

## After it
"""
ALERTS = """
groups:
  - name: all
    rules:
      - { record: "orchestrator:r5m", expr: 'sum(rate(orchestrator_x_total{queue="a"}[5m]))' }
      - alert: OrchestratorX
        expr: orchestrator:r5m > 0
        labels: { severity: page }
        annotations: { summary: it is so, runbook: docs/operations.md#a-fault }
"""
DASHBOARD = '{"panels": [{"title": "X", "targets": [{"expr": "sum(rate(orchestrator_x_total[5m]))"}]}]}'


class Lint(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="orch-lint-"))
        self.addCleanup(shutil.rmtree, self.root)
        for name in (".clang-format", ".clang-tidy", "tests/lint/analyzer.h", "tests/lint/cppcheck.h",
                     "core/include/orch/abi.h"):
            self.put(name, (HERE.parents[2] / name).read_text())
        self.put("core/base/a.c", SOUND)
        self.put("core/base/a.h", SOUND_HEADER)

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def finds(self, check, name, text, *words):
        """Nothing before, and afterwards one finding at least, which names the file and WORDS."""
        self.assertEqual(list(check(Tree(self.root))), [])
        self.put(name, text)
        found = list(check(Tree(self.root)))
        self.assertTrue(found, f"{check.__name__} is blind to {text!r}")
        for word in (name, *words):
            self.assertIn(word, "\n".join(found))

    def accepts(self, check, name, text):
        self.put(name, text)
        self.assertEqual(list(check(Tree(self.root))), [])

    def test_levels_refuse_an_include_that_goes_up(self):
        self.put("core/net/n.h", LICENCE)
        self.finds(source.levels, "core/base/b.c", LICENCE + '#include "net/n.h"\n', "base/ must not know net/")

    def test_levels_refuse_neighbours_that_must_not_know_each_other(self):
        self.finds(source.levels, "core/store/s.c", LICENCE + '#include "queue/queue.h"\n', ":2:")

    def test_levels_refuse_the_core_in_a_plugin(self):
        self.finds(source.levels, "plugins/tools/t/t.c", '#include "base/a.h"\n', "a plugin includes")

    def test_levels_refuse_sockets_in_a_plugin(self):
        self.finds(source.levels, "plugins/tools/t/t.c", "#include <sys/socket.h>\n", "leaves this to the core")

    def test_levels_refuse_a_folder_without_a_level(self):
        self.finds(source.levels, "core/attic/x.c", '#include "base/a.h"\n', "has no level")

    def test_levels_refuse_the_core_in_a_public_header(self):
        self.finds(source.levels, "core/include/orch/x.h", '#include "base/a.h"\n', "a public header")

    def test_levels_accept_what_lies_below(self):
        self.accepts(source.levels, "core/stage/s.c", '#include "queue/queue.h"\n#include "base/a.h"\n')

    def test_banned_calls_are_found(self):
        for name in " ".join(source.BANNED).split():
            with self.subTest(name=name):
                self.assertTrue(self.banned_in("core/base/x.c", f"\tif ({name}(a, b))\n"))

    def test_banned_calls_find_bare_memory(self):
        for name in source.ALLOCATORS.split():
            with self.subTest(name=name):
                self.assertTrue(self.banned_in("core/base/x.c", f"\tx = {name}(a);\n"))

    def test_banned_calls_find_what_goes_past_a_seam(self):
        for names in source.SEAMS:
            for name in names.split():
                with self.subTest(name=name):
                    self.assertTrue(self.banned_in("core/db/x.c", f"\tx = {name}(a);\n"))
                    self.assertEqual(self.banned_in("core/db/x.c", f"\torch_path_{name}(a);\n"), [])
                    self.assertEqual(self.banned_in("core/base/x.c", f"\tx = {name}(a);\n"), [])

    def test_banned_calls_let_their_like_pass(self):
        text = ('\t/* strcpy(a, b) */ snprintf(a, 2, "gets(x)");\n\thost->free(a); table.system(a);\n'
                "\tmy_system(a); orch_free(a); strtok_r(a);\n")
        self.assertEqual(self.banned_in("core/base/x.c", text), [])
        self.assertEqual(self.banned_in(source.ALLOCATOR_HOME, "\tfree(a);\n"), [])

    def banned_in(self, name, text):
        self.put(name, text)
        return list(source.banned(Tree(self.root)))

    def test_style_refuses_line_comments(self):
        self.finds(source.style, "core/base/b.c", "int a; // one\n", ":1:")
        self.put("core/base/b.c", "const char *url = \"http://x\"; /* http://y */\n")
        self.assertEqual(list(source.style(Tree(self.root))), [])

    def test_style_refuses_typedefs_of_structs(self):
        self.finds(source.style, "core/base/b.h", "typedef struct x { int a; } x;\n", "no typedef")
        self.accepts(source.style, "core/base/b.h", "typedef struct x (*f)(int a);\n")

    def test_style_refuses_a_goto_that_goes_back(self):
        self.finds(source.style, "core/base/b.c", "void f(void)\n{\nagain:\n\tgoto again;\n}\n", ":4:")

    def test_files_are_limited(self):
        self.finds(source.file_lengths, "core/base/b.c", "\n" * 601, "601 lines")
        self.accepts(source.file_lengths, "core/base/b.c", "\n" * 600)
        self.finds(source.file_lengths, "tests/sim/b.py", "\n" * 601, "601 lines")

    def test_functions_are_limited(self):
        self.finds(tools.function_lengths, "core/base/b.c", function("long_one", 81), "long_one() has 81 lines")
        self.accepts(tools.function_lengths, "core/base/b.c", function("long_one", 80) + SOUND * 3)

    def test_the_median_function_is_limited(self):
        text = "".join(function(f"f{number}", 16) for number in range(3))
        self.assertEqual(list(tools.function_lengths(Tree(self.root))), [])
        self.put("core/base/b.c", text)
        self.assertIn("median", "".join(tools.function_lengths(Tree(self.root))))

    def test_licence_is_the_first_line(self):
        self.finds(source.licence, "core/base/b.c", "\n" + LICENCE, ":1:")
        self.accepts(source.licence, "core/base/b.c", LICENCE)
        self.accepts(source.licence, "x.py", "#!/usr/bin/env python3\n# SPDX-License-Identifier: Apache-2.0\n")

    def test_words_are_found(self):
        for word in ("FIX" + "ME", "TO" + "DO", "/wor" + "k/main", "/tmp/" + "w/x", "is" + "sue 12"):
            with self.subTest(word=word):
                self.put("docs/x.md", f"see {word}\n")
                self.assertTrue(list(source.words(Tree(self.root))))
        self.accepts(source.words, "docs/x.md", "a network/work queue at workplace, an issue\n")

    def test_headers_stand_alone(self):
        self.finds(tools.headers, "core/base/b.h", LICENCE + "size_t size_of_it(void);\n", "size_t")

    def test_public_headers_are_strict_c_and_cpp(self):
        self.finds(tools.headers, "core/include/orch/x.h", LICENCE + "int f(int class);\n", "g++", "clang++-14")
        self.put("core/include/orch/x.h", LICENCE + "struct x { int a; char tail[0]; };\n")
        self.assertIn("gcc", "".join(tools.headers(Tree(self.root))))

    def test_format_is_checked(self):
        self.finds(tools.clang_format, "core/base/b.c", LICENCE + "int  a( void );\n", ":2:")

    def test_shell_is_checked(self):
        self.finds(tools.shell, "x.sh", "#!/bin/sh\nrm $1\n", "SC2086")

    def put_operations(self):
        """A page that says all, and monitoring that knows it."""
        self.put("core/queue/q.c", LICENCE + METRIC_AND_ALERT)
        self.put("plugins/inputs/i/i.c", LICENCE + 'void f(void)\n{\n\thost->alarm(host, "a_b", "why: %s", why);\n}\n')
        self.put("docs/operations.md", PAGE)
        self.put("docs/monitoring/alerts.yml", ALERTS)
        self.put("docs/monitoring/dashboard.json", DASHBOARD)

    def finds_in_operations(self, name, old, new, *words):
        self.put_operations()
        text = (self.root / name).read_text()
        self.assertIn(old, text)
        self.finds(operations.operations, name, text.replace(old, new), *words)

    def test_operations_miss_a_metric_and_its_labels(self):
        row = "| `orchestrator_x_total` | counter | queue | | |\n"
        page = "docs/operations.md"
        self.finds_in_operations(page, row, "", "orchestrator_x_total is in no table")
        self.finds_in_operations(page, row, row + row, "twice")
        self.finds_in_operations(page, row, row.replace("queue", "action"), "has the labels ['queue']")
        self.finds_in_operations(page, row, row + row.replace("_x_", "_y_"), "no metric orchestrator_y_total")

    def test_operations_find_a_metric_whose_name_stands_apart(self):
        self.put_operations()
        self.put("core/queue/q.c", LICENCE + METRIC_AND_ALERT.replace(
            'orch_metric(0, "orchestrator_x_total", "a; b", ',
            'static const char name[] = "orchestrator_x_total";\n\torch_metric(0, name, "a; b", '))
        self.assertEqual(list(operations.operations(Tree(self.root))), [])

    def test_operations_miss_what_to_do_about_an_alert(self):
        page = "docs/operations.md"
        self.finds_in_operations(page, "`queue.bad`", "", "nothing of queue.bad")
        self.finds_in_operations(page, "`a_b`", "", "the alarm a_b")
        self.finds_in_operations(page, "### A fault", "### A mishap", "leads nowhere")
        self.finds_in_operations(page, "OrchestratorX", "OrchestratorY", "no alert OrchestratorY", "#a-fault does not speak")
        self.finds_in_operations(page, "(#a-fault)", "(#nowhere)", "no heading #nowhere")
        self.finds_in_operations(page, "(monitoring/alerts.yml)", "(monitoring/gone.yml)", "no monitoring/gone.yml")

    def test_operations_compare_permissions_with_calls(self):
        page = "docs/operations.md"
        self.finds_in_operations(page, "sqs:SendMessage", "sqs:PurgeQueue", "['PurgeQueue']", "['SendMessage']")

    def test_operations_look_into_alerts(self):
        for old, new, word in (("x_total{", "z_total{", "no metric orchestrator_z_total"), ("{queue=", "{colour=", "no label colour"),
                               ("sum(", "sum((", "brackets"), ("page }", "shout }", "severity"), ("groups:", "groups: [", "Error"),
                               ("orchestrator:r5m >", "orchestrator:r6m >", "nothing records")):
            with self.subTest(old=old):
                self.finds_in_operations("docs/monitoring/alerts.yml", old, new, word)

    def test_operations_look_into_the_dashboard(self):
        name = "docs/monitoring/dashboard.json"
        self.finds_in_operations(name, "x_total", "z_total", "no metric orchestrator_z_total")
        self.finds_in_operations(name, "}]", "}", "Error")

    def test_cppcheck_runs(self):
        self.finds(tools.cppcheck, "core/base/b.c", "int f(void);\nint f(void)\n{\n\tint a[2] = { 0 };\n\treturn a[2];\n}\n",
                   "arrayIndexOutOfBounds")

    def test_cppcheck_understands_our_macros(self):
        self.put("core/base/m.h", LICENCE + "#define log(a, ...) "
                 "put((struct f[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })\n"
                 "#define orch_assert(condition) \\\n\t((condition) ? (void)0 : die())\n")
        self.accepts(tools.cppcheck, "core/base/b.c", '#include "base/m.h"\n'
                     "void f(void)\n{\n\tlog(1);\n\tlog(1, { 2 }, { 3 });\n\tcount(log(1), 2);\n"
                     "\tint i = 0;\n\tint a[2] = { 0 };\n\twhile (i < 2 && a[i])\n\t\ti++;\n"
                     "\torch_assert(i < 2);\n\ta[i] = 1;\n}\n")

    def test_tidy_runs_and_remembers(self):
        self.put("build/compile_commands.json",
                 f'[{{"file": "{self.root}/core/base/b.c", "command": "gcc -I{self.root}/core -I{self.root}/core/include"}}]')
        self.put("core/base/b.c", SOUND)
        self.finds(tools.clang_tidy, "core/base/b.c",
                   SOUND + "\nint f(int *a);\nint f(int *a)\n{\n\tif (a == 0)\n\t\treturn *a;\n\treturn 0;\n}\n", "NullDereference")
        self.assertEqual(len(list((self.root / "build/lint/tidy").iterdir())), 1)

    def test_tidy_in_parts_looks_at_each_file_in_one(self):
        names = [f"{self.root}/core/base/{name}.c" for name in ("b", "c", "d", "e", "f")]
        self.put("build/compile_commands.json",
                 json.dumps([{"file": name, "command": f"gcc -I{self.root}/core/include"} for name in names]))
        for name in names:
            pathlib.Path(name).write_text("int f(int *a);\nint f(int *a)\n{\n\treturn a ? 0 : *a;\n}\n")
        found = [list(tools.clang_tidy(Tree(self.root, part=(number, 2)))) for number in (1, 2)]
        named = [set(re.findall(r"/(\w)\.c:", "\n".join(part))) for part in found]
        self.assertEqual(named, [{"b", "d", "f"}, {"c", "e"}])

    def test_tidy_believes_orch_fail(self):
        self.put("build/compile_commands.json",
                 f'[{{"file": "{self.root}/core/base/b.c", "command": "gcc -I{self.root}/core -I{self.root}/core/include"}}]')
        self.accepts(tools.clang_tidy, "core/base/b.c", LICENCE + (
            "#include <orch/abi.h>\n\nstatic int get(int a, int *ret_b, struct orch_err *err)\n{\n\tif (a < 2)\n"
            "\t\treturn orch_fail(err, ORCH_E_INVALID, \"%d\", a);\n\t*ret_b = a;\n\treturn ORCH_OK;\n}\n\n"
            "int f(int a, struct orch_err *err);\nint f(int a, struct orch_err *err)\n{\n\tint b;\n\tint rc = get(a, &b, err);\n\n"
            "\tif (rc != ORCH_OK)\n\t\treturn rc;\n\treturn b + 1;\n}\n"))

    def test_globals_are_found_and_can_be_allowed(self):
        self.library("static int counter;\nstatic _Thread_local int own;\nint *f(void);\nint *f(void)\n{\n"
                     "\tstatic int kept;\n\tcounter++;\n\town++;\n\treturn &kept;\n}\n"
                     "const char *const names[] = { \"a\" };\n")
        found = "\n".join(binary.globals_(Tree(self.root)))
        for name in ("counter", "own", "kept"):
            self.assertIn(f"'{name}' is a global", found)
        self.assertNotIn("names", found)
        self.put("core/README.md", "## Globals\n\nOne (`base/b.c`).\n")
        self.assertEqual(list(binary.globals_(Tree(self.root))), [])
        self.put("core/README.md", "## Globals\n\nTwo (`base/b.c`, `base/a.c`).\n\n## Else\n\n`base/c.c`\n")
        self.assertEqual(["core/README.md:1: names base/a.c for its globals, but it has none"],
                         list(binary.globals_(Tree(self.root))))

    def library(self, text):
        self.put("core/base/b.c", text)
        (self.root / "build/core").mkdir(parents=True)
        subprocess.run(["gcc", "-fPIC", "-c", "core/base/b.c", "-o", "build/b.c.o"], cwd=self.root, check=True)
        subprocess.run(["ar", "rcs", "build/core/liborch_base.a", "build/b.c.o"], cwd=self.root, check=True)

    def test_hardening_is_looked_for(self):
        self.assertEqual(list(binary.hardening(Tree(self.root))), [])
        (self.root / "build/bin").mkdir(parents=True)
        self.put("main.c", "int main(void)\n{\n\treturn 0;\n}\n")
        subprocess.run(["gcc", "-no-pie", "-z", "norelro", "-z", "lazy", "-z", "execstack", "-Wl,-rpath,/x", "main.c", "-o",
                        "build/bin/orchestrator"], cwd=self.root, check=True, stderr=subprocess.DEVNULL)
        found = "\n".join(binary.hardening(Tree(self.root)))
        for lack in ("position independent", "RELRO", "bound late", "executable", "RPATH", "stack protector", "FORTIFY"):
            self.assertIn(lack, found)


def function(name, lines):
    return f"int {name}(void)\n{{\n" + "\t;\n" * (lines - 4) + "\treturn 0;\n}\n"


if __name__ == "__main__":
    unittest.main()
