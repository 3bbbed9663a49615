#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes three messages into the workspace in the box and tells what became of them.

    hello.py http://slack:9100

Exit: 0 the two that leak are gone and the innocent one is still there, 1 not so.
"""
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE_MS = 30000
MESSAGES = (  # who, where, what, does it leak?
    ("alice", "general", "Lunch at noon?", False),
    ("alice", "general", "My card is 4539 5260 1815 9083, can you book the flight?", True),
    ("bob", "payments", "The deploy key: AKIAQ4TZXWVN7H2LMK3P", True),
)


def ask(url, told=None):
    body = None if told is None else json.dumps(told).encode()
    with urllib.request.urlopen(url, body, timeout=PATIENCE_MS / 1000 + 10) as answer:
        return json.load(answer)


def is_gone(workspace, reply):
    """Has it gone, or does it within our patience?"""
    wanted = urllib.parse.urlencode({"message_gone": f"{reply['channel']}:{reply['ts']}",
                                     "timeout_ms": PATIENCE_MS})
    try:
        ask(f"{workspace}/sim/wait?{wanted}")
        return True
    except urllib.error.HTTPError as problem:
        if problem.code != 504:
            raise
        return False


def is_there(workspace, reply):
    state = ask(f"{workspace}/sim/state?calls=0&deliveries=0")
    return any(message["ts"] == reply["ts"] and message["state"] == "live"
               for channel in state["channels"] if channel["id"] == reply["channel"]
               for message in channel["messages"])


def main():
    workspace = sys.argv[1].rstrip("/")
    wrong = 0
    replies = []
    for user, channel, text, leaks in MESSAGES:
        print(f"{user} in #{channel}: {text}", flush=True)
        replies.append(ask(f"{workspace}/sim/message", {"user": user, "channel": channel, "text": text}))
    begun = time.monotonic()
    # Those that leak first: when they are gone the innocent one has been looked at too.
    for (user, channel, _, leaks), reply in sorted(zip(MESSAGES, replies), key=lambda one: not one[0][3]):
        done = is_gone(workspace, reply) if leaks else is_there(workspace, reply)
        words = {(True, True): "was deleted", (True, False): "was NOT deleted",
                 (False, True): "stays", (False, False): "was deleted, although nothing is wrong with it"}
        print(f"what {user} wrote in #{channel} {words[leaks, done]} ({time.monotonic() - begun:.1f} s)",
              flush=True)
        wrong += not done
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
