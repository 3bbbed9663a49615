/* SPDX-License-Identifier: Apache-2.0 */
#include "net/egress.h"

#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "net/address.h"

#define PATTERN_BYTES 300

static bool is_named(const struct orch_egress *egress, const uint8_t address[16])
{
	for (size_t i = 0; i < egress->allowed_count; i++) {
		if (orch_network_has(&egress->allowed[i], address))
			return true;
	}
	return false;
}

const char *orch_egress_refusal(const struct orch_egress *egress, const struct sockaddr *address)
{
	uint8_t bytes[16], embedded[16];
	const char *kind;

	if (!orch_address_from(address, bytes))
		return "unknown";
	kind = orch_address_kind(bytes);
	if (!kind || is_named(egress, bytes))
		return NULL;
	if (orch_address_embedded(bytes, embedded) && is_named(egress, embedded))
		return NULL;
	return kind;
}

bool orch_egress_allows(const struct orch_egress *egress, const struct sockaddr *address)
{
	return orch_egress_refusal(egress, address) == NULL;
}

bool orch_egress_is_token(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c <= ' ' || c > '~' || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return text.len > 0;
}

static bool is_address(struct orch_text host)
{
	return memchr(host.ptr, ':', host.len) || strspn(host.ptr, "0123456789.") == host.len;
}

/* A pattern is read as the authority of a URL, so that the two can never differ. */
static int parse_authority(struct orch_text text, struct orch_url *ret_url, struct orch_err *err)
{
	char url[PATTERN_BYTES];

	if (text.len == 0 || text.len + sizeof("https:///") > sizeof(url))
		return orch_fail(err, ORCH_E_INVALID, "a host must have 1 to 253 bytes");
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0' || strchr("/?#@*", text.ptr[i]))
			return orch_fail(err, ORCH_E_INVALID,
				"not a host; write it as \"slack.com\", \"*.slack.com\" or "
				"\"127.0.0.1:9000\"");
	}
	(void)snprintf(url, sizeof(url), "https://%.*s/", ORCH_TEXT_ARG(text));
	return orch_url_parse(orch_text_from(url), ret_url, err);
}

static bool has_port(struct orch_text text)
{
	const char *bracket = memchr(text.ptr, ']', text.len);
	const char *from = bracket ? bracket : text.ptr;

	return memchr(from, ':', text.len - (size_t)(from - text.ptr)) != NULL;
}

int orch_host_pattern_parse(struct orch_arena *arena, struct orch_text text,
	struct orch_host_pattern *ret_pattern, struct orch_err *err)
{
	struct orch_host_pattern pattern = { .port = 0 };
	struct orch_url url = { .host = ORCH_TEXT_NONE };
	int code;

	pattern.wildcard = orch_text_starts_with(text, ORCH_TEXT("*."));
	if (pattern.wildcard)
		text = (struct orch_text){ text.ptr + 2, text.len - 2 };
	code = parse_authority(text, &url, err);
	if (code != ORCH_OK)
		return code;
	if (pattern.wildcard && (is_address(url.host) || !memchr(url.host.ptr, '.', url.host.len)))
		return orch_fail(err, ORCH_E_INVALID,
			"\"*.\" needs a domain of at least two labels behind it");
	if (has_port(text))
		pattern.port = url.port;
	pattern.name = orch_arena_text(arena, url.host);
	if (orch_arena_failed(arena))
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	*ret_pattern = pattern;
	return ORCH_OK;
}

static bool host_matches(const struct orch_host_pattern *pattern, struct orch_text host)
{
	size_t name_len = pattern->name.len;

	if (!pattern->wildcard)
		return orch_text_equal(pattern->name, host);
	return host.len > name_len + 1 && host.ptr[host.len - name_len - 1] == '.' &&
		orch_text_ends_with(host, pattern->name);
}

static bool has_origin(
	const struct orch_egress *egress, const struct orch_url *url, bool same_scheme)
{
	for (size_t i = 0; i < egress->origin_count; i++) {
		const struct orch_origin *origin = &egress->origins[i];

		if (origin->port == url->port && orch_text_equal(origin->host, url->host) &&
			(!same_scheme || orch_text_equal(origin->scheme, url->scheme)))
			return true;
	}
	return false;
}

static bool port_matches(const struct orch_egress *egress, const struct orch_host_pattern *pattern,
	const struct orch_url *url)
{
	if (pattern->port != 0)
		return pattern->port == url->port;
	return url->port == orch_url_default_port(url->scheme) || has_origin(egress, url, false);
}

static int check_hosts(const struct orch_egress *egress, const struct orch_credential_entry *entry,
	const struct orch_url *url, struct orch_err *err)
{
	bool is_host_named = false;

	for (size_t i = 0; i < entry->host_count; i++) {
		if (!host_matches(&entry->hosts[i], url->host))
			continue;
		if (port_matches(egress, &entry->hosts[i], url))
			return ORCH_OK;
		is_host_named = true;
	}
	if (is_host_named)
		return orch_fail(err, ORCH_E_DENIED,
			"credential %.*s may not go to port %u of %.*s", ORCH_TEXT_ARG(entry->name),
			(unsigned)url->port, ORCH_TEXT_ARG(url->host));
	return orch_fail(err, ORCH_E_DENIED,
		"credential %.*s may not go to %.*s: its hosts do not name it",
		ORCH_TEXT_ARG(entry->name), ORCH_TEXT_ARG(url->host));
}

const struct orch_credential_entry *orch_egress_credential(
	const struct orch_egress *egress, orch_credential credential)
{
	if (credential == 0 || credential > egress->credential_count)
		return NULL;
	return &egress->credentials[credential - 1];
}

int orch_egress_check_credential(const struct orch_egress *egress, orch_credential credential,
	const struct orch_url *url, struct orch_err *err)
{
	const struct orch_credential_entry *entry = orch_egress_credential(egress, credential);
	bool is_clear = !orch_text_is(url->scheme, "https") && !orch_text_is(url->scheme, "smtps");
	int code;

	if (credential == 0)
		return ORCH_OK;
	if (!entry)
		return orch_fail(err, ORCH_E_DENIED, "there is no credential %u", credential);
	code = check_hosts(egress, entry, url, err);
	if (code != ORCH_OK)
		return code;
	if (is_clear && !has_origin(egress, url, true))
		return orch_fail(err, ORCH_E_DENIED,
			"credential %.*s may not go to %.*s over clear-text %.*s",
			ORCH_TEXT_ARG(entry->name), ORCH_TEXT_ARG(url->host),
			ORCH_TEXT_ARG(url->scheme));
	return ORCH_OK;
}

static int check_secret(const struct orch_credential_entry *entry, struct orch_err *err)
{
	struct orch_text secret;

	if (!entry->secret)
		return orch_fail(err, ORCH_E_DENIED, "credential %.*s is not loaded",
			ORCH_TEXT_ARG(entry->name));
	secret = orch_secret_text(entry->secret);
	for (size_t i = 0; i < secret.len; i++) {
		if ((unsigned char)secret.ptr[i] < ' ' || secret.ptr[i] == 0x7f)
			return orch_fail(err, ORCH_E_INVALID,
				"credential %.*s holds a control character",
				ORCH_TEXT_ARG(entry->name));
	}
	if (secret.len == 0)
		return orch_fail(err, ORCH_E_INVALID, "credential %.*s is empty",
			ORCH_TEXT_ARG(entry->name));
	return ORCH_OK;
}

static int write_header(const struct orch_credential_entry *entry, const char *before, bool encode,
	char *ret, size_t size, struct orch_err *err)
{
	struct orch_text secret = orch_secret_text(entry->secret);
	size_t before_len = strlen(before);
	size_t len = encode ? (secret.len + 2) / 3 * 4 : secret.len;

	if (before_len + len + 1 > size)
		return orch_fail(err, ORCH_E_LIMIT, "credential %.*s is too long for a header",
			ORCH_TEXT_ARG(entry->name));
	memcpy(ret, before, before_len);
	if (encode) {
		(void)orch_base64_encode(secret.ptr, secret.len, ret + before_len);
	} else {
		memcpy(ret + before_len, secret.ptr, len);
		ret[before_len + len] = '\0';
	}
	return ORCH_OK;
}

int orch_egress_header(const struct orch_egress *egress, orch_credential credential, char *ret,
	size_t size, struct orch_err *err)
{
	const struct orch_credential_entry *entry = orch_egress_credential(egress, credential);
	char before[256];
	int code;

	if (!entry)
		return orch_fail(err, ORCH_E_DENIED, "there is no credential %u", credential);
	code = check_secret(entry, err);
	if (code != ORCH_OK)
		return code;
	switch (entry->scheme) {
	case ORCH_SCHEME_BEARER:
		return write_header(entry, "Authorization: Bearer ", false, ret, size, err);
	case ORCH_SCHEME_BASIC:
		return write_header(entry, "Authorization: Basic ", true, ret, size, err);
	case ORCH_SCHEME_HEADER:
		if (entry->header.len > sizeof(before) - 3 || !orch_egress_is_token(entry->header))
			break;
		(void)snprintf(before, sizeof(before), "%.*s: ", ORCH_TEXT_ARG(entry->header));
		return write_header(entry, before, false, ret, size, err);
	case ORCH_SCHEME_NONE:
		break;
	}
	return orch_fail(err, ORCH_E_DENIED,
		"credential %.*s has no scheme by which it could be sent",
		ORCH_TEXT_ARG(entry->name));
}
