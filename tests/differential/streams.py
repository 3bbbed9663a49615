# SPDX-License-Identifier: Apache-2.0
"""Good requests, and a seeded generator that makes requests and spoils some of them a little."""
import re

GOOD = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a/b?c=d&e HTTP/1.1\r\nHost: example.com:8080\r\nX-One:  1 2 \t\r\nx-empty:\r\n\r\n",
    b"GET /x HTTP/1.0\r\nHost: a\r\n\r\n",
    b"GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PROPFIND /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"ABCDEFGHIJKLMNOP /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello",
    b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length:5\t \r\n\r\nhello",
    b"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\nContent-Length: 1\r\n\r\nx",
    b"POST /x HTTP/1.1\r\nHost: a\r\nX-Text: caf\xc3\xa9\tau lait\r\nContent-Length: 1\r\n\r\nx",
    b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n"
    b"5\r\nhello\r\n00a;name=\"value\"\r\n, world\r\n!\r\n0;last\r\nX-Trailer: dropped\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"000000000000000F;\r\n0123456789abcde\r\n000\r\n\r\n",
    b"GET /?a=b?c%00 HTTP/1.1\r\nHost: a_b.example-1\r\n\r\n",
    b"GET //a//b/./c/../d;p=1?x=/../y HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /x? HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%2e%2E/%41?%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nKeep-Alive: timeout=5\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~: odd\r\nX_y: z\r\n\r\n",
    b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 60 + b"\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\nX-Long: " + b"v" * 15000 + b"\r\n\r\n",
]

METHODS = ["GET", "GET", "POST", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "BREW"]
PATHS = ["/", "/x", "/slack/events", "/a/b/../c", "//x", "/./x", "/a;b=c", "/%41", "/%2F", "/~a",
         "/a%20b", "/a\"b", "/a|b\\c", "/*", "/http://b/"]
QUERIES = ["", "", "", "?", "?a=b", "?a=%00", "?/../..", "?x=1;y=2", "??", "?a b"[:2]]
HOSTS = ["a", "a:80", "example.com", "[::1]", "127.0.0.1:65535", "A-b_c.d", "a."]
HEADERS = ["X-One: 1", "x-two:2", "X-Three:\t3\t", "X-Empty:", "Accept: */*", "Cookie: a=b; c=d",
           "Connection: keep-alive", "Connection: close", "Connection: x, keep-alive, y",
           "Keep-Alive: 5", "Upgrade: websocket", "TE: trailers", "Trailer: X-Sum",
           "Content-Type: application/json", "X-Forwarded-For: 10.0.0.1", "Content-Encoding: identity",
           "Expect: 100-continue", "X-Quote: \"a, \\\"b\"", "X-Colon: a:b::c", "Via: 1.0 b",
           "Content-Length-X: 7", "X-Content-Length: 7", "Transfer-Encodings: chunked", "X.y: z",
           "Proxy-Connection: close", "HTTP2-Settings: AAMAAABk", "Range: bytes=0-0"]
BODIES = [b"", b"x", b"hello", b"0\r\n\r\n", b"GET /in HTTP/1.1\r\nHost: b\r\n\r\n", b"\r\n\r\n",
          b"\x00\xff\r\n", b"a" * 300]
EXTENSIONS = ["", "", "", ";", ";a", ";a=b", ";a=\"b;c\"", ";\t x", ";\xe9"]
TRAILERS = ["X-Sum: 1", "x: \ty", "Expect: x", "Connection: close"]
SPOILERS = [b"\r", b"\n", b"\r\n", b"\t", b" ", b"\x00", b"\x0b", b"\x7f", b"\x80", b":", b";", b",",
            b"+", b"-", b"0", b"1", b"9", b"a", b"G", b"f", b"x", b"0x", b"%", b"%0d%0a", b"#", b"?",
            b"/", b"..", b"/../", b"HTTP/1.1", b"HTTP/1.0", b"Host: b\r\n", b"\r\nContent-Length: 3",
            b"\r\nTransfer-Encoding: chunked", b"chunked", b"\r\n\r\n", b"0\r\n\r\n", b"close"]

# Lines that smugglers write, put among the headers.
SMUGGLED = [b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: +5", b"Content-Length: 5, 5",
            b"Content-Length: 0x5", b"Content-Length: 5 5", b"Content-Length : 5", b" Content-Length: 5",
            b"Content-Length:", b"Content-Length: 18446744073709551621", b"Content_Length: 5",
            b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunkedx", b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding : chunked",
            b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: \"chunked\"", b"\tchunked",
            b"X: y\nContent-Length: 5", b"X: y\rTransfer-Encoding: chunked", b"X: y\x00", b"X",
            b"Host: b", b"Host: a/b", b"Host: a, b", b"Host: a:b", b"Host: u@a", b":", b"X\x00: y",
            b"Connection: Content-Length", b"Expect: 200-ok", b"Upgrade: h2c"]
# A chunk's size line, and how it could be written otherwise.
ODD_SIZES = [b"+%s", b"-%s", b" %s", b"0x%s", b"%s ", b"%s\t", b"%s ;x", b"%s,", b"%s\n", b"%s\r",
             b"%s;x\ny", b"%s;x\ry", b"%s\x00", b"00000000000000000%s", b"1000000000000000%s", b"%s.0",
             b";x", b"", b"%sg"]


class Generator:
    def __init__(self, random):
        self.random = random

    def stream(self):
        """One to three requests, half of the time spoiled in one to three places."""
        pick = self.random
        stream = b"".join(self.request() for _ in range(pick.choice((1, 1, 2, 2, 3))))
        if pick.random() < 0.5:
            for _ in range(pick.choice((1, 1, 2, 3))):
                stream = self.spoil(stream)
        return stream

    def request(self):
        pick = self.random
        if pick.random() < 0.1:
            return pick.choice(GOOD)
        method = pick.choice(METHODS)
        version = "1.0" if pick.random() < 0.05 else "1.1"
        lines = ["Host: " + pick.choice(HOSTS)] + pick.sample(HEADERS, pick.randrange(4))
        body = b""
        if method in ("POST", "PUT", "PATCH"):
            line, body = self.framed_body(version)
            lines += line
        pick.shuffle(lines)
        lines = [self.recase(line) for line in lines]
        target = pick.choice(PATHS) + pick.choice(QUERIES)
        head = "\r\n".join(["%s %s HTTP/%s" % (method, target, version)] + lines)
        return head.encode("latin-1") + b"\r\n\r\n" + body

    def framed_body(self, version):
        pick = self.random
        body = pick.choice(BODIES)
        if version == "1.0" or pick.random() < 0.5:
            digits = "%0*d" % (pick.choice((1, 1, 1, 3)), len(body))
            return ["Content-Length:%s%s" % (pick.choice(("", " ", "  ")), digits)], body
        return ["Transfer-Encoding: " + pick.choice(("chunked", "Chunked"))], self.chunked(body)

    def chunked(self, body):
        pick = self.random
        out = b""
        while body:
            size = pick.randrange(1, len(body) + 1)
            out += self.chunk_line(size) + body[:size] + b"\r\n"
            body = body[size:]
        out += self.chunk_line(0)
        for trailer in pick.sample(TRAILERS, pick.choice((0, 0, 0, 1, 2))):
            out += trailer.encode("latin-1") + b"\r\n"
        return out + b"\r\n"

    def chunk_line(self, size):
        pick = self.random
        form = pick.choice(("%x", "%X", "%04x"))
        return (form % size + pick.choice(EXTENSIONS)).encode("latin-1") + b"\r\n"

    def recase(self, line):
        name, colon, value = line.partition(":")
        return self.random.choice((name, name, name.lower(), name.upper())) + colon + value

    def spoil(self, stream):
        pick = self.random
        at = pick.randrange(len(stream) + 1)
        kind = pick.randrange(9)
        if kind == 0:
            return stream[:at] + bytes([pick.randrange(256)]) + stream[at + 1:]
        if kind == 1:
            return stream[:at] + stream[at + pick.choice((1, 1, 2, 5)):]
        if kind == 2:
            return stream[:at]
        if kind == 3:
            return self.spoil_line(stream)
        if kind == 4:
            return self.smuggle(stream)
        if kind == 5:
            return self.spoil_size(stream)
        spoiler = pick.choice(SPOILERS)
        return stream[:at] + spoiler + stream[at + pick.choice((0, 0, len(spoiler))):]

    def smuggle(self, stream):
        ends = [match.start() for match in re.finditer(rb"\r\n", stream)]
        if not ends:
            return stream
        at = self.random.choice(ends)
        return stream[:at] + b"\r\n" + self.random.choice(SMUGGLED) + stream[at:]

    def spoil_size(self, stream):
        sizes = list(re.finditer(rb"(?<=\n)[0-9a-fA-F]+(?=[;\r])", stream))
        if not sizes:
            return stream
        size = self.random.choice(sizes)
        return (stream[:size.start()] + self.random.choice(ODD_SIZES).replace(b"%s", size.group()) +
                stream[size.end():])

    def spoil_line(self, stream):
        """A line is doubled, dropped, moved, or ends in another way."""
        pick = self.random
        lines = stream.split(b"\r\n")
        at = pick.randrange(len(lines))
        kind = pick.randrange(4)
        if kind == 0:
            lines.insert(pick.randrange(len(lines)), lines[at])
        elif kind == 1:
            del lines[at]
        elif kind == 2:
            lines.insert(pick.randrange(len(lines)), lines.pop(at))
        else:
            end = pick.choice((b"\n", b"\r", b" \r\n", b"\t\r\n", b"\r\r\n", b"\r\n "))
            return b"\r\n".join(lines[:at + 1]) + end + b"\r\n".join(lines[at + 1:])
        return b"\r\n".join(lines)
