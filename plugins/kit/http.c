/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/http.h"

#include <string.h>

static struct orch_text trim(struct orch_text text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && strchr(" \t\r", text.ptr[text.len - 1]) != NULL)
		text.len--;
	return text;
}

size_t kit_header(struct orch_text headers, const char *name, struct orch_text *ret_value)
{
	struct orch_text line;
	size_t count = 0;

	while (kit_split(&headers, '\n', &line)) {
		const char *colon = memchr(line.ptr, ':', line.len);
		struct orch_text key = { line.ptr, colon == NULL ? 0 : (size_t)(colon - line.ptr) };

		if (colon == NULL || !kit_equal_caseless(key, kit_text(name)))
			continue;
		if (count++ == 0)
			*ret_value = trim((struct orch_text){ colon + 1, line.len - key.len - 1 });
	}
	return count;
}

bool kit_header_once(struct orch_text headers, const char *name, struct orch_text *ret_value)
{
	return kit_header(headers, name, ret_value) == 1;
}

static bool is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '-' || c == '.' || c == '_';
}

/* The host's length; an IPv6 address stands in brackets. */
static size_t host_length(struct orch_text text)
{
	size_t len = 0;

	if (text.len > 0 && text.ptr[0] == '[') {
		const char *end = memchr(text.ptr, ']', text.len);

		return end == NULL ? 0 : (size_t)(end - text.ptr) + 1;
	}
	while (len < text.len && is_host_byte(text.ptr[len]))
		len++;
	return len;
}

static bool skip(struct orch_text *text, const char *prefix)
{
	struct orch_text head = { text->ptr, strlen(prefix) };

	if (text->len < head.len || !kit_equal_caseless(head, kit_text(prefix)))
		return false;
	text->ptr += head.len;
	text->len -= head.len;
	return true;
}

static bool is_clean(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] <= 0x20u || text.ptr[i] == 0x7f ||
			text.ptr[i] == '\\')
			return false;
	}
	return true;
}

bool kit_url_parse(struct orch_text url, struct kit_url *ret_url)
{
	struct kit_url parsed = { .port = { "", 0 } };
	struct orch_text rest = url;

	if (!is_clean(url))
		return false;
	if (skip(&rest, "https://"))
		parsed.scheme = kit_text("https");
	else if (skip(&rest, "http://"))
		parsed.scheme = kit_text("http");
	else
		return false;

	parsed.host = (struct orch_text){ rest.ptr, host_length(rest) };
	rest.ptr += parsed.host.len;
	rest.len -= parsed.host.len;
	if (skip(&rest, ":")) {
		parsed.port.ptr = rest.ptr;
		while (rest.len > 0 && *rest.ptr >= '0' && *rest.ptr <= '9') {
			rest.ptr++;
			rest.len--;
		}
		parsed.port.len = (size_t)(rest.ptr - parsed.port.ptr);
	}
	parsed.rest = rest;
	/* A user ("host@other") or anything else odd stands here. */
	if (parsed.host.len == 0 || (rest.len > 0 && strchr("/?#", *rest.ptr) == NULL))
		return false;
	*ret_url = parsed;
	return true;
}

static struct orch_text port_of(const struct kit_url *url)
{
	if (url->port.len > 0)
		return url->port;
	return kit_text(kit_is(url->scheme, "https") ? "443" : "80");
}

bool kit_url_same_origin(const struct kit_url *a, const struct kit_url *b)
{
	return kit_equal(a->scheme, b->scheme) && kit_equal_caseless(a->host, b->host) &&
		kit_equal(port_of(a), port_of(b));
}
