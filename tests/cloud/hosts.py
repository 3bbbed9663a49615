# SPDX-License-Identifier: Apache-2.0
"""Hosts that share nothing but queue and store, and the site where they work."""
import os
import secrets

from cloud import BUILD, REGION, TESTS, Queue

import harness
import settings
from harness import Failed, poll
from play import programs_of

PROGRAMS = programs_of(BUILD)
CONFIG = os.path.join(os.path.dirname(TESTS), "config")


SECRET_FILES = ("aws-secret", "stream-secret", "store-key")


class Given(harness.Secrets):
    """Beside Slack's secrets: the key to AWS, and the store's."""

    def __init__(self):
        super().__init__()
        self.aws_id = "AKID" + secrets.token_hex(6).upper()
        self.aws_secret = "aws-secret-" + secrets.token_urlsafe(24)
        self.stream_id = "AKID" + secrets.token_hex(6).upper()
        self.stream_secret = "stream-secret-" + secrets.token_urlsafe(24)
        self.store_key = secrets.token_hex(32)

    def environment(self):
        return {name: value for name, value in super().environment().items()
                if not name.startswith("AWS_")}

    def all(self):
        return super().all() + [self.aws_secret, self.stream_secret, self.store_key]

    def put_into(self, folder):
        for name, secret in zip(SECRET_FILES, (self.aws_secret, self.stream_secret,
                                               self.store_key)):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(secret + "\n")


CREDENTIALS = """credentials = (
  { name = "aws-secret"; file = "aws-secret"; },
  { name = "stream-secret"; file = "stream-secret"; },
  { name = "store-key"; file = "store-key"; },"""


def queue_group(site):
    return {"driver": "sqs", "region": REGION, "endpoint": site.cloud.moto.url,
            "prefix": site.prefix, "create": "true", "access_key_id": site.given.aws_id,
            "secret_access_key": "aws-secret", "wait": "1s", "visibility": "30s"}


def store_group(site):
    return {"driver": "postgres", "dsn": site.dsn, "key": "store-key", "migrate": "true"}


class CloudSettings(settings.Settings):
    """Those of a flow, on SQS and PostgreSQL."""

    def __init__(self, host):
        site = host.site
        super().__init__(os.path.join(host.folder, "state"), PROGRAMS["rules"], host.port,
                         host.health_port, site.sim.url + "/api/", PROGRAMS["plugins"])
        self.groups["queue"] = queue_group(site)
        self.groups["store"] = store_group(site)

    def text(self):
        return super().text().replace("credentials = (", CREDENTIALS)


class Host(harness.Orchestrator):
    """A machine on which an orchestrator runs some stages, or all."""

    def __init__(self, site, name, stages, ports):
        self.site = site
        self.folder = os.path.join(site.folder, name)
        self.stages = ["--stages", stages] if stages else []
        super().__init__(PROGRAMS["orchestrator"], os.path.join(self.folder, "orchestrator.cfg"),
                         site.given, ports[0].number, ports[1].number,
                         os.path.join(self.folder, "orchestrator"))
        os.mkdir(self.folder)
        self.settings = CloudSettings(self)

    def begin(self, *args):
        self.write()
        super().begin(*self.stages, *args)

    def write(self):
        self.given.put_into(self.folder)
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(self.settings.text())

    def readiness(self):
        answer = self.get("/readyz")
        return answer.status, answer.text().strip()

    def await_readiness(self, status, *words):
        def look():
            seen = self.readiness()
            return seen[0] == status and all(word in seen[1] for word in words), seen

        return poll("/readyz %d with %s" % (status, words), look)[1]

    def await_health(self):
        """Ready, and nothing amiss besides."""
        poll("/readyz to say ready", lambda: ((seen := self.readiness()) == (200, "ready"), seen))

    def metric(self, name, **labels):
        """The sum of the series that have these labels; None: there is none."""
        series = [value for found, value in
                  harness.metrics_of(self.get("/metrics").text()).get(name, [])
                  if labels.items() <= found.items()]
        return sum(series) if series else None

    def await_metric(self, name, value, **labels):
        poll("%s %s %s" % (name, labels, value),
             lambda: ((seen := self.metric(name, **labels)) == value, seen))

    def await_polls(self, queues):
        """Until so many receives have come back from SQS."""
        poll("%d receives" % queues, lambda: ((seen := self.metric(
            "orchestrator_aws_requests_total", action="ReceiveMessage", result="fine") or 0)
            >= queues, seen))

    def logged(self, event, **members):
        return [line for line in self.log_lines() if line.get("event") == event and
                members.items() <= line.items()]

    def await_log(self, event, count=1, **members):
        def look():
            seen = self.logged(event, **members)
            return len(seen) >= count, self.log_lines()[-5:] if not seen else seen

        poll("%d times in the log: %s %s" % (count, event, members), look)
        return self.logged(event, **members)


class Site:
    """One small Slack, one database, one set of queues, and the hosts that work there."""

    slack_at = "127.0.0.1:0"
    slack_options = ("--retry-delays", "200ms,400ms,800ms")

    def __init__(self, cloud, given=None):
        cloud.sites += 1
        self.cloud = cloud
        self.folder = os.path.join(cloud.folder, "site-%d" % cloud.sites)
        os.mkdir(self.folder)
        self.prefix = "t%d-" % cloud.sites
        self.dsn = cloud.postgres.database()
        self.given = given or Given()
        self.ports = [harness.Port()]
        self.sim = harness.Sim(PROGRAMS["sim"], self.ports[0].number, self.given,
                               os.path.join(self.folder, "sim.log"), self.slack_at,
                               self.slack_options)
        self.hosts = []
        self.texts = []      # what people wrote: must be found nowhere
        self.explained = []  # alerts of the log that are expected

    def host(self, name="host", stages=None, **queue):
        """The one that takes events has the port to which the small Slack sends them."""
        port = harness.Port() if stages and "intake" not in stages else self.ports[0]
        self.ports += [port, harness.Port()]
        host = Host(self, name, stages, (port, self.ports[-1]))
        host.settings.groups["queue"].update(queue)
        self.hosts.append(host)
        return host

    def queue(self, name):
        return Queue(self.cloud.sqs, self.prefix + name.replace(".", "-"))

    def explain(self, event, **members):
        self.explained.append({"event": event, **members})

    def explain_everything(self):
        self.explained.append({})

    def sql(self, text):
        return self.cloud.postgres.sql(text, self.dsn.split("dbname=")[1].split()[0])

    # ---- what people do and see

    def post(self, text, channel="general", user="alice"):
        self.texts.append(text)
        return self.sim.tell("message", channel=channel, user=user, text=text)

    def shown(self, reply):
        for channel in self.sim.state(calls=0, deliveries=0)["channels"]:
            for message in channel["messages"]:
                if channel["id"] == reply["channel"] and message["ts"] == reply["ts"]:
                    return message["state"]
        raise Failed("a message with ts " + reply["ts"], "none")

    def await_shown(self, reply, state):
        poll("the message " + state, lambda: ((seen := self.shown(reply)) == state, seen))

    def calls(self, method):
        return sum(1 for call in self.sim.state(messages=0, deliveries=0)["calls"]
                   if call["method"] == method)

    # ---- what the books say

    def ledger(self):
        return self.hosts[0].queues()[0]

    def await_ledger(self, **wanted):
        def look():
            ledger = self.ledger()
            return wanted.items() <= ledger.items(), ledger

        return poll("a ledger with %s" % wanted, look)

    def dead(self, queue):
        return self.hosts[0].json_lines("queue", "peek", "--dead", queue)

    def await_dead(self, queue, count):
        poll("%d dead letters in %s" % (count, queue),
             lambda: (len(seen := self.dead(queue)) == count, seen))
        return self.dead(queue)

    # ---- the end

    def stop(self):
        """[(host, its exit code)] of those that ran."""
        return [(host, host.stop()) for host in self.hosts if host.is_running()]

    def close(self):
        for host in self.hosts:
            if host.is_running():
                host.kill()
        self.sim.process.kill()
        self.sim.process.wait()
        self.sim.process.stdout.close()
        for port in self.ports:
            port.close()
