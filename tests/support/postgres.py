# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of its own for a test: started from a copy, gone with the test.

As a program it prints a connection string and stays until it is killed; with
--control it takes one command a line instead (see COMMANDS) and stays until its
input ends.  The data lie in memory if there is room, so that fsync costs nothing
and can stay on.
"""
import argparse
import fcntl
import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOM = 1 << 30  # bytes that must be free in memory
PATIENCE_S = 60
SETTINGS = """
listen_addresses = '127.0.0.1'
shared_buffers = '32MB'
max_connections = 60
min_wal_size = '32MB'
max_wal_size = '256MB'
log_min_messages = 'fatal'
logging_collector = off
lc_messages = 'C'
dynamic_shared_memory_type = 'mmap'
"""


def binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"),
                   key=lambda path: float(path.split("/")[4]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed; ./dev test installs Debian's postgresql")
    return pathlib.Path(found[-1]).parent


def servant():
    """Who runs the server, which refuses to be root's; None: whoever we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("there is neither a user postgres nor nobody to run the server")


def as_servant(command, dies_with_us=False):
    prefix = ["setpriv"]
    user = servant()
    if user:
        prefix += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if dies_with_us:
        prefix += ["--pdeathsig", "QUIT"]
    return prefix + [str(part) for part in command] if len(prefix) > 1 else command


def give_to_servant(folder):
    user = servant()
    if not user:
        return
    for where, folders, files in os.walk(folder):
        for name in [".", *folders, *files]:
            os.lchown(os.path.join(where, name), user.pw_uid, user.pw_gid)


def place():
    memory = pathlib.Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        room = os.statvfs(memory)
        if room.f_bavail * room.f_frsize >= ROOM:
            return str(memory)
    return tempfile.gettempdir()


def is_left_behind(folder):
    """Its owner holds a lock in it, and was killed if nobody does."""
    try:
        with open(folder / "owner", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        return False


class Folder:
    """A temporary one; those of owners that were killed are removed on the way."""

    def __init__(self):
        for old in pathlib.Path(place()).glob("orch-postgres-*"):
            if (old / "owner").exists() and is_left_behind(old):
                shutil.rmtree(old, ignore_errors=True)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="orch-postgres-", dir=place()))
        self.path.chmod(0o755)
        give_to_servant(self.path)
        # It has its name when it is locked, so that nobody finds it otherwise.
        self.lock = open(self.path / "owner.new", "wb")  # pylint: disable=consider-using-with
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        os.rename(self.path / "owner.new", self.path / "owner")

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
        self.lock.close()


def make_template(template):
    """What initdb makes, once for all tests that share TEMPLATE."""
    template = pathlib.Path(template)
    template.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{template}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if template.is_dir():
            return
        folder = Folder()
        try:
            subprocess.run(as_servant([
                binaries() / "initdb", "--pgdata", folder.path / "data", "--username=postgres",
                "--encoding=UTF8", "--no-locale", "--auth=trust", "--no-sync", "--wal-segsize=16",
                "--no-instructions",
            ]), check=True, stdout=subprocess.DEVNULL, cwd=folder.path)
            shutil.copytree(folder.path / "data", f"{template}.new", dirs_exist_ok=True)
            os.rename(f"{template}.new", template)
        finally:
            folder.remove()


def spare_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid):
    found = []
    for task in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(task, encoding="ascii") as file:
            found += [int(word) for word in file.read().split()]
    return found


class Postgres:
    """The server.  It ends with the thread that called start(), at the latest."""

    def __init__(self, template=None):
        self.binaries = binaries()
        version = self.binaries.parent.name
        template = template or ROOT / "build" / "postgres-template"
        make_template(f"{template}-{version}")
        self.place = Folder()
        self.folder = self.place.path
        self.data = self.folder / "data"
        shutil.copytree(f"{template}-{version}", self.data)
        self.port = spare_port()
        self.databases = 0
        self.log = open(self.folder / "log", "wb+")  # pylint: disable=consider-using-with
        self.server = None
        self.set(SETTINGS)
        self.set(f"port = {self.port}\nunix_socket_directories = '{self.folder}'")
        give_to_servant(self.data)
        self.data.chmod(0o700)

    def set(self, lines):
        """More lines for postgresql.conf, which count from the next start or reload on."""
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(lines + "\n")

    def start(self):
        for _ in range(10):
            self.server = subprocess.Popen(
                as_servant([self.binaries / "postgres", "-D", self.data], dies_with_us=True),
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
            if self.wait():
                return
            # The port was somebody else's after all.
            self.port = spare_port()
            self.set(f"port = {self.port}")
        raise RuntimeError("PostgreSQL does not start: " + self.words())

    def words(self):
        """The last of what it has written."""
        self.log.seek(0)
        return self.log.read()[-2000:].decode(errors="replace")

    def wait(self):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self.server.poll() is not None:
                return False
            done = subprocess.run(
                [self.binaries / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port),
                 "-U", "postgres", "-d", "postgres"], check=False)
            if done.returncode == 0:
                return True
            time.sleep(0.02)
        raise RuntimeError("PostgreSQL does not get ready")

    def stop(self):
        """Fast, and clean."""
        self.end(signal.SIGINT)

    def end(self, number):
        if self.server and self.server.poll() is None:
            self.server.send_signal(number)
            self.server.wait(PATIENCE_S)
        self.server = None

    def kill(self):
        """As if the machine had lost its power: nobody can write a last word."""
        if not self.server:
            return
        self.server.send_signal(signal.SIGSTOP)
        family = children(self.server.pid)
        for pid in [self.server.pid, *family]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.server.wait(PATIENCE_S)
        self.server = None
        for pid in family:
            while os.path.exists(f"/proc/{pid}"):
                time.sleep(0.005)

    def freeze(self):
        """It stays silent and keeps its connections."""
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def signal_all(self, number):
        for pid in [self.server.pid, *children(self.server.pid)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def reload(self):
        self.server.send_signal(signal.SIGHUP)

    def sql(self, text, database="postgres"):
        """What psql prints, as the superuser."""
        done = subprocess.run([
            self.binaries / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
            self.folder, "-p", str(self.port), "-U", "postgres", "-d", database, "-c", text
        ], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()

    def database(self):
        """A fresh one, that belongs to a role without privileges."""
        self.databases += 1
        if self.databases == 1:
            self.sql("CREATE ROLE orchestrator LOGIN")
        name = f"test_{self.databases}"
        self.sql(f"CREATE DATABASE {name} OWNER orchestrator")
        return self.dsn(name)

    def dsn(self, name):
        return f"host={self.folder} port={self.port} dbname={name} user=orchestrator"

    def close(self):
        if self.server:
            self.thaw()
        self.end(signal.SIGQUIT)
        self.log.close()
        self.place.remove()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()


COMMANDS = ("start", "stop", "kill", "freeze", "thaw", "reload", "database", "set", "sql", "where")


def obey(postgres, line):
    word, _, rest = line.partition(" ")
    if word not in COMMANDS:
        raise RuntimeError(f"no such command: {word}")
    if word == "where":
        return f"{postgres.folder} {postgres.port}"
    if word == "sql":
        database, _, text = rest.partition(" ")
        return postgres.sql(text, database).replace("\n", " ")
    return getattr(postgres, word)(*([rest] if rest else [])) or ""


def serve(postgres):
    for line in sys.stdin:
        try:
            print("ok", obey(postgres, line.rstrip("\n")), flush=True)
        except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
            print("error", str(problem).replace("\n", " "), flush=True)


def wait_for_end(postgres):
    postgres.start()
    print(postgres.database(), flush=True)
    signal.pause()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--template", help="where initdb's work is kept for the next time")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    postgres = Postgres(arguments.template)
    try:
        if arguments.control:
            serve(postgres)
        else:
            wait_for_end(postgres)
    finally:
        postgres.close()


if __name__ == "__main__":
    main()
