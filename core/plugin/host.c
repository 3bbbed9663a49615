/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/text.h"
#include "plugin/sink.h"

#define TEXT_BYTES 512
#define PIECES_MAX 64

struct orch_plugin_host {
	struct orch_host services; /* first: what plugins hold is a pointer to it */
	struct orch_text name;
	const struct orch_egress *egress;
	const struct orch_plugin_about *about; /* of the thread that follows, and of no other */
	_Atomic(pthread_t) thread;
};

static const struct orch_plugin_host *host_of(const struct orch_host *services)
{
	return (const struct orch_plugin_host *)(const void *)services;
}

void orch_plugin_host_set_about(
	struct orch_plugin_host *host, const struct orch_plugin_about *about)
{
	if (host == NULL)
		return;
	host->about = about;
	atomic_store(&host->thread, about != NULL ? pthread_self() : (pthread_t)0);
}

/* A thread of the plugin's own is about nothing that we know. */
static struct orch_plugin_about about_of(const struct orch_plugin_host *host)
{
	if (pthread_equal(atomic_load(&host->thread), pthread_self()))
		return *host->about;
	return (struct orch_plugin_about){ { NULL, 0 }, { NULL, 0 } };
}

ORCH_PRINTF(3, 0)
static void print(char *text, size_t size, const char *fmt, va_list ap)
{
	int length = vsnprintf(text, size, fmt, ap);

	if (length < 0)
		text[0] = '\0';
}

ORCH_PRINTF(3, 4)
static void host_log(const struct orch_host *services, int level, const char *fmt, ...)
{
	const struct orch_plugin_host *host = host_of(services);
	struct orch_plugin_about about;
	char text[TEXT_BYTES];
	va_list ap;

	if (level < ORCH_LOG_DEBUG || level > ORCH_LOG_ALERT)
		level = ORCH_LOG_ERROR;
	if (!orch_log_wants(level))
		return;
	va_start(ap, fmt);
	print(text, sizeof(text), fmt, ap);
	va_end(ap);
	about = about_of(host);
	orch_log(level, "plugin", ORCH_LOG_TEXT("instance", host->name),
		ORCH_LOG_STRING("what", text), ORCH_LOG_TEXT("trace", about.trace),
		ORCH_LOG_TEXT("id", about.id));
}

ORCH_PRINTF(3, 4)
static void host_alarm(const struct orch_host *services, const char *name, const char *fmt, ...)
{
	const struct orch_plugin_host *host = host_of(services);
	struct orch_plugin_about about = about_of(host);
	struct orch_text alarm = orch_sink_constant(name);
	char text[TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	print(text, sizeof(text), fmt, ap);
	va_end(ap);
	orch_log(ORCH_LOG_ALERT, "alarm", ORCH_LOG_TEXT("instance", host->name),
		ORCH_LOG_TEXT("alarm", alarm), ORCH_LOG_STRING("what", text),
		ORCH_LOG_TEXT("trace", about.trace), ORCH_LOG_TEXT("id", about.id));
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_alarms_total",
				"Things that people must look at, as plugins report them.",
				{ "plugin", host->name }, { "alarm", alarm }),
		1);
}

static void host_count(const struct orch_host *services, const char *metric, uint64_t by)
{
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_plugin_events_total",
				"What plugins count.", { "plugin", host_of(services)->name },
				{ "event", orch_sink_constant(metric) }),
		by > INT64_MAX ? INT64_MAX : (int64_t)by);
}

static uint64_t host_now_ms(const struct orch_host *services)
{
	(void)services;
	return orch_clock_now_ms();
}

static const struct orch_secret *secret_of(const struct orch_egress *egress, orch_credential key)
{
	if (egress == NULL || key == 0 || key > egress->credential_count)
		return NULL;
	return egress->credentials[key - 1].secret;
}

static bool host_verify_hmac(const struct orch_host *services, orch_credential key,
	const struct orch_text *pieces, size_t count, struct orch_text mac)
{
	const struct orch_secret *secret = secret_of(host_of(services)->egress, key);
	uint8_t given[ORCH_SHA256_BYTES], right[ORCH_SHA256_BYTES];
	bool same;

	if (secret == NULL || (count > 0 && pieces == NULL) || count > PIECES_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (pieces[i].ptr == NULL && pieces[i].len > 0)
			return false;
	if (mac.ptr == NULL || mac.len != 2 * sizeof(given) ||
		orch_hex_decode(mac, given, sizeof(given)) != ORCH_OK)
		return false;
	orch_hmac_sha256(orch_secret_text(secret), pieces, count, right);
	same = orch_equal_constant_time(given, right, sizeof(right));
	explicit_bzero(right, sizeof(right));
	return same;
}

struct orch_plugin_host *orch_plugin_host_create(
	struct orch_text name, const struct orch_egress *egress)
{
	struct orch_plugin_host *host = orch_alloc(sizeof(*host));

	if (host == NULL)
		return NULL;
	host->name = name;
	host->egress = egress;
	host->services = (struct orch_host){
		.size = sizeof(struct orch_host),
		.log = host_log,
		.emit = orch_sink_emit,
		.report = orch_sink_report,
		.derive = orch_sink_derive,
		.reject = orch_sink_reject,
		.verify_hmac = host_verify_hmac,
		.mark = orch_sink_mark,
		.render = orch_sink_render,
		.count = host_count,
		.now_ms = host_now_ms,
		.alarm = host_alarm,
		.outcome = orch_sink_outcome,
	};
	return host;
}

void orch_plugin_host_destroy(struct orch_plugin_host *host)
{
	orch_free(host);
}

const struct orch_host *orch_plugin_host_services(struct orch_plugin_host *host)
{
	return &host->services;
}
