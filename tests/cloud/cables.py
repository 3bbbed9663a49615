# SPDX-License-Identifier: Apache-2.0
"""Hosts in network namespaces of their own, on cables that can be cut.

The test and all that the hosts share live in a namespace, too, which is gone with the test: each
service has an address there, each host a cable that ends there.
"""
import contextlib
import ctypes
import http.client
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time

SLACK, POSTGRES, SQS = "10.77.0.1", "10.77.0.2", "10.77.0.3"
NETWORK = "10.77.0.0/16"
TOOLS = {"unshare": "util-linux", "ip": "iproute2", "nft": "nftables"}
MARK = "ORCH_TEST_NAMESPACE"
CLONE_NEWNET = 0x40000000
ANSWER_S = 1  # so long the balancer waits for a host; Slack waits 3 s


def move_in():
    """Starts this program once more, in a network namespace that is its own."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if MARK in os.environ:
        furnish()
        return
    for tool, package in TOOLS.items():
        if not shutil.which(tool):
            sys.exit("There is no %s on this machine: install Debian's %s (./dev test does)." % (
                tool, package))
    command = ["unshare", "--net"]
    if os.geteuid() != 0:
        command += ["--user", "--map-current-user", "--keep-caps"]
    tried = subprocess.run([*command, "nft", "list", "ruleset"], check=False, text=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if tried.returncode != 0:
        sys.exit("This machine lets us make no network namespace with nftables in it, so nothing can"
                 " be cut here.  Run as root, in a container with CAP_SYS_ADMIN and CAP_NET_ADMIN,"
                 " or allow user namespaces.  %s: %s" % (" ".join(command), tried.stderr.strip()))
    os.environ[MARK] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def run(*words):
    done = subprocess.run(words, check=False, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(words), done.stderr.strip()))


def furnish():
    run("ip", "link", "set", "lo", "up")
    for address in (SLACK, POSTGRES, SQS):
        run("ip", "address", "add", address + "/32", "dev", "lo")
    make_filter()


def make_filter():
    """What comes from somebody who is in the set is dropped."""
    run("nft", "add table inet cut; add set inet cut off { type ipv4_addr . ipv4_addr; };"
        " add chain inet cut in { type filter hook prerouting priority -300; };"
        " add rule inet cut in ip saddr . ip daddr @off drop")


def call(name, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*args) != 0:
        raise OSError(ctypes.get_errno(), "%s: %s" % (name, os.strerror(ctypes.get_errno())))


class Cable:
    """A namespace for one host, and its only connection with the rest."""

    def __init__(self, number):
        self.near, self.address = "10.77.%d.1" % number, "10.77.%d.2" % number
        self.link = "host%d" % number
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        call("unshare", CLONE_NEWNET)
        self.inside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as guest:
            call("setns", self.outside, CLONE_NEWNET)
            run("ip", "link", "add", "name", self.link, "type", "veth", "peer", "name", "eth0",
                "netns", str(guest.pid))
            guest.stdin.close()
        run("ip", "address", "add", self.near + "/24", "dev", self.link)
        run("ip", "link", "set", self.link, "up")
        with self.entered():
            run("ip", "link", "set", "lo", "up")
            run("ip", "address", "add", self.address + "/24", "dev", "eth0")
            run("ip", "link", "set", "eth0", "up")
            run("ip", "route", "add", "default", "via", self.near)
            make_filter()

    @contextlib.contextmanager
    def entered(self):
        """What this thread begins meanwhile happens on the host."""
        call("setns", self.inside, CLONE_NEWNET)
        try:
            yield
        finally:
            call("setns", self.outside, CLONE_NEWNET)

    def drop(self, *services):
        """What goes from here to them, and from them to here, is lost on its way."""
        pairs = [(self.address, service) for service in services]
        run("nft", "add element inet cut off { %s }" % ", ".join("%s . %s" % pair for pair in pairs))
        with self.entered():
            run("nft", "add element inet cut off { %s }" % ", ".join(
                "%s . %s" % (there, here) for here, there in pairs))

    def unplug(self):
        run("ip", "link", "set", self.link, "down")

    def heal(self):
        run("nft", "flush set inet cut off")
        with self.entered():
            run("nft", "flush set inet cut off")
        run("ip", "link", "set", self.link, "up")


class Balancer:
    """Before the hosts: an event goes to one in turn, and to the next if that one does not take it."""

    def __init__(self):
        self.places = []  # (address, port)
        self.taken = []   # (monotonic time, address)
        self.turn = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = outer.pass_on(self.path, body, dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # who sent it waits no more

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def pass_on(self, path, body, headers):
        self.turn += 1
        for number in range(len(self.places)):
            place = self.places[(self.turn + number) % len(self.places)]
            try:
                status, answer = ask_host(place, path, body, headers)
            except OSError:
                continue
            if status == 200:
                self.taken.append((time.monotonic(), place[0]))
                return status, answer
        return 503, b""

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def ask_host(place, path, body, headers):
    connection = http.client.HTTPConnection(*place, timeout=ANSWER_S)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as problem:
        raise OSError(str(problem)) from problem
    finally:
        connection.close()
