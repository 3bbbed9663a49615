/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/metric.h"
#include "base/text.h"
#include "net/http_client_impl.h"

static struct orch_text rest_of_line(struct orch_text line)
{
	while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
		line.len--;
	return line;
}

static bool keep_header(struct orch_http_flight *flight, struct orch_text line)
{
	if (line.len + 1 > flight->head.limit - flight->head.len) {
		flight->failure = ORCH_HTTP_HEAD_TOO_LONG;
		return false;
	}
	orch_buf_add_text(&flight->head, line);
	orch_buf_add_char(&flight->head, '\n');
	if (flight->head.failed)
		flight->failure = ORCH_HTTP_NO_MEMORY;
	return !flight->head.failed;
}

/* curl hands over each line by itself: of interim answers, of the answer, and its trailers. */
size_t orch_http_take_head(char *bytes, size_t size, size_t count, void *arg)
{
	struct orch_http_flight *flight = arg;
	struct orch_text line = rest_of_line((struct orch_text){ bytes, size * count });

	if (flight->is_mail) {
		orch_http_mail_take_line(flight, line);
	} else if (orch_text_starts_with(line, ORCH_TEXT("HTTP/"))) {
		orch_buf_reset(&flight->head);
		flight->is_head_over = false;
	} else if (line.len == 0) {
		flight->is_head_over = true;
	} else if (!flight->is_head_over && !keep_header(flight, line)) {
		return 0;
	}
	return size * count;
}

static bool keep_body(struct orch_http_flight *flight, const char *bytes, size_t len)
{
	size_t room = flight->shown.limit - flight->shown.len;

	if (flight->blob && len > 0 &&
		orch_blob_write(flight->blob, bytes, len, &flight->blob_err) != ORCH_OK) {
		flight->failure = ORCH_HTTP_BLOB_FAILED;
		return false;
	}
	orch_buf_add(&flight->shown, bytes, len < room ? len : room);
	if (flight->shown.failed)
		flight->failure = ORCH_HTTP_NO_MEMORY;
	return !flight->shown.failed;
}

/* Taking less than was offered stops the transfer. */
size_t orch_http_take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct orch_http_flight *flight = arg;
	uint64_t room = flight->max_bytes - flight->received;
	size_t len = size * count;
	size_t taken = len <= room ? len : (size_t)room;

	if (!keep_body(flight, bytes, taken))
		return 0;
	flight->received += taken;
	flight->is_truncated = taken < len;
	return taken;
}

struct orch_text orch_http_find_header(struct orch_text headers, const char *wanted)
{
	struct orch_text rest = headers, line;

	while (orch_text_split(&rest, '\n', &line)) {
		struct orch_text name = line, value;
		const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;

		if (!colon)
			continue;
		name.len = (size_t)(colon - line.ptr);
		value = (struct orch_text){ colon + 1, line.len - name.len - 1 };
		if (orch_text_equal_nocase(name, orch_text_from(wanted)))
			return orch_text_trim(value);
	}
	return ORCH_TEXT_NONE;
}

static bool is_number(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	}
	return text.len > 0;
}

uint64_t orch_http_parse_date(struct orch_text date)
{
	char text[64];
	time_t at;

	if (date.len == 0 || date.len >= sizeof(text))
		return 0;
	(void)snprintf(text, sizeof(text), "%.*s", ORCH_TEXT_ARG(date));
	at = curl_getdate(text, NULL);
	return at > 0 ? (uint64_t)at * 1000 : 0;
}

static uint64_t ms_until(struct orch_text date, uint64_t now_ms)
{
	uint64_t at_ms = orch_http_parse_date(date);

	return at_ms > now_ms ? at_ms - now_ms : 0;
}

uint64_t orch_http_retry_after_ms(struct orch_text head, uint64_t now_ms)
{
	struct orch_text value = orch_http_find_header(head, "Retry-After");
	uint64_t ms, seconds;

	if (!is_number(value))
		ms = ms_until(value, now_ms);
	else if (orch_text_to_uint(value, 0, ORCH_HTTP_CLIENT_RETRY_AFTER_MS / 1000, &seconds) ==
		ORCH_OK)
		ms = seconds * 1000;
	else
		ms = ORCH_HTTP_CLIENT_RETRY_AFTER_MS;
	return ms < ORCH_HTTP_CLIENT_RETRY_AFTER_MS ? ms : ORCH_HTTP_CLIENT_RETRY_AFTER_MS;
}

static void say_refused(const struct orch_http_flight *flight, struct orch_err *problem)
{
	if (orch_text_is(flight->url.host, flight->refused_ip))
		(void)orch_fail(problem, 0, "address %s is %s; egress.allow does not name it",
			flight->refused_ip, flight->refused);
	else
		(void)orch_fail(problem, 0,
			"address %s of %.*s is %s; egress.allow does not name it",
			flight->refused_ip, ORCH_TEXT_ARG(flight->url.host), flight->refused);
}

static void say_unconnected(const struct orch_http_flight *flight, struct orch_err *problem)
{
	long number = 0;

	(void)curl_easy_getinfo(flight->easy, CURLINFO_OS_ERRNO, &number);
	if (flight->refused)
		say_refused(flight, problem);
	else if (number == ECONNREFUSED)
		(void)orch_fail(problem, 0, "connection refused by %s", flight->address);
	else
		(void)orch_fail(problem, 0, "no connection to %s: %s",
			flight->address[0] ? flight->address : flight->url.host.ptr,
			number > 0 ? orch_errno_text((int)number) : "it failed");
}

static void say_timed_out(const struct orch_http_flight *flight, struct orch_err *problem)
{
	uint64_t took_ms = (orch_clock_mono_ns() - flight->started_ns) / 1000000;

	if (took_ms >= flight->timeout_ms)
		(void)orch_fail(problem, 0, "timed out after %llu ms",
			(unsigned long long)flight->timeout_ms);
	else if (!flight->was_sent)
		(void)orch_fail(problem, 0, "no connection to %s:%u within %u ms",
			flight->url.host.ptr, (unsigned)flight->url.port,
			(unsigned)flight->client->connect_ms);
	else
		(void)orch_fail(problem, 0, "slower than %d bytes a second for %u s",
			ORCH_HTTP_CLIENT_SLOW_BYTES, (unsigned)flight->client->slow_s);
}

/* curl's own words, without its prefix; for TLS they hold names of hosts at most. */
static void say_certificate(const struct orch_http_flight *flight, struct orch_err *problem)
{
	static const char *const prefixes[] = { "SSL certificate problem: ", "SSL: " };
	const char *text = flight->curl_text;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			text += strlen(prefixes[i]);
	}
	(void)orch_fail(problem, 0, "certificate: %s", text[0] ? text : "not to be trusted");
}

static const char *constant_text(CURLcode code)
{
	switch (code) {
	case CURLE_GOT_NOTHING:
		return "the connection was closed before an answer came";
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return "the connection broke off";
	case CURLE_SEND_FAIL_REWIND:
		return "the connection broke off, and the request must not be sent twice";
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return "the answer is not HTTP";
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return "the HTTP/2 connection broke off";
	case CURLE_LOGIN_DENIED:
		return "the mail server refused the login";
	case CURLE_USE_SSL_FAILED:
		return "the mail server offers no STARTTLS, without which no password is sent";
	case CURLE_OUT_OF_MEMORY:
		return "out of memory";
	default:
		return curl_easy_strerror(code);
	}
}

static void say_ours(const struct orch_http_flight *flight, struct orch_err *problem)
{
	if (flight->failure == ORCH_HTTP_STOPPED)
		(void)orch_fail(problem, 0, "stopped");
	else if (flight->failure == ORCH_HTTP_HEAD_TOO_LONG)
		(void)orch_fail(problem, 0, "the answer's header is longer than %d bytes",
			ORCH_HTTP_CLIENT_HEAD_BYTES);
	else if (flight->failure == ORCH_HTTP_BLOB_FAILED)
		(void)orch_fail(
			problem, 0, "the body could not be kept: %.200s", flight->blob_err.text);
	else
		(void)orch_fail(problem, 0, "out of memory");
}

static void say_why(const struct orch_http_flight *flight, CURLcode code, struct orch_err *problem)
{
	if (flight->failure != ORCH_HTTP_NO_FAILURE) {
		say_ours(flight, problem);
		return;
	}
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		(void)orch_fail(problem, 0, "name not found: %s", flight->url.host.ptr);
		break;
	case CURLE_COULDNT_CONNECT:
		say_unconnected(flight, problem);
		break;
	case CURLE_ABORTED_BY_CALLBACK:
		say_refused(flight, problem);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		say_timed_out(flight, problem);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		say_certificate(flight, problem);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		(void)orch_fail(problem, 0, "no TLS with %s: %.150s", flight->url.host.ptr,
			flight->curl_text);
		break;
	case CURLE_PARTIAL_FILE:
		(void)orch_fail(problem, 0, "the answer broke off after %llu bytes of its body",
			(unsigned long long)flight->received);
		break;
	default:
		(void)orch_fail(problem, 0, "%s", constant_text(code));
	}
}

/* Hosts come from events, too: only those that the configuration names get a series of their own. */
static struct orch_text upstream(const struct orch_http_flight *flight)
{
	const struct orch_egress *egress = flight->egress;

	for (size_t i = 0; i < egress->origin_count; i++) {
		if (orch_text_equal(egress->origins[i].host, flight->url.host))
			return flight->url.host;
	}
	return ORCH_TEXT("other");
}

static void observe(const struct orch_http_flight *flight, int32_t status, uint64_t took_ns)
{
	static const char *const classes[] = { "error", "1xx", "2xx", "3xx", "4xx", "5xx" };
	size_t class = status >= 100 && status < 600 ? (size_t)status / 100 : 0;

	orch_metric_observe_ns(
		orch_metric(ORCH_METRIC_SECONDS, "orchestrator_upstream_request_duration_seconds",
			"Time from sending a request to its answer, by host and class of status.",
			{ "upstream", upstream(flight) },
			{ "code", orch_text_from(classes[class]) }),
		took_ns);
}

static struct orch_text lend(const struct orch_buf *buf)
{
	return buf->len > 0 ? orch_buf_text(buf) : ORCH_TEXT_NONE;
}

/* A body that was longer than wanted is an answer all the same, and so is a mail server's no. */
static bool is_answer(const struct orch_http_flight *flight, CURLcode code, long status)
{
	if (flight->failure != ORCH_HTTP_NO_FAILURE)
		return false;
	if (flight->is_mail && status >= 400)
		return true;
	return code == CURLE_OK || (code == CURLE_WRITE_ERROR && flight->is_truncated);
}

void orch_http_reply_fill(struct orch_http_flight *flight, CURLcode code, struct orch_err *problem,
	struct orch_http_result *ret_result)
{
	uint64_t took_ns = orch_clock_mono_ns() - flight->started_ns;
	struct orch_reply *reply = &ret_result->reply;
	long status = 0;

	*ret_result = (struct orch_http_result){ .was_sent = flight->was_sent,
		.took_ms = took_ns / 1000000,
		.reply = { .size = sizeof(*reply),
			.headers = ORCH_TEXT_NONE,
			.body = ORCH_TEXT_NONE,
			.problem = ORCH_TEXT_NONE } };
	(void)curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
	if (is_answer(flight, code, status)) {
		reply->status = (int32_t)status;
		reply->headers = lend(&flight->head);
		reply->body = lend(&flight->shown);
		reply->truncated = flight->is_truncated;
		reply->part_bytes = flight->blob ? orch_blob_len(flight->blob) : 0;
		ret_result->retry_after_ms =
			orch_http_retry_after_ms(reply->headers, orch_clock_now_ms());
	} else {
		say_why(flight, code, problem);
		reply->problem = orch_text_from(problem->text);
	}
	observe(flight, reply->status, took_ns);
}
