/* SPDX-License-Identifier: Apache-2.0 */
/* What the server counts, and the date that it writes. */
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/http_server_impl.h"

static const char *const refusal_names[ORCH_HTTP_REFUSAL_COUNT] = {
	[ORCH_HTTP_REFUSAL_MALFORMED] = "malformed",
	[ORCH_HTTP_REFUSAL_HEAD_LIMIT] = "head_limit",
	[ORCH_HTTP_REFUSAL_BODY_LIMIT] = "body_limit",
	[ORCH_HTTP_REFUSAL_ROUTE] = "route",
	[ORCH_HTTP_REFUSAL_SLOW] = "slow",
	[ORCH_HTTP_REFUSAL_UNANSWERED] = "unanswered",
	[ORCH_HTTP_REFUSAL_UNREAD] = "unread",
	[ORCH_HTTP_REFUSAL_CONNECTIONS] = "connections",
	[ORCH_HTTP_REFUSAL_ADDRESS] = "address",
	[ORCH_HTTP_REFUSAL_DESCRIPTORS] = "descriptors",
	[ORCH_HTTP_REFUSAL_TLS] = "tls",
	[ORCH_HTTP_REFUSAL_MEMORY] = "memory",
	[ORCH_HTTP_REFUSAL_BODIES] = "bodies",
};

void orch_http_server_count_refusal(struct orch_http_server *server, enum orch_http_refusal reason)
{
	struct orch_metric **metric = &server->refusals[reason];

	if (!*metric)
		*metric = orch_metric(ORCH_METRIC_COUNTER, "orchestrator_http_refused_total",
			"Requests and connections that the HTTP server refused, by reason.",
			{ "listener", orch_text_from(server->name) },
			{ "reason", orch_text_from(refusal_names[reason]) });
	orch_metric_add(*metric, 1);
}

/* A status of a plugin's own invention is counted by its class. */
static struct orch_metric *answer_metric(const struct orch_http_server *server, int status)
{
	char code[16];

	if (orch_http_status_phrase(status))
		(void)snprintf(code, sizeof(code), "%d", status);
	else
		(void)snprintf(code, sizeof(code), "%dxx", status / 100);
	return orch_metric(ORCH_METRIC_COUNTER, "orchestrator_http_requests_total",
		"Answered HTTP requests, by status code.",
		{ "listener", orch_text_from(server->name) }, { "code", orch_text_from(code) });
}

void orch_http_server_count_answer(struct orch_http_server *server, int status)
{
	struct orch_metric **metric = &server->answers[status - ORCH_HTTP_STATUS_MIN];

	if (!*metric)
		*metric = answer_metric(server, status);
	orch_metric_add(*metric, 1);
}

const char *orch_http_server_date(struct orch_http_server *server)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	uint64_t now_s = orch_clock_now_ms() / 1000;
	time_t time = (time_t)now_s;
	struct tm tm;

	if (now_s == server->date_s || !gmtime_r(&time, &tm))
		return server->date;
	(void)snprintf(server->date, sizeof(server->date), "%s, %02d %s %04d %02d:%02d:%02d GMT",
		days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
		tm.tm_min, tm.tm_sec);
	server->date_s = now_s;
	return server->date;
}
