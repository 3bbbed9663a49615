# SPDX-License-Identifier: Apache-2.0
"""The configuration that a flow runs with, and what a flow may change in it."""

POLICY = """(
      { when = { severity = "high"; };  verdict = "block"; actions = [ "block", "log" ]; },
      { when = { findings = 1; };       verdict = "flag";  actions = [ "log" ]; },
      { when = { uninspected = true; }; verdict = "flag";  actions = [ "log" ]; }
    )"""


class Settings:
    """Groups of keys; `config GROUP.KEY VALUE` sets one, the value none removes it."""

    def __init__(self, state_dir, rules, port, health_port, api_url, plugins):
        listen = "127.0.0.1:%d"
        self.lines = []
        self.hidden = {}
        self.groups = {
            "http": {"listen": listen % port, "health": listen % health_port},
            "egress": {"allow": "[127.0.0.1/32]"},
            "threads": {}, "queue": {}, "store": {}, "limits": {},
            "plugins": {"path": "[%s]" % plugins},
        }
        self.top = {"state_dir": state_dir, "rules": "[%s]" % rules}
        self.instances = {
            "slack": ("inputs", {"plugin": "slack", "transport": "http", "path": "/slack/events",
                                 "signing_secret": "slack-signing", "token": "slack-bot",
                                 "api_url": api_url}),
            "dlp": ("tools", {"plugin": "dlp"}),
            "block": ("actions", {"plugin": "slack_block", "admin_token": "slack-admin",
                                  "bot_token": "slack-bot", "api_url": api_url}),
            "log": ("actions", {"plugin": "log"}),
        }
        self.pipeline = {"inputs": "[slack]", "tools": "[dlp]", "policy": POLICY}
        self.api_url = api_url

    def add_action(self, name, plugin):
        extra = {"plugin": plugin}
        if plugin.startswith("slack_"):
            extra.update(bot_token="slack-bot", api_url=self.api_url)
        self.instances[name] = ("actions", extra)

    def hide(self, name):
        """Takes an instance away until it is shown again."""
        self.hidden[name] = self.instances.pop(name)

    def show(self, name):
        self.instances[name] = self.hidden.pop(name)

    def change(self, key, value):
        group, dot, name = key.rpartition(".")
        if not dot:
            keys = self.top
        elif group == "pipeline":
            keys = self.pipeline
        elif group in self.groups:
            keys = self.groups[group]
        elif group in self.instances:
            keys = self.instances[group][1]
        else:
            raise ValueError("there is no part \"%s\" in the configuration" % group)
        if value == "none":
            keys.pop(name, None)
        else:
            keys[name] = value

    def text(self):
        out = ["%s = %s;" % (k, literal(v)) for k, v in self.top.items()]
        out += ["%s = %s;" % (name, block(keys)) for name, keys in self.groups.items() if keys]
        out.append('log = { level = "debug"; format = "json"; };')
        out.append(CREDENTIALS)
        for kind in ("inputs", "tools", "actions"):
            found = [block({"name": n, **keys})
                     for n, (of, keys) in self.instances.items() if of == kind]
            out.append("%s = (\n  %s\n);" % (kind, ",\n  ".join(found)))
        out.append("pipelines = (\n  %s\n);" % block({"name": "slack-dlp", **self.pipeline}))
        return "\n".join(out + self.lines) + "\n"


CREDENTIALS = """credentials = (
  { name = "slack-signing"; env = "SLACK_SIGNING_SECRET"; },
  { name = "slack-bot";   env = "SLACK_BOT_TOKEN";   scheme = "bearer"; hosts = [ "127.0.0.1" ]; },
  { name = "slack-admin"; env = "SLACK_ADMIN_TOKEN"; scheme = "bearer"; hosts = [ "127.0.0.1" ]; }
);"""


def block(keys):
    return "{ %s }" % " ".join("%s = %s;" % (k, literal(v)) for k, v in keys.items())


def literal(value):
    """As libconfig has it: true, 12, lists and groups as they are, all else a text."""
    if value in ("true", "false") or value.lstrip("-").isdigit() or value[:1] in ("(", "{"):
        return value
    if value.startswith("[") and value.endswith("]"):
        words = [w.strip() for w in value[1:-1].split(",") if w.strip()]
        return "[ %s ]" % ", ".join(quote(w) for w in words)
    return quote(value)


def quote(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
