/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that must be refused, and the status that tells so.
 *
 * They are for a server with POST /echo, whose body may have PEER_BODY_LIMIT
 * bytes, and GET /hello.  Each is refused by what it holds, not by its end.
 */
#ifndef HTTP_CORPUS_H
#define HTTP_CORPUS_H
#include <stddef.h>

struct bad_request {
	const char *name;
	const char *bytes;
	size_t len;
	int status;
};

#define BAD(claim, code, text)                                                              \
	{                                                                                   \
		.name = (claim), .bytes = (text), .len = sizeof(text) - 1, .status = (code) \
	}
#define GET "GET /hello HTTP/1.1\r\nHost: a\r\n"
#define POST "POST /echo HTTP/1.1\r\nHost: a\r\n"
#define FIVE "Content-Length: 5\r\n\r\nhello"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
/* What a smuggler would like to be read as a request of its own. */
#define NEXT "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static const struct bad_request bad_requests[] = {
	/* the request line */
	BAD("empty line first", 400, "\r\n" NEXT),
	BAD("bare LF first", 400, "\n" NEXT),
	BAD("TLS client hello", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
	BAD("HTTP/2 preface", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	BAD("no version", 400, "GET /hello\r\n"),
	BAD("method alone", 400, "GET\r\n"),
	BAD("small letters", 400, "get /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("mixed letters", 400, "Get /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("digit in the method", 400, "GET1 /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("dash in the method", 400, "M-SEARCH /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("method too long", 400, "ABCDEFGHIJKLMNOPQ /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("no method", 400, " /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("two spaces behind the method", 400, "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("two spaces behind the target", 400, "GET /hello  HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("space at the end", 400, "GET /hello HTTP/1.1 \r\nHost: a\r\n\r\n"),
	BAD("tabs for spaces", 400, "GET\t/hello\tHTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("vertical tab", 400, "GET\x0b/hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("space in the target", 400, "GET /hel lo HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("tab in the target", 400, "GET /hel\tlo HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("NUL in the target", 400, "GET /hel\0lo HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("control byte in the target", 400, "GET /hel\x01lo HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("DEL in the target", 400, "GET /hel\x7flo HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("UTF-8 in the target", 400, "GET /h\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("latin 1 in the target", 400, "GET /h\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("fragment", 400, "GET /hello#x HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("absolute form", 400, "GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("absolute form with TLS", 400, "GET https://a/hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("asterisk form", 400, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("authority form", 400, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("tunnel to a path", 400, "CONNECT /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("relative target", 400, "GET hello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("query alone", 400, "GET ?x HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("empty target", 400, "GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("CR in the request line", 400, "GET /hello\rHTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("request line ends in LF", 400, "GET /hello HTTP/1.1\nHost: a\r\n\r\n"),
	BAD("request line ends in CR", 400, "GET /hello HTTP/1.1\rHost: a\r\n\r\n"),
	BAD("request line ends in CR CR LF", 400, "GET /hello HTTP/1.1\r\r\nHost: a\r\n\r\n"),

	/* the version */
	BAD("HTTP/0.9", 505, "GET /hello HTTP/0.9\r\nHost: a\r\n\r\n"),
	BAD("HTTP/1.2", 505, "GET /hello HTTP/1.2\r\nHost: a\r\n\r\n"),
	BAD("HTTP/2.0", 505, "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n"),
	BAD("HTTP/3.0", 505, "GET /hello HTTP/3.0\r\nHost: a\r\n\r\n"),
	BAD("HTTP/2", 400, "GET /hello HTTP/2\r\nHost: a\r\n\r\n"),
	BAD("HTTP/1.1x", 400, "GET /hello HTTP/1.1x\r\nHost: a\r\n\r\n"),
	BAD("HTTP/1.10", 400, "GET /hello HTTP/1.10\r\nHost: a\r\n\r\n"),
	BAD("HTTP/01.1", 400, "GET /hello HTTP/01.1\r\nHost: a\r\n\r\n"),
	BAD("HTTP/1,1", 400, "GET /hello HTTP/1,1\r\nHost: a\r\n\r\n"),
	BAD("HTTP/ 1.1", 400, "GET /hello HTTP/ 1.1\r\nHost: a\r\n\r\n"),
	BAD("http/1.1", 400, "GET /hello http/1.1\r\nHost: a\r\n\r\n"),
	BAD("HTTPS/1.1", 400, "GET /hello HTTPS/1.1\r\nHost: a\r\n\r\n"),

	/* lines and names */
	BAD("header ends in LF", 400, GET "X: y\n\r\n"),
	BAD("header ends in CR", 400, GET "X: y\rZ: z\r\n\r\n"),
	BAD("head ends in LF LF", 400, "GET /hello HTTP/1.1\r\nHost: a\n\n"),
	BAD("head ends in CR LF LF", 400, GET "\n"),
	BAD("head ends in CR CR LF", 400, GET "\r\r\n"),
	BAD("folded with a space", 400, GET "X: y\r\n z\r\n\r\n"),
	BAD("folded with a tab", 400, GET "X: y\r\n\tz\r\n\r\n"),
	BAD("folded first line", 400, "GET /hello HTTP/1.1\r\n Host: a\r\n\r\n"),
	BAD("line of spaces", 400, GET "  \r\n\r\n"),
	BAD("no colon", 400, GET "nonsense\r\n\r\n"),
	BAD("no name", 400, GET ": y\r\n\r\n"),
	BAD("space before the colon", 400, GET "X : y\r\n\r\n"),
	BAD("tab before the colon", 400, GET "X\t: y\r\n\r\n"),
	BAD("space in the name", 400, GET "X Y: z\r\n\r\n"),
	BAD("NUL in the name", 400, GET "X\0: y\r\n\r\n"),
	BAD("UTF-8 in the name", 400, GET "X\xc3\xa9: y\r\n\r\n"),
	BAD("parenthesis in the name", 400, GET "X(y): z\r\n\r\n"),
	BAD("slash in the name", 400, GET "X/y: z\r\n\r\n"),
	BAD("quoted name", 400, GET "\"X\": z\r\n\r\n"),
	BAD("NUL in a value", 400, GET "X: y\0z\r\n\r\n"),
	BAD("control byte in a value", 400, GET "X: y\x01z\r\n\r\n"),
	BAD("escape in a value", 400, GET "X: y\x1b[0m\r\n\r\n"),
	BAD("DEL in a value", 400, GET "X: y\x7f\r\n\r\n"),
	BAD("backspace in a value", 400, GET "X: y\b\r\n\r\n"),
	BAD("form feed in a value", 400, GET "X: y\f\r\n\r\n"),

	/* Host */
	BAD("no Host", 400, "GET /hello HTTP/1.1\r\n\r\n"),
	BAD("no Host in HTTP/1.0", 400, "GET /hello HTTP/1.0\r\n\r\n"),
	BAD("two Hosts", 400, GET "Host: b\r\n\r\n"),
	BAD("two equal Hosts", 400, GET "Host: a\r\n\r\n"),
	BAD("empty Host", 400, "GET /hello HTTP/1.1\r\nHost:\r\n\r\n"),
	BAD("Host with a path", 400, "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n"),
	BAD("Host with a user", 400, "GET /hello HTTP/1.1\r\nHost: u@a\r\n\r\n"),
	BAD("list of Hosts", 400, "GET /hello HTTP/1.1\r\nHost: a, b\r\n\r\n"),
	BAD("Host with a space", 400, "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"),
	BAD("Host with a wrong port", 400, "GET /hello HTTP/1.1\r\nHost: a:x\r\n\r\n"),
	BAD("Host with port 65536", 400, "GET /hello HTTP/1.1\r\nHost: a:65536\r\n\r\n"),
	BAD("Host with two ports", 400, "GET /hello HTTP/1.1\r\nHost: a:1:2\r\n\r\n"),
	BAD("Host without its bracket", 400, "GET /hello HTTP/1.1\r\nHost: [::1\r\n\r\n"),
	BAD("Host with a torn bracket", 400, "GET /hello HTTP/1.1\r\nHost: [::1]x:1\r\n\r\n"),
	BAD("Host with points in brackets", 400, "GET /hello HTTP/1.1\r\nHost: [..1]\r\n\r\n"),
	BAD("Host with a name in brackets", 400, "GET /hello HTTP/1.1\r\nHost: [cafe]\r\n\r\n"),
	BAD("Host of a point", 400, "GET /hello HTTP/1.1\r\nHost: .\r\n\r\n"),
	BAD("Host with two points in a row", 400, "GET /hello HTTP/1.1\r\nHost: a..b\r\n\r\n"),
	BAD("quoted Host", 400, "GET /hello HTTP/1.1\r\nHost: \"a\"\r\n\r\n"),

	/* Content-Length */
	BAD("two lengths", 400, POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
	BAD("two equal lengths", 400, POST "Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello"),
	BAD("list of lengths", 400, POST "Content-Length: 5, 5\r\n\r\nhello"),
	BAD("signed length", 400, POST "Content-Length: +5\r\n\r\nhello"),
	BAD("negative length", 400, POST "Content-Length: -5\r\n\r\nhello"),
	BAD("hexadecimal length", 400, POST "Content-Length: 0x5\r\n\r\nhello"),
	BAD("length with a point", 400, POST "Content-Length: 5.0\r\n\r\nhello"),
	BAD("length with an exponent", 400, POST "Content-Length: 5e0\r\n\r\nhello"),
	BAD("length in words", 400, POST "Content-Length: five\r\n\r\nhello"),
	BAD("length with junk", 400, POST "Content-Length: 5x\r\n\r\nhello"),
	BAD("length with a space inside", 400, POST "Content-Length: 1 0\r\n\r\nhello"),
	BAD("length with an underscore", 400, POST "Content-Length: 1_0\r\n\r\nhello"),
	BAD("empty length", 400, POST "Content-Length:\r\n\r\nhello"),
	BAD("quoted length", 400, POST "Content-Length: \"5\"\r\n\r\nhello"),
	BAD("length cut by a NUL", 400,
		POST "Content-Length: 5\0"
		     "0\r\n\r\nhello"),
	BAD("length over the limit", 413, POST "Content-Length: 1001\r\n\r\n"),
	BAD("length over 64 bits", 413, POST "Content-Length: 18446744073709551621\r\n\r\n"),
	BAD("length over 32 bits", 413, POST "Content-Length: 4294967301\r\n\r\n"),

	/* Transfer-Encoding */
	BAD("length and chunks", 400,
		POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
	BAD("chunks and length", 400,
		POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	BAD("chunked twice", 400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
	BAD("two codings in two lines", 400,
		POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
	BAD("chunked in two lines", 400,
		POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
	BAD("gzip", 501, POST "Transfer-Encoding: gzip\r\n\r\n"),
	BAD("identity", 501, POST "Transfer-Encoding: identity\r\n\r\n"),
	BAD("xchunked", 501, POST "Transfer-Encoding: xchunked\r\n\r\n"),
	BAD("gzip, chunked", 400, POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
	BAD("chunked, gzip", 400, POST "Transfer-Encoding: chunked, gzip\r\n\r\n"),
	BAD("chunked with a parameter", 400, POST "Transfer-Encoding: chunked;q=1\r\n\r\n"),
	BAD("chunked with a comma", 400, POST "Transfer-Encoding: chunked,\r\n\r\n"),
	BAD("quoted chunked", 400, POST "Transfer-Encoding: \"chunked\"\r\n\r\n"),
	BAD("no coding", 400, POST "Transfer-Encoding:\r\n\r\n"),
	BAD("space before the colon of the coding", 400,
		POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
	BAD("folded coding", 400, POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
	BAD("coding behind a vertical tab", 400,
		POST "Transfer-Encoding: \x0b"
		     "chunked\r\n\r\n"),
	BAD("coding in HTTP/1.0", 400,
		"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),

	/* chunks */
	BAD("empty size", 400, CHUNKED "\r\nhello"),
	BAD("signed size", 400, CHUNKED "+5\r\nhello\r\n0\r\n\r\n"),
	BAD("negative size", 400, CHUNKED "-5\r\nhello\r\n0\r\n\r\n"),
	BAD("size with 0x", 400, CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"),
	BAD("space before the size", 400, CHUNKED " 5\r\nhello\r\n0\r\n\r\n"),
	BAD("space behind the size", 400, CHUNKED "5 \r\nhello\r\n0\r\n\r\n"),
	BAD("tab behind the size", 400, CHUNKED "5\t\r\nhello\r\n0\r\n\r\n"),
	BAD("space before the extension", 400, CHUNKED "5 ;x\r\nhello\r\n0\r\n\r\n"),
	BAD("size with junk", 400, CHUNKED "5 junk\r\nhello\r\n0\r\n\r\n"),
	BAD("size of letters", 400, CHUNKED "xyz\r\n"),
	BAD("size ends in LF", 400, CHUNKED "5\nhello\r\n0\r\n\r\n"),
	BAD("size ends in CR", 400, CHUNKED "5\rhello\r\n0\r\n\r\n"),
	BAD("size ends in CR CR LF", 400, CHUNKED "5\r\r\nhello\r\n0\r\n\r\n"),
	BAD("size of 17 digits", 400, CHUNKED "00000000000000005\r\nhello\r\n"),
	BAD("size that wraps", 400, CHUNKED "10000000000000005\r\nhello\r\n"),
	BAD("size over the limit", 413, CHUNKED "3e9\r\n"),
	BAD("largest size", 413, CHUNKED "ffffffffffffffff\r\n"),
	BAD("sum over the limit", 413, CHUNKED "1\r\nx\r\n3e8\r\n"),
	BAD("no CRLF behind a chunk", 400, CHUNKED "5\r\nhello0\r\n\r\n"),
	BAD("LF behind a chunk", 400, CHUNKED "5\r\nhello\n0\r\n\r\n"),
	BAD("CR behind a chunk", 400, CHUNKED "5\r\nhello\r0\r\n\r\n"),
	BAD("chunk longer than said", 400, CHUNKED "4\r\nhello\r\n0\r\n\r\n"),
	BAD("chunk shorter than said", 400, CHUNKED "6\r\nhello\r\n0\r\n\r\n"),
	BAD("LF in an extension", 400, CHUNKED "5;x\nhello\r\n0\r\n\r\n"),
	BAD("CR in an extension", 400, CHUNKED "5;x\ry\r\nhello\r\n0\r\n\r\n"),
	BAD("NUL in an extension", 400, CHUNKED "5;x\0\r\nhello\r\n0\r\n\r\n"),
	BAD("no CRLF behind the last chunk", 400, CHUNKED "0\r\n" NEXT),
	BAD("last chunk ends in LF", 400, CHUNKED "0\n\n"),

	/* trailers */
	BAD("trailer without a colon", 400, CHUNKED "0\r\nnonsense\r\n\r\n"),
	BAD("folded trailer", 400, CHUNKED "0\r\nX: y\r\n z\r\n\r\n"),
	BAD("trailer ends in LF", 400, CHUNKED "0\r\nX: y\n\r\n"),
	BAD("NUL in a trailer", 400, CHUNKED "0\r\nX: \0\r\n\r\n"),
	BAD("length as a trailer", 400, CHUNKED "0\r\nContent-Length: 5\r\n\r\nhello"),
	BAD("coding as a trailer", 400, CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n"),
	BAD("Host as a trailer", 400, CHUNKED "0\r\nHost: b\r\n\r\n"),

	/* bodies, expectations, encodings */
	BAD("GET with a body", 400, GET FIVE),
	BAD("GET with chunks", 400, GET "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	BAD("HEAD with a body", 400, "HEAD /hello HTTP/1.1\r\nHost: a\r\n" FIVE),
	BAD("DELETE with a body", 400, "DELETE /hello HTTP/1.1\r\nHost: a\r\n" FIVE),
	BAD("TRACE with a body", 400, "TRACE /hello HTTP/1.1\r\nHost: a\r\n" FIVE),
	BAD("another expectation", 417, POST "Expect: 200-ok\r\n" FIVE),
	BAD("two expectations", 417, POST "Expect: 100-continue\r\nExpect: 100-continue\r\n" FIVE),
	BAD("list of expectations", 417, POST "Expect: 100-continue, x\r\n" FIVE),
	BAD("gzip body", 415, POST "Content-Encoding: gzip\r\n" FIVE),
	BAD("encoding twice", 415, POST "Content-Encoding: identity, br\r\n" FIVE),

	/* routes */
	BAD("unknown path", 404, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("known path with more behind", 404, "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("known path, encoded", 404, "GET /%68ello HTTP/1.1\r\nHost: a\r\n\r\n"),
	BAD("wrong method", 405, "PUT /echo HTTP/1.1\r\nHost: a\r\n" FIVE),
	BAD("unknown method", 405, "BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
};

#define BAD_REQUEST_COUNT (sizeof(bad_requests) / sizeof(bad_requests[0]))

#undef BAD
#undef GET
#undef POST
#undef FIVE
#undef CHUNKED
#undef NEXT

#endif
