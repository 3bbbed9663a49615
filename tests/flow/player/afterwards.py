# SPDX-License-Identifier: Apache-2.0
"""What must be true after every flow, whatever it was about."""
import json
import os
import re

from harness import Failed, poll
from player.expects import fits


def check(world):
    orchestrator = world.orchestrator
    if orchestrator.is_running():
        world.settle()
    for again in world.claims.values():
        again()
    if os.path.exists(os.path.join(world.state_dir, "orchestrator.db")):
        check_ledger(world)
    if orchestrator.is_running():
        check_running(world)
    check_log(world)
    check_traces(world)
    check_leaks(world)


def check_ledger(world):
    ledger, queues = world.orchestrator.queues()
    if ledger["imbalance"] != 0:
        raise Failed("a ledger that balances", json.dumps(ledger))
    if ledger["in_flight"] != 0:
        raise Failed("nothing left in flight", json.dumps(queues))
    for name, queue in queues.items():
        if queue["dead"] != world.dead.get(name, 0):
            raise Failed("%d dead letters in %s" % (world.dead.get(name, 0), name), json.dumps(
                world.orchestrator.json_lines("queue", "peek", "--dead", name)))


def check_running(world):
    def balance():
        metrics = world.metrics()
        refused = sum(v for _, v in metrics.get("orchestrator_metric_series_refused_total", []))
        series = metrics.get("orchestrator_ledger_imbalance", [])
        return all(value == 0 for _, value in series) and refused == 0, series

    poll("metric orchestrator_ledger_imbalance 0, and no series refused", balance)
    world.note_process()
    check_dumps(world)
    check_leaks(world)  # while the write-ahead log is still there
    code = world.orchestrator.stop()
    if code != 0:
        raise Failed("exit 0 after SIGTERM", "still running" if code is None else code)


def check_dumps(world):
    with open("/proc/%d/limits" % world.orchestrator.process.pid, encoding="utf-8") as file:
        limit = next(line for line in file if line.startswith("Max core file size"))
    if limit.split()[4:6] != ["0", "0"]:
        raise Failed("core dumps switched off", limit)


def check_log(world):
    """An error or an alert that the flow did not expect is a fault; so is a sanitizer's report."""
    for line in world.orchestrator.log_lines():
        if line.get("level") in ("error", "alert") and \
                not any(fits(options, line) for options in world.explained):
            raise Failed("no error in the log but those that were expected", json.dumps(line))
    for path in world.orchestrator.log_paths + [world.sim.log_path]:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        for sign in ("AddressSanitizer", "runtime error:", "LeakSanitizer", "ThreadSanitizer"):
            if sign in text:
                raise Failed("nothing from a sanitizer", text[text.index(sign):][:4000])


def check_traces(world):
    """An event has one trace, from its arrival to its last action, and no other event has it."""
    traces, ids = {}, {}
    for line in world.orchestrator.log_lines():
        if line.get("id") and line.get("trace"):
            known = traces.setdefault(line["id"], line), ids.setdefault(line["trace"], line)
            if known[0]["trace"] != line["trace"] or known[1]["id"] != line["id"]:
                raise Failed("one trace an event", json.dumps([*known, line]))


def needles(world):
    """(what it is, bytes): the secrets, what people wrote, and long numbers in it.

    What the rules themselves give as an example is not people's.
    """
    for secret in world.given.all():
        yield "a secret", secret.encode()
    with open(world.programs["rules"], encoding="utf-8") as file:
        examples = file.read()
    for text in world.texts:
        pieces = [line for line in text.split("\n") if len(line) >= 12]
        pieces += re.findall(r"[0-9][0-9 -]{10,}[0-9]", text)
        pieces += re.findall(r"[A-Za-z0-9_+/.-]{16,}", text)
        for piece in (piece for piece in pieces if piece not in examples):
            yield "a message's text", piece.encode()
            yield "a message's text", json.dumps(piece)[1:-1].encode()


def produced(world):
    """(where, bytes) of all that the program left behind or showed."""
    for folder, _, names in os.walk(world.folder):
        for name in names:
            path = os.path.join(folder, name)
            if folder == world.files or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                yield path, file.read()
    for page in world.pages:
        yield "/metrics", page.encode()
    for output in world.orchestrator.outputs:
        yield "the output of: orchestrator " + output.split("\n", 1)[0], output.encode()
    for view in world.process_views:
        yield "the command line or environment", view
    for request in world.canary.seen:
        yield "a request to a stranger", request.encode()


def check_leaks(world):
    wanted = sorted(set(needles(world)))
    for where, data in produced(world):
        for what, needle in wanted:
            if needle in data:
                at = data.index(needle)
                raise Failed("%s nowhere" % what, "%s at byte %d of %s: %r" % (
                    what, at, where, data[max(0, at - 40):at + 60]))
