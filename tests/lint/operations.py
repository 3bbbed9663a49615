# SPDX-License-Identifier: Apache-2.0
"""What docs/operations.md and docs/monitoring/ say, beside the source that they speak of."""
import json
import pathlib
import re

import yaml

PAGE = pathlib.Path("docs/operations.md")
ALERTS = pathlib.Path("docs/monitoring/alerts.yml")
DASHBOARD = pathlib.Path("docs/monitoring/dashboard.json")

ROW = re.compile(r"^\| `(orchestrator_\w+)` \| (?:counter|gauge|histogram) \| ([^|]*)\|", re.MULTILINE)
METRIC = re.compile(r'"(orchestrator_[a-z0-9_]+)"')
LABEL = re.compile(r'\{\s*"(\w+)",')
EVENT = re.compile(r'"([a-z_]+(?:\.[a-z_]+)*)"')
ALARM = re.compile(r'"([a-z]+(?:_[a-z]+)+)"')
ACTION = re.compile(r'"((?:Get|Create|Send|Receive|Delete|Change|Purge|Set|Start|List)[A-Z]\w+)"')
ADDED_BY_PROMETHEUS = {"job", "instance", "le"}
PAIRS = {")": "(", "]": "[", "}": "{"}


def operations(tree):
    """All metrics, alerts and permissions are described, and nothing else is."""
    if not (tree.root / PAGE).exists():
        return
    page = tree.text(PAGE)
    series = series_of(tree)
    yield from compare_metrics(page, series)
    yield from compare_run_book(tree, page)
    yield from compare_permissions(tree, page)
    yield from links(tree, page)
    yield from alerts(tree, page, series)
    yield from dashboard(tree, series)


def statement(tree, path, start):
    """From START to the end of the statement, literals included."""
    return tree.text(path)[start:tree.code(path).find(";", start)]


def series_of(tree):
    """{name: its labels} of what the core counts."""
    found = {}
    for path in tree.c_files("core"):
        text, code = tree.text(path), tree.code(path)
        for match in METRIC.finditer(text):
            line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
            if code[match.start()] != '"' or line.startswith("#define"):
                continue  # in a comment, or the name of something else
            labels = set(LABEL.findall(statement(tree, path, match.end())))
            variable = re.search(r"\bchar (\w+)\[\] = $", text[:match.start()])
            for use in re.finditer(rf"\b{variable.group(1)}\b", code) if variable else ():
                labels |= set(LABEL.findall(statement(tree, path, use.end())))
            found.setdefault(match.group(1), set()).update(labels)
    return found


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def compare_metrics(page, series):
    documented = {}
    for match in ROW.finditer(page):
        name, labels = match.group(1), set(re.findall(r"\w+", match.group(2)))
        where = f"{PAGE}:{line_of(page, match.start())}"
        if name in documented:
            yield f"{where}: {name} stands in the tables twice"
        elif name not in series:
            yield f"{where}: the program has no metric {name}"
        elif labels != series[name]:
            yield f"{where}: {name} has the labels {sorted(series[name])}"
        documented[name] = labels
    for name in sorted(series.keys() - documented.keys()):
        yield f"{PAGE}:1: the metric {name} is in no table"


def chapter(page, level, title):
    """The text under a heading, up to the next one of its level."""
    found = re.search(rf"^{level} {re.escape(title)}$(.*?)(?=^#{{1,{len(level)}}} |\Z)", page, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def calls(tree, top, pattern):
    for path in tree.c_files(top):
        for match in re.finditer(pattern, tree.code(path)):
            yield path, line_of(tree.text(path), match.start()), statement(tree, path, match.end())


def compare_run_book(tree, page):
    book = chapter(page, "##", "Run book")
    for path, line, text in calls(tree, "core", r"\borch_log\("):
        names = EVENT.findall(text.split("ORCH_LOG_STRING(")[0].split("ORCH_LOG_TEXT(")[0].split("ORCH_LOG_INT(")[0])
        for name in names if "ORCH_LOG_ALERT" in text else ():
            if f"`{name}`" not in book:
                yield f"{path}:{line}: the run book in {PAGE} says nothing of {name}"
    for path, line, text in calls(tree, "plugins", r"alarm\("):
        for name in ALARM.findall(text):
            if f"`{name}`" not in book:
                yield f"{path}:{line}: the run book in {PAGE} says nothing of the alarm {name}"


def compare_permissions(tree, page):
    """A batch is allowed by the single action's name."""
    called = {name.removesuffix("Batch") for path in tree.c_files("core/queue")
              for name in ACTION.findall(tree.text(path))}
    granted = set(re.findall(r'"sqs:(\w+)"', page))
    if called != granted:
        yield (f"{PAGE}:1: the policy grants {sorted(granted - called)} that nobody calls, "
               f"and lacks {sorted(called - granted)}")


def anchors(page):
    """As GitHub makes them of headings."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-"): title
            for title in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}


def links(tree, page):
    for match in re.finditer(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page):
        target, anchor = match.groups()
        where = f"{PAGE}:{line_of(page, match.start())}"
        if target and not (tree.root / PAGE.parent / target).exists():
            yield f"{where}: there is no {target}"
        elif anchor and not target and anchor not in anchors(page):
            yield f"{where}: there is no heading #{anchor}"


def alerts(tree, page, series):
    try:
        rules = [rule for group in yaml.safe_load(tree.text(ALERTS))["groups"] for rule in group["rules"]]
    except (OSError, yaml.YAMLError, TypeError, KeyError) as problem:
        yield f"{ALERTS}:1: {problem!r}"
        return
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        where = f"{ALERTS}:1: {rule.get('alert') or rule.get('record')}"
        yield from (f"{where}: {problem}" for problem in expression(rule.get("expr", ""), series, recorded))
        if "alert" in rule:
            yield from (f"{where}: {problem}" for problem in entry(rule, page))
    named = set(re.findall(r"\bOrchestrator[A-Z]\w*", page))
    for name in sorted(named - {rule.get("alert") for rule in rules}):
        yield f"{PAGE}:1: there is no alert {name}"


def entry(rule, page):
    """Has the alert all that whoever is paged needs?"""
    notes = rule.get("annotations", {})
    target, _, anchor = notes.get("runbook", "").partition("#")
    if rule.get("labels", {}).get("severity") not in ("page", "ticket"):
        yield "its severity is neither page nor ticket"
    if not notes.get("summary"):
        yield "it has no summary"
    if target != str(PAGE) or anchor not in anchors(page):
        yield f"its runbook leads nowhere: {notes.get('runbook')}"
    elif rule["alert"] not in chapter(page, "###", anchors(page)[anchor]):
        yield f"#{anchor} does not speak of it"


def expression(text, series, recorded):
    """Not a parser: brackets, and names of metrics and of their labels."""
    if not text.strip():
        yield "it has no expression"
    if not is_balanced(re.sub(r'"(?:\\.|[^"\\])*"', '""', text)):
        yield "its brackets do not match"
    for match in re.finditer(r"\b(orchestrator_[a-z0-9_]+)\s*(\{[^}]*\})?", text):
        name = match.group(1)
        if name not in series:
            name = re.sub(r"_(bucket|sum|count)$", "", name)
        if name not in series:
            yield f"the program has no metric {match.group(1)}"
            continue
        for label in re.findall(r'(\w+)\s*[=!]~?\s*"', match.group(2) or ""):
            if label not in series[name] | ADDED_BY_PROMETHEUS:
                yield f"{name} has no label {label}"
    for name in re.findall(r"\borchestrator:[\w:]+", text):
        if name not in recorded:
            yield f"nothing records {name}"


def is_balanced(text):
    open_ones = []
    for character in text:
        if character in PAIRS.values():
            open_ones.append(character)
        elif character in PAIRS and (not open_ones or open_ones.pop() != PAIRS[character]):
            return False
    return not open_ones


def dashboard(tree, series):
    try:
        panels = json.loads(tree.text(DASHBOARD))["panels"]
        recorded = set(re.findall(r"record: (\S+)", tree.text(ALERTS)))
        shown = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    except (OSError, ValueError, TypeError, KeyError) as problem:
        yield f"{DASHBOARD}:1: {problem!r}"
        return
    for title, text in shown:
        yield from (f"{DASHBOARD}:1: {title}: {problem}" for problem in expression(text, series, recorded))
