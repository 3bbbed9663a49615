/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came when a file was asked for.
 *
 * Without the right scope Slack answers a download with 200 and its sign-in
 * page, or with a redirect to it.  Taken for the file, that page would be
 * "clean".  So the answer must look like the file that was announced.
 */
#include "slack.h"

#include <string.h>

#include "kit/http.h"

#define HOPS_LIMIT 3u
#define URL_BYTES 4096

#define SIGN_IN "a sign-in page came in place of the file: the token lacks files:read or is stale"

static bool is_slack_host(struct orch_text host)
{
	struct orch_text tail = host;

	if (kit_equal_caseless(host, kit_text("slack.com")) ||
		kit_equal_caseless(host, kit_text("slack-files.com")))
		return true;
	if (host.len <= strlen(".slack.com"))
		return false;
	tail.ptr += host.len - strlen(".slack.com");
	tail.len = strlen(".slack.com");
	return kit_equal_caseless(tail, kit_text(".slack.com"));
}

/* Slack's own hosts over https, or a stand-in at the very place where the API was configured to be. */
bool download_may_have_token(const struct slack *self, struct orch_text url)
{
	struct kit_url parsed, api;

	if (url.len > URL_BYTES || !kit_url_parse(url, &parsed))
		return false;
	if (kit_url_parse(kit_text(self->settings->api_url), &api) &&
		kit_url_same_origin(&parsed, &api))
		return true;
	return kit_is(parsed.scheme, "https") && is_slack_host(parsed.host) &&
		(parsed.port.len == 0 || kit_is(parsed.port, "443"));
}

void expected_read(const char *memo, struct expected *ret_expected)
{
	struct orch_text rest = kit_text(memo), piece;
	uint64_t number;

	*ret_expected = (struct expected){ .size = 0 };
	if (kit_split(&rest, ' ', &piece) && kit_number(piece, &number))
		ret_expected->size = number;
	if (kit_split(&rest, ' ', &piece))
		ret_expected->is_html = kit_is(piece, "html");
	if (kit_split(&rest, ' ', &piece) && kit_number(piece, &number))
		ret_expected->hops = (uint32_t)(number & 0xffu);
	(void)snprintf(ret_expected->origin, sizeof(ret_expected->origin), "%.*s",
		rest.len > 120 ? 0 : (int)rest.len, rest.ptr);
}

void expected_write(const struct expected *expected, char *memo, size_t size)
{
	(void)snprintf(memo, size, "%llu %s %u %s", (unsigned long long)expected->size,
		expected->is_html ? "html" : "other", expected->hops, expected->origin);
}

static bool says_html(const struct orch_reply *reply)
{
	struct orch_text type;

	if (kit_header(reply->headers, "Content-Type", &type) == 0 || type.len < 9)
		return false;
	type.len = 9;
	return kit_equal_caseless(type, kit_text("text/html"));
}

static bool looks_html(struct orch_text body)
{
	static const char *const starts[] = { "<!doctype html", "<html" };

	while (body.len > 0 && strchr(" \t\r\n\xef\xbb\xbf", *body.ptr) != NULL) {
		body.ptr++;
		body.len--;
	}
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct orch_text head = { body.ptr, strlen(starts[i]) };

		if (body.len >= head.len && kit_equal_caseless(head, kit_text(starts[i])))
			return true;
	}
	return false;
}

static bool is_sign_in(const struct expected *expected, const struct orch_reply *reply)
{
	bool has_length = expected->size > 0 && reply->part_bytes == expected->size;

	if (!expected->is_html) /* a right size proves nothing: it may be the page's by chance */
		return says_html(reply) || looks_html(reply->body);
	return looks_html(reply->body) && !has_length && !reply->truncated;
}

static struct orch_text resolve(struct slack *self, const char *origin, struct orch_text location)
{
	struct kit_builder url;

	if (!kit_starts(location, "/") || kit_starts(location, "//"))
		return kit_copy(&self->arena, location);
	kit_builder_init(&url, &self->arena, URL_BYTES);
	kit_puts(&url, origin);
	kit_put(&url, location);
	return kit_built(&url);
}

static enum verdict judge_redirect(struct slack *self, const struct expected *expected,
	const struct orch_reply *reply, struct orch_text *ret_url, const char **ret_why)
{
	struct orch_text location = { "", 0 };

	*ret_why = "redirected without a place to go";
	if (!kit_header_once(reply->headers, "Location", &location) || location.len == 0)
		return DOWNLOAD_LOST;
	*ret_why = SIGN_IN;
	if (kit_find(location, kit_text("redir=")) < location.len)
		return DOWNLOAD_LOST;
	*ret_why = "redirected too often";
	if (expected->hops >= HOPS_LIMIT)
		return DOWNLOAD_LOST;
	*ret_why = "redirected to a host that is not Slack's";
	*ret_url = resolve(self, expected->origin, location);
	return download_may_have_token(self, *ret_url) ? DOWNLOAD_MOVED : DOWNLOAD_LOST;
}

static enum verdict judge_body(
	const struct expected *expected, const struct orch_reply *reply, const char **ret_why)
{
	*ret_why = SIGN_IN;
	if (is_sign_in(expected, reply))
		return DOWNLOAD_LOST;
	*ret_why = "larger than max_file_bytes";
	if (reply->truncated)
		return DOWNLOAD_CUT;
	*ret_why = "its length is not what Slack says";
	if (expected->size > 0 && reply->part_bytes != expected->size)
		return DOWNLOAD_CUT;
	return DOWNLOAD_GOOD;
}

enum verdict download_judge(struct slack *self, const struct expected *expected,
	const struct orch_reply *reply, struct orch_text *ret_url, const char **ret_why)
{
	int status = reply->status;

	*ret_why = status == 0 ? "no answer to the download" : "Slack's server failed";
	if (status == 0 || status >= 500 || status == 408 || status == 429)
		return DOWNLOAD_LATER;
	if (status == 200)
		return judge_body(expected, reply, ret_why);
	if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
		return judge_redirect(self, expected, reply, ret_url, ret_why);
	*ret_why = "the file is not there any more";
	if (status == 404 || status == 410)
		return DOWNLOAD_GONE;
	*ret_why = "Slack refused the download";
	return DOWNLOAD_LOST;
}
