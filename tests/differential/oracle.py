# SPDX-License-Identifier: Apache-2.0
"""nginx as the second opinion: it reads a stream and says what it took for requests.

nginx is a reverse proxy in front of an upstream of ours, which answers each request with a header
that repeats what nginx made of it.  The answers come back in order on the client's connection.
"""
import asyncio
import base64
import hashlib
import json
import os
import subprocess
import time

PATIENCE_S = 20
AT_ONCE = 16
ANSWER_HEADER = b"x-read"
# What nginx writes itself.
OF_THE_CONNECTION = {b"host", b"connection", b"content-length",
                     b"oracle-method", b"oracle-target", b"oracle-used"}

CONFIG = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log info;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
    client_header_buffer_size 64k; large_client_header_buffers 4 64k;
    client_body_buffer_size 128k; client_max_body_size 0;
    ignore_invalid_headers off; underscores_in_headers on;
    keepalive_requests 1000000;
    upstream told {{ server unix:{dir}/told; keepalive 32; }}
    server {{
        listen unix:{dir}/asked;
        location / {{
            proxy_pass http://told;
            proxy_http_version 1.1;
            proxy_ignore_client_abort on;
            proxy_buffer_size 64k; proxy_buffers 4 64k; proxy_busy_buffers_size 64k;
            proxy_headers_hash_max_size 1024;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header Oracle-Method $request_method;
            proxy_set_header Oracle-Target $request_uri;
            proxy_set_header Oracle-Used $request_length;
        }}
    }}
}}
"""


class Missing(Exception):
    """There is no nginx."""


class Oracle:
    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, "asked")
        self.nginx = None
        self.upstream = None

    async def start(self):
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG.format(dir=self.folder))
        self.upstream = await asyncio.start_unix_server(
            answer_requests, os.path.join(self.folder, "told"), limit=1 << 20)
        program = next((p for p in ("/usr/sbin/nginx", "/usr/bin/nginx") if os.path.exists(p)), None)
        if program is None:
            raise Missing("nginx is not installed; ./dev test installs Debian's nginx")
        self.nginx = subprocess.Popen(
            [program, "-p", self.folder, "-c", config, "-e", os.path.join(self.folder, "error.log")],
            stdin=subprocess.DEVNULL)
        await self.wait_until_it_listens()

    async def wait_until_it_listens(self):
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(self.path)
                writer.close()
                return
            except OSError as problem:
                if self.nginx.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("nginx does not start: " + self.log()) from problem
                await asyncio.sleep(0.01)

    def log(self):
        with open(os.path.join(self.folder, "error.log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        if self.upstream is not None:
            self.upstream.close()
        if self.nginx is not None:
            self.nginx.terminate()
            self.nginx.wait(PATIENCE_S)

    async def ask(self, stream):
        """All bytes that nginx answers to a connection that sends STREAM and then its end."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            writer.write(stream)
            writer.write_eof()
            return await asyncio.wait_for(reader.read(-1), PATIENCE_S)
        finally:
            writer.close()

    async def ask_all(self, streams):
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(stream):
            async with gate:
                return await self.ask(stream)

        return await asyncio.gather(*(ask(stream) for stream in streams))


def headers_of(head):
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return [(name, value.strip(b" ")) for name, _, value in pairs]


async def answer_requests(reader, writer):
    """One connection of nginx to its upstream.  nginx sends the body's length always."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
            headers = headers_of(head)
            named = {name.lower(): value for name, value in headers}
            body = await reader.readexactly(int(named.get(b"content-length", b"0")))
            read = base64.b64encode(json.dumps(describe(headers, named, body)).encode())
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Read: " + read + b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        writer.close()


def describe(headers, named, body):
    return {
        "method": named[b"oracle-method"].decode("latin-1"),
        "target": named[b"oracle-target"].decode("latin-1"),
        "used": int(named[b"oracle-used"]),
        "host": named.get(b"host", b"").decode("latin-1"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers
                    if name.lower() not in OF_THE_CONNECTION],
        "body": hashlib.sha256(body).hexdigest(),
    }


def answers_of(stream, methods):
    """[(status, what nginx read or None, is the end announced)], without the interim ones.

    METHODS of the requests as we count them tell which answers have no body.  An answer without a
    head is one to what nginx takes for HTTP/0.9.
    """
    answers = []
    while stream:
        head, _, stream = stream.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 "):
            answers.append((400, None, True))
            break
        status = int(head.split(b" ", 2)[1])
        named = {name.lower(): value for name, value in headers_of(head)}
        if status == 100:
            continue
        method = methods[len(answers)] if len(answers) < len(methods) else ""
        if method != "HEAD" and status not in (204, 304):
            stream = stream[int(named.get(b"content-length", b"0")):]
        read = named.get(ANSWER_HEADER)
        answers.append((status, read and json.loads(base64.b64decode(read)),
                        named.get(b"connection") == b"close"))
    return answers
