# SPDX-License-Identifier: Apache-2.0
"""What a flow can expect.

Each waits until it is so.  What is expected not to happen is looked at when
everything has come to rest; what is expected so and so often is looked at once
more at the end of the flow.
"""
import json
import operator
import os
import re
import time

from harness import Failed, poll
from player.words import Bad


def expect(world, words, options):
    """expect …: see the functions below"""
    if words and words[0] == "no":
        find(NEVER, words[1:2])(world, words[2:], options)
    elif words and words[0] in WHAT:
        WHAT[words[0]](world, words[1:], options)
    elif len(words) > 1 and words[0] in world.names:
        find(STATES, words[1:2])(world, world.message(words[0]), words[2:], options)
    else:
        raise Bad("\"%s\" can not be expected; %s can, or the name of a message" % (
            " ".join(words[:1]), ", ".join(sorted(WHAT))))


def find(table, words):
    if not words or words[0] not in table:
        raise Bad("one of %s must stand here" % ", ".join(sorted(table)))
    return table[words[0]]


def fits(options, record):
    """key=v is equal, key~=v is contained, a.b=v is b within a; lists are looked at as JSON."""
    for key, wanted in options.items():
        group, dot, name = key.rstrip("~").partition(".")
        value = record.get(group, {}).get(name) if dot else record.get(group)
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif value is not None and not isinstance(value, str):
            value = json.dumps(value)
        if value is None or (wanted not in value if key.endswith("~") else wanted != value):
            return False
    return True


def describe(options):
    return " ".join("%s=%s" % pair for pair in options.items())


def claim(world, key, expected, count, wanted):
    """COUNT() becomes WANTED now, and still is at the end."""
    def look():
        seen = count()
        if seen > wanted:
            raise Failed(expected, seen)
        return seen == wanted, seen

    def again():
        seen = count()
        if seen != wanted:
            raise Failed(expected + " at the end, too", seen)

    poll(expected, look)
    world.claims[key] = again


# ---- a message in the workspace


def is_deleted(world, message, words, options):
    """expect NAME deleted [by USER]"""
    def look():
        shown, state = world.shown(message), world.sim.brief()
        by = world.user_name(shown.get("deleted_by"), state)
        return shown["state"] == "deleted" and words[1:2] in ([], [by]), \
            "%s, by %s" % (shown["state"], by)

    poll("the message deleted " + " ".join(words), look)


def is_tombstone(world, message, words, options):
    """expect NAME tombstone: deleted, and its thread is kept"""
    poll("a tombstone", lambda: (world.shown(message)["state"] == "tombstone",
                                 world.shown(message)["state"]))


def is_kept(world, message, words, options):
    """expect NAME kept: still there, word for word, when everything is at rest"""
    world.settle()
    is_live(world, message, words, options)


def is_live(world, message, words, options):
    """expect NAME live: there at this moment"""
    shown = world.shown(message)
    if shown["state"] != "live" or shown["text"] != message.text:
        raise Failed("the message as it was", "%s: %s" % (shown["state"], shown["text"]))


def is_updated(world, message, words, options):
    """expect NAME updated: its text was replaced by a notice"""
    def look():
        shown = world.shown(message)
        return shown["state"] == "live" and is_notice(shown) and shown["text"] != message.text, \
            "%s: %s" % (shown["state"], shown["text"])

    poll("a notice in place of the text", look)


STATES = {"deleted": is_deleted, "tombstone": is_tombstone, "kept": is_kept, "live": is_live,
          "updated": is_updated}


# ---- notices


def is_notice(shown):
    return shown["body"].get("metadata", {}).get("event_type") == "orchestrator_notice"


def notices(world, channel, options, state="live"):
    thread = world.message(options["thread"]).ts if "thread" in options else None
    found = []
    for one in world.sim.state(calls=0, deliveries=0)["channels"]:
        for shown in one["messages"] if channel in (one["name"], one["id"]) else ():
            if shown["state"] == state and options.get("text~", "") in shown["text"] and \
                    shown.get("thread_ts") == thread and (state != "live" or is_notice(shown)):
                found.append(shown)
    return found


def notice(world, words, options):
    """expect notice in CHANNEL [thread=NAME] [text~=…] [count=N]: exactly one, or N"""
    channel = words[-1]
    wanted = int(options.pop("count", "1"))
    claim(world, ("notice", channel, options.get("thread"), options.get("text~")),
          "%d notices in %s %s" % (wanted, channel, describe(options)),
          lambda: len(notices(world, channel, options)), wanted)


def no_notice(world, words, options):
    """expect no notice in CHANNEL"""
    world.settle()
    found = notices(world, words[-1], options)
    if found:
        raise Failed("no notice in " + words[-1], [one["text"] for one in found])


def ephemeral(world, words, options):
    """expect ephemeral to USER in CHANNEL: seen by that person only"""
    user, channel = words[1], words[3]

    def look():
        state = world.sim.brief()
        seen = [world.user_name(one["seen_by"], state)
                for one in notices(world, channel, {}, "ephemeral")]
        return seen == [user], seen

    poll("one warning to " + user, look)


# ---- calls of the Web API


def calls(world, words, options):
    """expect calls METHOD N [token=bot|user] [args.KEY=…]: exactly so many"""
    method, wanted = words[0], int(words[1])

    def count():
        if not options:
            counts = world.sim.brief()["counts"]
            return counts.get(method, {"calls": 0})["calls"]
        made = world.sim.state(messages=0, deliveries=0)["calls"]
        return sum(1 for one in made if one["method"] == method and fits(options, one))

    claim(world, ("calls", method, describe(options)),
          "%d calls of %s %s" % (wanted, method, describe(options)), count, wanted)


def deliveries(world, words, options):
    """expect deliveries N [state=accepted] [tries=N]: at rest, with so many tries each"""
    world.settle()
    made = world.sim.state(messages=0, calls=0)["deliveries"]
    found = [one for one in made if one["state"] == options.get("state", "accepted") and
             options.get("tries", str(len(one["tries"]))) == str(len(one["tries"]))]
    if len(found) != int(words[0]):
        raise Failed("%s deliveries %s" % (words[0], describe(options)),
                     "%d; in all %d: %s" % (len(found), len(made), json.dumps(made[-3:])))


# ---- what the orchestrator kept


def finding(world, words, options):
    """expect finding NAME [rule=…] [verdict=…] [findings=N] [inspection=…] [KEY~=…]"""
    message, rule_id = world.message(words[0]), options.pop("rule", None)
    count = options.pop("findings", None)

    def look():
        event = world.stored(message)
        if event is None:
            return False, "nothing is kept of it"
        rules = [one["rule"] for one in event["findings"]]
        return fits(options, event) and (rule_id is None or rule_id in rules) and \
            (count is None or len(rules) == int(count)), json.dumps(event, ensure_ascii=False)

    poll("a finding " + describe(options), look)


def no_finding(world, words, options):
    """expect no finding NAME"""
    world.settle()
    event = world.stored(world.message(words[0]))
    if event is not None:
        raise Failed("nothing kept of it", json.dumps(event))


def result(world, words, options):
    """expect result NAME ACTION STATE [OUTCOME] [detail~=…]"""
    message = world.message(words[0])
    wanted = dict(zip(("action", "state", "outcome"), words[1:]), **options)

    def look():
        found = world.results(message)
        return any(fits(wanted, one) for one in found), json.dumps(found)

    poll("a result " + describe(wanted), look)


def content(world, words, options):
    """expect content NAME TEXT: the sealed content holds it, when it is opened on request"""
    event = world.stored(world.message(words[0]))
    code, out, err = world.orchestrator.command("finding", "show", "--reveal", event["id"])
    if code != 0 or words[1] not in out:
        raise Failed("\"%s\" in the content" % words[1], out + err)


def dead(world, words, options):
    """expect dead QUEUE N [reason=…] [detail~=…]: and still so at the end"""
    queue, wanted = words[0], int(words[1])

    def look():
        found = world.orchestrator.json_lines("queue", "peek", "--dead", queue)
        return len(found) == wanted and all(fits(options, one) for one in found), json.dumps(found)

    poll("%d dead in %s %s" % (wanted, queue, describe(options)), look)
    world.dead[queue] = wanted


def queue(world, words, options):
    """expect queue QUEUE waiting=N leased=N delayed=N dead=N"""
    def look():
        seen = world.orchestrator.queues()[1].get(words[0], {})
        return fits(options, seen), json.dumps(seen)

    poll("queue %s %s" % (words[0], describe(options)), look)


def ledger(world, words, options):
    """expect ledger accepted=N done=N dropped=N dead=N in_flight=N duplicates=N: at rest"""
    if not words:
        world.settle()

    def look():
        seen = world.ledger()
        return fits(options, seen), json.dumps(seen)

    poll("ledger " + describe(options), look)


# ---- how it looks from outside


METRIC = re.compile(r"([a-z_]+)(?:\{(.*)\})?")
COMPARE = {">=": operator.ge, "==": operator.eq, "<=": operator.le, ">": operator.gt}


def metric(world, words, options):
    """expect metric NAME{label="x"} >= N: the sum of the series that fit"""
    name, labels = METRIC.fullmatch(words[0]).groups()
    wanted = dict(pair.split("=", 1) for pair in (labels or "").split(",") if pair)

    def look():
        series = world.metrics().get(name, [])
        found = [value for has, value in series if fits(wanted, has)]
        return bool(found) and COMPARE[words[1]](sum(found), float(words[2])), series

    poll("metric " + " ".join(words), look)


def log(world, words, options):
    """expect log event=… KEY=… KEY~=…"""
    world.explained.append(dict(options))
    poll("a log line " + describe(options), lambda: (
        any(fits(options, line) for line in world.orchestrator.log_lines()), "none"))


def no_log(world, words, options):
    """expect no log event=… KEY=…"""
    world.settle()
    found = [line for line in world.orchestrator.log_lines() if fits(options, line)]
    if found:
        raise Failed("no log line " + describe(options), found)


def get(world, words, options):
    """expect get PATH STATUS [body~=…]"""
    def look():
        answer = world.orchestrator.get(words[0])
        return answer.status == int(words[1]) and options.get("body~", "") in answer.text(), \
            "%d %s" % (answer.status, answer.text())

    poll("%s from %s" % (words[1], words[0]), look)


SPOILERS = {
    "wrong": lambda s: s[:-1] + ("0" if s[-1] != "0" else "1"),
    "uppercase": lambda s: s[:3] + s[3:].upper(),
    "prefix": lambda s: "v1" + s[2:],
}
PLAIN_EVENT = '{"type":"event_callback","team_id":"T1","api_app_id":"A1","event_id":"EvHttp1",' \
    '"event_time":1700000000,"event":{"type":"message","channel":"C1","channel_type":"channel",' \
    '"user":"U1","text":"a request made by hand","ts":"1700000000.000100"}}'


def http(world, words, options):
    """expect http STATUS [body=…] [timestamp=OFFSET] [sign=wrong|prefix|uppercase] [without=HEADER]
    [header=NAME:VALUE] [answer~=…] [has=HEADER] [method=…] [path=…]: a request, signed by hand"""
    headers = []
    if "without" in options:
        headers.append((options["without"], None))
    if "header" in options:
        headers.append(tuple(options["header"].split(":", 1)))
    body = options.get("body", PLAIN_EVENT)
    world.texts.append("a request made by hand")
    answer = world.orchestrator.send_event(
        body.encode(), int(options.get("timestamp", "0")), headers,
        SPOILERS.get(options.get("sign")), options.get("method", "POST"),
        options.get("path", "/slack/events"))
    seen = "%d\n%s%s" % (answer.status, answer.headers, answer.text())
    if answer.status != int(words[0]) or options.get("answer~", "") not in answer.text() or \
            answer.text() != options.get("answer", answer.text()) or \
            ("has" in options and not answer.headers.get(options["has"])):
        raise Failed("HTTP %s %s" % (words[0], describe(options)), seen)


def exit_code(world, words, options):
    """expect exit CODE: of the program, which was told to end"""
    code = world.orchestrator.wait_exit()
    if code != int(words[0]):
        raise Failed("exit " + words[0], "still running" if code is None else code)


def running(world, words, options):
    """expect running: it has not ended"""
    if not world.orchestrator.is_running():
        raise Failed("it to run", "exit %d" % world.orchestrator.process.returncode)


def start(world, words, options):
    """expect start CODE [log~=…]: the start is refused"""
    world.write_config()
    world.orchestrator.begin()
    exit_code(world, words, {})
    with open(world.orchestrator.log_paths[-1], encoding="utf-8") as file:
        text = file.read()
    if options.get("log~", "") not in text:
        raise Failed("\"%s\" among the errors" % options["log~"], text)


def cli(world, words, options):
    """expect cli CODE WORDS… [out~=…]: a command"""
    if words[1] == "check":
        world.write_config()
    code, out, err = world.orchestrator.command(*words[1:])
    if code != int(words[0]) or options.get("out~", "") not in out + err:
        raise Failed("exit %s %s" % (words[0], describe(options)), "%d: %s%s" % (code, out, err))


def lines(world, words, options):
    """expect lines FILE N: in the folder ${files}; none: there is no such file"""
    def look():
        try:
            with open(os.path.join(world.files, words[0]), encoding="utf-8") as file:
                count = str(len(file.readlines()))
        except FileNotFoundError:
            count = "none"
        return count == words[1], count

    poll("%s lines in %s" % (words[1], words[0]), look)


def canary(world, words, options):
    """expect canary N: so many requests came to the stranger's server"""
    world.settle()
    if len(world.canary.seen) != int(words[0]):
        raise Failed("%s requests to a stranger" % words[0], world.canary.seen)


WHAT = {"notice": notice, "ephemeral": ephemeral, "calls": calls, "deliveries": deliveries,
        "finding": finding, "result": result, "content": content, "dead": dead, "queue": queue,
        "ledger": ledger, "metric": metric, "log": log, "get": get, "http": http,
        "exit": exit_code, "running": running, "start": start, "cli": cli, "lines": lines,
        "canary": canary}
NEVER = {"notice": no_notice, "finding": no_finding, "log": no_log}
