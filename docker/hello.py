#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes three messages into the workspace in the box and tells what became of them.

    hello.py http://slack:9100 [--patience SECONDS]

Exit: 0 the two that leak are gone and the innocent one is still there, 1 not so.
"""
import argparse
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

MESSAGES = (  # who, where, what, does it leak?
    ("alice", "general", "Lunch at noon?", False),
    ("alice", "general", "My card is 4539 5260 1815 9083, can you book the flight?", True),
    ("bob", "payments", "The deploy key: AKIAQ4TZXWVN7H2LMK3P", True),
)


def ask(url, told=None, patience_s=0):
    body = None if told is None else json.dumps(told).encode()
    with urllib.request.urlopen(url, body, timeout=patience_s + 10) as answer:
        return json.load(answer)


def is_gone(workspace, reply, patience_s):
    """Has it gone, or does it within so many seconds?"""
    wanted = urllib.parse.urlencode({"message_gone": f"{reply['channel']}:{reply['ts']}",
                                     "timeout_ms": patience_s * 1000})
    try:
        ask(f"{workspace}/sim/wait?{wanted}", patience_s=patience_s)
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


def tell(message, is_right, begun):
    user, channel, _, leaks = message
    words = {(True, True): "was deleted", (True, False): "was NOT deleted",
             (False, True): "stays", (False, False): "was deleted, although it is innocent"}
    print(f"what {user} wrote in #{channel} {words[leaks, is_right]} ({time.monotonic() - begun:.1f} s)",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("workspace")
    parser.add_argument("--patience", type=int, default=60, metavar="SECONDS")
    given = parser.parse_args()
    begun = time.monotonic()
    posted = []
    wrong = 0
    for message in MESSAGES:
        user, channel, text, _ = message
        print(f"{user} in #{channel}: {text}", flush=True)
        posted.append((message, ask(f"{given.workspace}/sim/message",
                                    {"user": user, "channel": channel, "text": text})))
    # Those that leak first: by the time that they are gone the innocent one has been looked at.
    for message, reply in sorted(posted, key=lambda one: not one[0][3]):
        is_right = is_gone(given.workspace, reply, given.patience) if message[3] \
            else is_there(given.workspace, reply)
        tell(message, is_right, begun)
        wrong += not is_right
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
