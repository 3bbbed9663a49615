# SPDX-License-Identifier: Apache-2.0
"""What a flow can do.  Each function is a verb: its words, and its options as keywords."""
import json
import os
import signal
import sqlite3

from harness import Failed, poll
from player.words import Bad
from player.world import Message

JSON_OPTIONS = ("blocks", "attachments", "metadata", "extra", "file_extra", "files")


def arguments(options):
    """Options of a verb as the workspace's control page takes them."""
    found = {}
    for key, value in options.items():
        if key in JSON_OPTIONS:
            found[key] = json.loads(value)
        elif value in ("true", "false"):
            found[key] = value == "true"
        else:
            found[key] = int(value) if value.lstrip("-").isdigit() else value
    return found


def take_name(words):
    """Cuts `as NAME` off the end."""
    if len(words) > 2 and words[-2] == "as":
        return words[:-2], words[-1]
    return words, None


def remember(world, name, message, text):
    world.texts.append(text)
    if name:
        world.names[name] = message


# ---- the program


def config(world, words, options):
    """config KEY VALUE: for the next start or reload"""
    key, value = words
    world.settings.change(key, value)


def config_line(world, words, options):
    """config-line TEXT: a line as it stands"""
    world.settings.lines = [words[0]] if words else []


def action(world, words, options):
    """action NAME PLUGIN: one more action"""
    world.settings.add_action(*words)


def without(world, words, options):
    """without NAME: that part of the configuration goes, for the next start or reload"""
    world.settings.hide(words[0])


def with_(world, words, options):
    """with NAME: it comes back"""
    world.settings.show(words[0])


def start(world, words, options):
    """start [stages=intake,scan] [until=/livez]: and wait until it is ready"""
    if world.orchestrator.is_running():
        raise Bad("it runs already")
    world.write_config()
    stages = ["--stages", options["stages"]] if "stages" in options else []
    world.orchestrator.start(*stages, path=options.get("until", "/readyz"))
    world.note_process()


def stop(world, words, options):
    """stop: SIGTERM, and exit 0"""
    world.pages.append(world.orchestrator.get("/metrics").text())
    code = world.orchestrator.stop()
    if code != 0:
        raise Failed("exit 0 after SIGTERM", "still running" if code is None else code)


def term(world, words, options):
    """term: SIGTERM, without waiting for the end"""
    world.orchestrator.signal(signal.SIGTERM)


def kill(world, words, options):
    """kill: SIGKILL"""
    world.orchestrator.kill()


def restart(world, words, options):
    """restart: after kill, or after stop"""
    if world.orchestrator.is_running():
        stop(world, [], {})
    start(world, words, options)


def reload(world, words, options):
    """reload: SIGHUP with the configuration as it is now, and wait for its outcome"""
    def count():
        return sum(1 for l in world.orchestrator.log_lines() if l.get("event") == "config.reload")

    world.write_config()
    before = count()
    world.orchestrator.signal(signal.SIGHUP)
    poll("one more event=config.reload in the log", lambda: (count() > before, count()))


def rule(world, words, options):
    """rule add|edit|remove …: and wait until it is in force"""
    def count():
        return sum(1 for l in world.orchestrator.log_lines() if l.get("event") == "rules.loaded")

    before = count()
    code, out, err = world.orchestrator.command("rule", *words)
    if code != 0:
        raise Failed("orchestrator rule to succeed", "exit %d: %s%s" % (code, out, err))
    if world.orchestrator.is_running():
        poll("one more event=rules.loaded in the log", lambda: (count() > before, count()))


def cli(world, words, options):
    """cli WORDS…: a command, which must exit 0"""
    code, out, err = world.orchestrator.command(*words)
    if code != 0:
        raise Failed("exit 0", "exit %d: %s%s" % (code, out, err))


# ---- the workspace


def post(world, words, options):
    """post CHANNEL USER TEXT [as NAME] [thread=NAME] [subtype=…] [times=N] …"""
    words, name = take_name(words)
    channel, user, text = words
    args = arguments(options)
    if "thread" in args:
        args["thread_ts"] = world.message(args.pop("thread")).ts
    if user != "nobody":
        args["user"] = user
    reply = world.sim.tell("message", channel=channel, text=text, **args)
    remember(world, name, Message(channel, reply, text), text)


def edit(world, words, options):
    """edit NAME TEXT [as NAME] [unfurl=true] …: without TEXT only the options change it"""
    words, name = take_name(words)
    message = world.message(words[0])
    args = arguments(options)
    if len(words) > 1:
        args["text"] = words[1]
    reply = world.sim.tell("edit", channel=message.channel, ts=message.ts, **args)
    text = args.get("text", message.text)
    remember(world, name or words[0], Message(message.channel, reply, text), text)


def delete(world, words, options):
    """delete NAME [as NAME]: by its author"""
    words, name = take_name(words)
    message = world.message(words[0])
    reply = world.sim.tell("delete", channel=message.channel, ts=message.ts,
                           **arguments(options))
    if name:
        world.names[name] = Message(message.channel, reply, message.text)


def upload(world, words, options):
    """upload CHANNEL USER FILENAME CONTENT [as NAME] [text=…] [told-by=message]; CHANNEL none: not
    shared; told-by=message: of its three events only the message's is delivered"""
    words, name = take_name(words)
    channel, user, file_name, content = words
    if options.pop("told-by", "") == "message":
        world.sim.tell("fault", method="events", kind="drop", count=2)
    args = arguments(options)
    if channel != "none":
        args["channel"] = channel
    reply = world.sim.tell("file", user=user, name=file_name, content=content, **args)
    world.texts += [file_name, args.get("text", "")]
    remember(world, name, Message(channel, reply, args.get("text", "")), content)


def change_file(world, words, options):
    """change-file NAME CONTENT"""
    world.texts.append(words[1])
    world.sim.tell("file_change", file=world.message(words[0]).file, content=words[1])


def delete_file(world, words, options):
    """delete-file NAME: by its author"""
    world.sim.tell("file_delete", file=world.message(words[0]).file)


def event(world, words, options):
    """event JSON [as NAME]: the inner event, sent as Slack would"""
    words, name = take_name(words)
    reply = world.sim.tell("event", event=json.loads(words[0]), **arguments(options))
    if name:
        world.names[name] = Message(None, reply, "")


def envelope(world, words, options):
    """envelope JSON: the whole body, signed and sent"""
    world.sim.tell("event", envelope=json.loads(words[0]), **arguments(options))


def fault(world, words, options):
    """fault METHOD kind=… [count=N] …: what goes wrong with the next calls"""
    world.sim.tell("fault", method=words[0], **arguments(options))


def hold(world, words, options):
    """hold METHOD [after]: the next call hangs; with after it has taken effect by then"""
    world.sim.tell("fault", method=words[0], kind="hold", after=words[1:] == ["after"])


def wait_held(world, words, options):
    """wait-held METHOD: until a call hangs, and it is one of that method"""
    def look():
        state = world.sim.brief()
        calls = state["counts"].get(words[0], {"calls": 0})["calls"]
        return state["held"] > world.holds and calls > 0, \
            "%d held, %d calls of %s" % (state["held"], calls, words[0])

    poll("a held call of " + words[0], look)
    world.holds = world.sim.brief()["held"]


def release(world, words, options):
    """release [drop]: held calls go on; with drop they end without an answer"""
    world.sim.tell("release", drop=words == ["drop"])
    world.holds = 0


def token(world, words, options):
    """token bot|admin scopes=… problem=…"""
    world.sim.tell("token", which=words[0], **options)


def channel(world, words, options):
    """channel NAME [archived=…] [shared=…] [kind=…] [members=a,b]"""
    args = arguments(options)
    if "members" in args:
        args["members"] = args["members"].split(",")
    world.sim.tell("channel", name=words[0], **args)


def limit(world, words, options):
    """limit METHOD count=N window_ms=N"""
    world.sim.tell("limits", method=words[0], **arguments(options))


def retries(world, words, options):
    """retries A,B,C: how long the workspace waits before it delivers an event again"""
    world.sim.tell("config", retry_delays=words[0])


def flood(world, words, options):
    """flood COUNT CHANNEL USER TEXT: posted in the background; %n is their number"""
    world.start_flood(int(words[0]), *words[1:])


def settle(world, words, options):
    """settle: until nothing is on its way any more"""
    world.settle()


def write(world, words, options):
    """write FILE TEXT: a file in the folder ${files}"""
    world.texts.append(words[1])
    with open(os.path.join(world.files, words[0]), "w", encoding="utf-8") as file:
        file.write(words[1])


def move(world, words, options):
    """move FILE TO: within the folder ${files}, as who rotates logs does"""
    os.rename(*(os.path.join(world.files, word) for word in words))


def damage(world, words, options):
    """damage QUEUE: flips a bit of one message that waits there, as a bad disk would"""
    path = os.path.join(world.state_dir, "orchestrator.db")
    with sqlite3.connect(path) as db:
        row, sealed = db.execute(
            "SELECT body.row, sealed FROM body JOIN item USING (row) JOIN ledger USING (queue)"
            " WHERE name = ? LIMIT 1", words).fetchone()
        spoilt = sealed[:-1] + bytes([sealed[-1] ^ 1])
        db.execute("UPDATE body SET sealed = ? WHERE row = ?", (spoilt, row))
    db.close()


def damage_row(world, words, options):
    """damage-row TABLE CHANGE WHICH: another value in a column, as a bad disk would: 'state = 2'"""
    table, change, which = words
    with sqlite3.connect(os.path.join(world.state_dir, "orchestrator.db")) as db:
        changed = db.execute("UPDATE %s SET %s WHERE %s" % (table, change, which)).rowcount
    db.close()
    if changed != 1:
        raise Bad("%d rows are such" % changed)


def lock(world, words, options):
    """lock: as another process that hangs in a transaction"""
    world.lock = sqlite3.connect(os.path.join(world.state_dir, "orchestrator.db"),
                                 isolation_level=None)
    world.lock.execute("BEGIN IMMEDIATE")


def unlock(world, words, options):
    """unlock: it has come to its end"""
    world.lock.execute("ROLLBACK")
    world.lock.close()


VERBS = {function.__name__.rstrip("_").replace("_", "-"): function for function in (
    config, config_line, action, without, with_, start, stop, term, kill, restart, reload, rule, cli,
    post, edit, delete, upload, change_file, delete_file, event, envelope, fault, hold, wait_held, release,
    token, channel, limit, retries, flood, settle, write, move, damage, damage_row,
    lock, unlock)}
