/* SPDX-License-Identifier: Apache-2.0 */
#include "net/url.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

#define URL_BYTES 8192
#define HOST_BYTES 253
#define LABEL_BYTES 63
#define PORT_MAX 65535

static const struct {
	const char *name;
	uint16_t port;
} schemes[] = { { "http", 80 }, { "https", 443 }, { "smtp", 25 }, { "smtps", 465 } };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_name_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

uint16_t orch_url_default_port(struct orch_text scheme)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (orch_text_is(scheme, schemes[i].name))
			return schemes[i].port;
	}
	return 0;
}

/* Bytes that no part of a URL may have; a backslash is a slash to some readers. */
static int check_bytes(struct orch_text text, struct orch_err *err)
{
	if (text.len == 0)
		return orch_fail(err, ORCH_E_INVALID, "the URL is empty");
	if (text.len > URL_BYTES)
		return orch_fail(err, ORCH_E_INVALID, "the URL is longer than %d bytes", URL_BYTES);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '\\')
			return orch_fail(err, ORCH_E_INVALID,
				"the URL has a space, a backslash, a control or a non-ASCII byte");
	}
	return ORCH_OK;
}

/* Cuts "scheme://" off REST. */
static int take_scheme(struct orch_text *rest, struct orch_url *url, struct orch_err *err)
{
	const char *colon = memchr(rest->ptr, ':', rest->len);
	size_t len = colon ? (size_t)(colon - rest->ptr) : 0;

	if (len == 0 || len >= sizeof(url->scheme_buf) || rest->len < len + 3 ||
		memcmp(colon, "://", 3) != 0)
		return orch_fail(err, ORCH_E_INVALID,
			"the URL must begin with http://, https://, smtp:// or smtps://");
	for (size_t i = 0; i < len; i++)
		url->scheme_buf[i] = lower(rest->ptr[i]);
	url->scheme = (struct orch_text){ url->scheme_buf, len };
	url->port = orch_url_default_port(url->scheme);
	if (url->port == 0)
		return orch_fail(
			err, ORCH_E_INVALID, "the URL's scheme must be http, https, smtp or smtps");
	rest->ptr += len + 3;
	rest->len -= len + 3;
	return ORCH_OK;
}

/* Cuts the authority off REST, which then begins with '/' or is empty. */
static int take_authority(
	struct orch_text *rest, struct orch_text *ret_authority, struct orch_err *err)
{
	size_t len = 0;

	while (len < rest->len && !strchr("/?#", rest->ptr[len]))
		len++;
	if (memchr(rest->ptr, '@', len))
		return orch_fail(
			err, ORCH_E_INVALID, "the URL must not have a user name or password");
	if (len < rest->len && rest->ptr[len] != '/')
		return orch_fail(err, ORCH_E_INVALID, "the URL needs a \"/\" behind its host");
	*ret_authority = (struct orch_text){ rest->ptr, len };
	rest->ptr += len;
	rest->len -= len;
	return ORCH_OK;
}

static int parse_port(struct orch_text digits, uint16_t *ret_port, struct orch_err *err)
{
	uint64_t port;

	if (digits.len == 0 || digits.len > 5 || digits.ptr[0] == '0' ||
		orch_text_to_uint(digits, 1, PORT_MAX, &port) != ORCH_OK)
		return orch_fail(
			err, ORCH_E_INVALID, "the URL's port must be a number from 1 to 65535");
	*ret_port = (uint16_t)port;
	return ORCH_OK;
}

static void keep_host(struct orch_url *url, struct orch_text host)
{
	for (size_t i = 0; i < host.len; i++)
		url->host_buf[i] = lower(host.ptr[i]);
	url->host_buf[host.len] = '\0';
	url->host = (struct orch_text){ url->host_buf, host.len };
}

/* Kept in the one form that inet_ntop() gives, so that hosts compare as texts. */
static int parse_ipv6(struct orch_text host, struct orch_url *url, struct orch_err *err)
{
	char text[INET6_ADDRSTRLEN] = { 0 };
	struct in6_addr address;

	if (host.len < sizeof(text))
		memcpy(text, host.ptr, host.len);
	if (host.len >= sizeof(text) || inet_pton(AF_INET6, text, &address) != 1)
		return orch_fail(err, ORCH_E_INVALID,
			"what stands in the URL's brackets is no IPv6 address");
	(void)inet_ntop(AF_INET6, &address, text, sizeof(text));
	keep_host(url, orch_text_from(text));
	return ORCH_OK;
}

/* Would some reader take a host with this last label for an IPv4 address? */
static bool is_numeric(struct orch_text label)
{
	bool is_base16 = label.len >= 2 && label.ptr[0] == '0' && label.ptr[1] == 'x';

	for (size_t i = is_base16 ? 2 : 0; i < label.len; i++) {
		if (is_base16 ? !is_hex(label.ptr[i]) : !is_digit(label.ptr[i]))
			return false;
	}
	return true;
}

static bool is_label(struct orch_text label)
{
	if (label.len == 0 || label.len > LABEL_BYTES)
		return false;
	if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		if (!is_name_char(label.ptr[i]))
			return false;
	}
	return true;
}

static int parse_name(struct orch_text host, struct orch_url *url, struct orch_err *err)
{
	struct orch_text rest, label = { "", 0 };
	struct in_addr address;

	if (host.len == 0 || host.len > HOST_BYTES)
		return orch_fail(
			err, ORCH_E_INVALID, "the URL's host must have 1 to %d bytes", HOST_BYTES);
	keep_host(url, host);
	rest = url->host;
	while (orch_text_split(&rest, '.', &label)) {
		if (!is_label(label))
			return orch_fail(err, ORCH_E_INVALID,
				"the URL's host is neither a name, nor an IPv4 address, "
				"nor an IPv6 address in brackets");
	}
	if (is_numeric(label) && inet_pton(AF_INET, url->host_buf, &address) != 1)
		return orch_fail(err, ORCH_E_INVALID,
			"an IPv4 address must be four decimal numbers without leading zeros");
	return ORCH_OK;
}

static int parse_authority(struct orch_text text, struct orch_url *url, struct orch_err *err)
{
	bool in_brackets = text.len > 0 && text.ptr[0] == '[';
	const char *end = memchr(text.ptr, in_brackets ? ']' : ':', text.len);
	struct orch_text host = text, port;
	int code;

	if (in_brackets && !end)
		return orch_fail(err, ORCH_E_INVALID, "the URL's \"[\" has no \"]\"");
	if (end)
		host.len = (size_t)(end - text.ptr);
	port = (struct orch_text){ text.ptr + host.len, text.len - host.len };
	if (in_brackets) {
		host = (struct orch_text){ host.ptr + 1, host.len - 1 };
		port = (struct orch_text){ port.ptr + 1, port.len - 1 };
	}
	code = in_brackets ? parse_ipv6(host, url, err) : parse_name(host, url, err);
	if (code != ORCH_OK || port.len == 0)
		return code;
	if (port.ptr[0] != ':')
		return orch_fail(err, ORCH_E_INVALID, "only a port may follow the URL's \"]\"");
	return parse_port((struct orch_text){ port.ptr + 1, port.len - 1 }, &url->port, err);
}

static int parse_target(struct orch_text rest, struct orch_url *url, struct orch_err *err)
{
	const char *fragment = memchr(rest.ptr, '#', rest.len);

	if (fragment)
		rest.len = (size_t)(fragment - rest.ptr);
	url->target = rest.len > 0 ? rest : ORCH_TEXT("/");
	if (url->target.len > 1 && orch_text_starts_with(url->scheme, ORCH_TEXT("smtp")))
		return orch_fail(err, ORCH_E_INVALID, "a mail server's URL has no path");
	return ORCH_OK;
}

int orch_url_parse(struct orch_text text, struct orch_url *ret_url, struct orch_err *err)
{
	struct orch_url url = { .port = 0 };
	struct orch_text rest = text, authority = { "", 0 };
	int code = check_bytes(text, err);

	if (code == ORCH_OK)
		code = take_scheme(&rest, &url, err);
	if (code == ORCH_OK)
		code = take_authority(&rest, &authority, err);
	if (code == ORCH_OK)
		code = parse_authority(authority, &url, err);
	if (code == ORCH_OK)
		code = parse_target(rest, &url, err);
	if (code != ORCH_OK)
		return code;
	*ret_url = url;
	ret_url->scheme.ptr = ret_url->scheme_buf;
	ret_url->host.ptr = ret_url->host_buf;
	return ORCH_OK;
}
