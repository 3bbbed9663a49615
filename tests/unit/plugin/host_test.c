/* SPDX-License-Identifier: Apache-2.0 */
/* What plugins hand over is bounded, judged and copied; what is out of order is refused. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/text.h"
#include "plugin/host.h"
#include "plugin/template.h"

static const struct orch_sink_limits limits = {
	.events = 2,
	.parts = 3,
	.fields = 2,
	.findings = 2,
	.records = 2,
	.event_bytes = 64,
};

struct fixture {
	struct orch_arena *arena;
	struct orch_secret *secret;
	struct orch_credential_entry entries[2];
	struct orch_egress egress;
	struct orch_plugin_host *owner;
	const struct orch_host *host;
	struct orch_sink sink;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->arena = orch_arena_create(0);
	fixture->secret = orch_secret_create(ORCH_TEXT("key"));
	fixture->entries[0].secret = fixture->secret;
	fixture->egress.credentials = fixture->entries;
	fixture->egress.credential_count = 2;
	fixture->owner = orch_plugin_host_create(ORCH_TEXT("slack"), &fixture->egress);
	assert_true(fixture->arena != NULL && fixture->secret != NULL && fixture->owner != NULL);
	fixture->host = orch_plugin_host_services(fixture->owner);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	orch_plugin_host_destroy(fixture->owner);
	orch_secret_destroy(fixture->secret);
	orch_arena_destroy(fixture->arena);
	free(fixture);
	return 0;
}

static struct fixture *begin(void **state, enum orch_kind kind)
{
	struct fixture *fixture = *state;

	orch_sink_init(&fixture->sink, kind, &limits, fixture->arena);
	return fixture;
}

static struct orch_event small_event(void)
{
	return (struct orch_event){ .size = sizeof(struct orch_event), .id = { "E1", 2 } };
}

static struct orch_finding small_finding(void)
{
	return (struct orch_finding){ .size = sizeof(struct orch_finding),
		.severity = ORCH_HIGH,
		.rule = { "r", 1 },
		.part = UINT32_MAX };
}

static struct orch_record small_record(void)
{
	return (struct orch_record){
		.size = sizeof(struct orch_record), .id = { "R", 1 }, .type = { "T", 1 }
	};
}

static void test_an_event_is_copied_whole(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	char name[] = "slack.ts", value[] = "17", bytes[] = "a\0b", part_name[] = "text";
	struct orch_field field = { { name, 8 }, { value, 2 } };
	struct orch_part part = { .name = { part_name, 4 }, .bytes = { bytes, 3 }, .state = 1 };
	struct orch_event event = small_event();
	const struct orch_event *copy;

	event.fields = &field;
	event.field_count = 1;
	event.parts = &part;
	event.part_count = 1;
	event.time_ms = 5;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_OK);
	memset(name, 'x', 8), memset(value, 'x', 2), memset(bytes, 'x', 3);
	part.state = 0;
	copy = &fixture->sink.events[0];
	assert_int_equal(fixture->sink.event_count, 1);
	assert_string_equal(copy->id.ptr, "E1");
	assert_int_equal(copy->time_ms, 5);
	assert_string_equal(copy->fields[0].name.ptr, "slack.ts");
	assert_string_equal(copy->fields[0].value.ptr, "17");
	assert_memory_equal(copy->parts[0].bytes.ptr, "a\0b", 4);
	assert_int_equal(copy->parts[0].state, ORCH_PART_TRUNCATED);
	assert_non_null(copy->parts[0].note.ptr);
	assert_non_null(copy->type.ptr);
	assert_string_equal(copy->trace.ptr, "");
}

static void test_aliases_of_parts_become_digests(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	char alias[63];
	struct orch_part parts[] = { { .name = { "a", 1 }, .alias = { alias, 60 } },
		{ .name = { "b", 1 }, .alias = { "x", 1 } }, { .name = { "c", 1 } } };
	struct orch_event event = small_event();
	const struct orch_part *copies;

	memset(alias, 'x', sizeof(alias));
	event.parts = parts;
	event.part_count = 3;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_OK);
	copies = fixture->sink.events[0].parts;
	assert_int_equal(copies[0].alias.len, 36);
	assert_int_equal(copies[1].alias.len, 36);
	assert_string_not_equal(copies[0].alias.ptr, copies[1].alias.ptr);
	assert_string_equal(copies[2].alias.ptr, "");
	parts[0].alias.len = 64;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_LIMIT);
}

static void test_too_many_events_are_refused(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	struct orch_event event = small_event();

	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_OK);
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_OK);
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_LIMIT);
	assert_int_equal(fixture->sink.event_count, 2);
	assert_int_equal(fixture->sink.failed, ORCH_E_LIMIT);
}

static void test_too_many_parts_fields_and_bytes_are_refused(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	struct orch_part parts[4] = { { .name = { "a", 1 } }, { .name = { "b", 1 } },
		{ .name = { "c", 1 } }, { .name = { "d", 1 } } };
	struct orch_field fields[3] = { { .name = { "a", 1 } } };
	struct orch_event event = small_event();
	char bytes[64];

	memset(bytes, 'x', sizeof(bytes));
	event.parts = parts;
	event.part_count = 3;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_OK);
	event.part_count = 4;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_LIMIT);
	event = small_event();
	event.fields = fields;
	event.field_count = 3;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_LIMIT);
	event = small_event();
	event.data = (struct orch_text){ bytes, 62 };
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_OK);
	event.data.len = 63;
	fixture->sink.event_count = 0;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_LIMIT);
}

static void test_malformed_events_are_refused(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	struct orch_part parts[2] = { { .name = { "a", 1 } }, { .name = { "a", 1 } } };
	struct orch_event event = small_event();

	assert_int_equal(fixture->host->emit(&fixture->sink, NULL), ORCH_E_INVALID);
	event.size = 8;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	event = small_event();
	event.part_count = 1;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	event = small_event();
	event.field_count = 1;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	event = small_event();
	event.type = (struct orch_text){ NULL, 3 };
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	event = small_event();
	event.parts = parts;
	event.part_count = 2;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	parts[1].name = (struct orch_text){ "", 0 };
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	parts[1].name = (struct orch_text){ "b", 1 };
	parts[1].state = ORCH_PART_GONE + 1;
	assert_int_equal(fixture->host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	assert_int_equal(fixture->sink.event_count, 0);
	assert_int_equal(fixture->sink.failed, ORCH_E_INVALID);
}

static void test_findings_are_copied_and_counted_beyond_the_limit(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_TOOL);
	struct orch_finding finding = small_finding();
	char rule[] = "r-1";

	finding.rule = (struct orch_text){ rule, 3 };
	finding.part = 2;
	finding.start = 7;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_OK);
	rule[0] = 'x';
	assert_string_equal(fixture->sink.findings[0].rule.ptr, "r-1");
	assert_string_equal(fixture->sink.findings[0].title.ptr, "");
	assert_int_equal(fixture->sink.findings[0].start, 7);
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_OK);
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_LIMIT);
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_LIMIT);
	assert_int_equal(fixture->sink.finding_count, 2);
	assert_int_equal(fixture->sink.findings_left_out, 2);
}

static void test_malformed_findings_are_refused(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_TOOL);
	const struct orch_event event = { .size = sizeof(event), .part_count = 1 };
	const struct orch_task task = { .size = sizeof(task), .event = &event };
	struct orch_finding finding;

	assert_int_equal(fixture->host->report(&fixture->sink, NULL), ORCH_E_INVALID);
	finding = small_finding();
	finding.size = 4;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	finding = small_finding();
	finding.severity = ORCH_CRITICAL + 1;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	finding = small_finding();
	finding.confidence = 101;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	finding = small_finding();
	finding.rule.len = 0;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	finding = small_finding();
	finding.title = (struct orch_text){ NULL, 1 };
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	finding = small_finding();
	finding.start = UINT64_MAX;
	finding.length = 1;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	finding = small_finding();
	finding.part = 3;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	fixture->sink.task = &task;
	finding.part = 1;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	finding.part = 0;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_OK);
}

static void test_a_finding_ends_within_the_bytes_of_its_part(void **state)
{
	static const uint32_t states[] = { ORCH_PART_HERE, ORCH_PART_TRUNCATED };
	struct fixture *fixture;
	struct orch_part part = { .bytes = ORCH_TEXT("bytes") };
	const struct orch_event event = { .size = sizeof(event), .parts = &part, .part_count = 1 };
	struct orch_finding finding = small_finding();

	finding.part = 0;
	for (size_t i = 0; i < 2; i++) {
		fixture = begin(state, ORCH_KIND_TOOL);
		fixture->sink.event = &event;
		part.state = states[i];
		finding.start = 4;
		finding.length = 1;
		assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_OK);
		finding.length = 2;
		assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
		finding.start = 5;
		finding.length = 0;
		assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_OK);
		finding.start = 6;
		assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
		finding.length = UINT64_MAX;
		assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_E_INVALID);
		assert_int_equal(fixture->sink.finding_count, 2);
	}
	/* Of the event as a whole there are no bytes. */
	fixture = begin(state, ORCH_KIND_TOOL);
	fixture->sink.event = &event;
	finding.part = UINT32_MAX;
	finding.length = 0;
	assert_int_equal(fixture->host->report(&fixture->sink, &finding), ORCH_OK);
}

static void test_records_are_copied_and_bounded(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_TOOL);
	struct orch_record record = small_record();
	char data[65] = "{}";

	record.data = (struct orch_text){ data, 2 };
	assert_int_equal(fixture->host->derive(&fixture->sink, &record), ORCH_OK);
	data[0] = 'x';
	assert_string_equal(fixture->sink.records[0].data.ptr, "{}");
	assert_string_equal(fixture->sink.records[0].order.ptr, "");
	record.data.len = 65;
	assert_int_equal(fixture->host->derive(&fixture->sink, &record), ORCH_E_LIMIT);
	record.data = (struct orch_text){ NULL, 2 };
	assert_int_equal(fixture->host->derive(&fixture->sink, &record), ORCH_E_INVALID);
	record = small_record();
	record.type = (struct orch_text){ "", 0 };
	assert_int_equal(fixture->host->derive(&fixture->sink, &record), ORCH_E_INVALID);
	record = small_record();
	assert_int_equal(fixture->host->derive(&fixture->sink, &record), ORCH_OK);
	assert_int_equal(fixture->host->derive(&fixture->sink, &record), ORCH_E_LIMIT);
	assert_int_equal(fixture->sink.record_count, 2);
}

static void test_calls_out_of_order_are_refused(void **state)
{
	struct orch_event event = small_event();
	struct orch_finding finding = small_finding();
	struct orch_record record = small_record();
	struct fixture *fixture = begin(state, ORCH_KIND_TOOL);
	const struct orch_host *host = fixture->host;

	assert_int_equal(host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	assert_int_equal(host->outcome(&fixture->sink, "deleted", ""), ORCH_E_INVALID);
	(void)begin(state, ORCH_KIND_INPUT);
	assert_int_equal(host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	assert_int_equal(host->derive(&fixture->sink, &record), ORCH_E_INVALID);
	assert_int_equal(host->outcome(&fixture->sink, "deleted", ""), ORCH_E_INVALID);
	(void)begin(state, ORCH_KIND_ACTION);
	assert_int_equal(host->emit(&fixture->sink, &event), ORCH_E_INVALID);
	assert_int_equal(host->report(&fixture->sink, &finding), ORCH_E_INVALID);
	assert_int_equal(host->derive(&fixture->sink, &record), ORCH_E_INVALID);
	assert_int_equal(host->reject(&fixture->sink, "bad"), ORCH_E_INVALID);
	assert_int_equal(host->mark(&fixture->sink, ORCH_TEXT("text"), ORCH_PART_TRUNCATED, "x"),
		ORCH_E_INVALID);
	assert_int_equal(fixture->sink.failed, ORCH_E_INVALID);
}

static void test_marks_are_one_a_part(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_TOOL);
	const struct orch_host *host = fixture->host;
	struct orch_sink *sink = &fixture->sink;

	assert_int_equal(host->mark(sink, ORCH_TEXT("a"), ORCH_PART_TRUNCATED, "long"), ORCH_OK);
	assert_int_equal(host->mark(sink, ORCH_TEXT("a"), ORCH_PART_UNAVAILABLE, NULL), ORCH_OK);
	assert_int_equal(sink->mark_count, 1);
	assert_int_equal(sink->marks[0].state, ORCH_PART_UNAVAILABLE);
	assert_string_equal(sink->marks[0].note.ptr, "");
	assert_int_equal(host->mark(sink, ORCH_TEXT("a"), ORCH_PART_HERE, ""), ORCH_E_INVALID);
	assert_int_equal(host->mark(sink, ORCH_TEXT("a"), ORCH_PART_GONE, ""), ORCH_E_INVALID);
	assert_int_equal(host->mark(sink, ORCH_TEXT(""), ORCH_PART_TRUNCATED, ""), ORCH_E_INVALID);
	assert_int_equal(host->mark(sink, ORCH_TEXT("b"), ORCH_PART_TRUNCATED, ""), ORCH_OK);
	assert_int_equal(host->mark(sink, ORCH_TEXT("c"), ORCH_PART_TRUNCATED, ""), ORCH_OK);
	assert_int_equal(host->mark(sink, ORCH_TEXT("d"), ORCH_PART_TRUNCATED, ""), ORCH_E_LIMIT);
	assert_int_equal(sink->mark_count, 3);
}

static void test_reasons_and_outcomes_are_constants(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);

	assert_int_equal(fixture->host->reject(&fixture->sink, "bad_json"), ORCH_OK);
	assert_string_equal(fixture->sink.rejected, "bad_json");
	assert_int_equal(fixture->host->reject(&fixture->sink, "what the user said"), ORCH_OK);
	assert_string_equal(fixture->sink.rejected, "invalid");
	assert_int_equal(fixture->host->reject(&fixture->sink, NULL), ORCH_OK);
	assert_string_equal(fixture->sink.rejected, "invalid");
	(void)begin(state, ORCH_KIND_ACTION);
	assert_int_equal(
		fixture->host->outcome(&fixture->sink, "deleted", "by the admin"), ORCH_OK);
	assert_string_equal(fixture->sink.outcome.ptr, "deleted");
	assert_string_equal(fixture->sink.outcome_detail.ptr, "by the admin");
}

static void test_render_needs_a_task(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_ACTION);
	const struct orch_event event = small_event();
	const struct orch_task task = { .size = sizeof(task), .event = &event };
	const struct orch_template *form;
	struct orch_text text;
	struct orch_err err;

	assert_int_equal(
		orch_template_parse(ORCH_TEXT("<{event.id}>"), fixture->arena, &form, &err),
		ORCH_OK);
	assert_int_equal(
		fixture->host->render(&fixture->sink, form, "text", &text), ORCH_E_INVALID);
	fixture->sink.task = &task;
	fixture->sink.failed = ORCH_OK;
	assert_int_equal(fixture->host->render(&fixture->sink, form, "text", &text), ORCH_OK);
	assert_string_equal(text.ptr, "<E1>");
	assert_int_equal(
		fixture->host->render(&fixture->sink, form, "html", &text), ORCH_E_INVALID);
	assert_int_equal(fixture->host->render(&fixture->sink, form, NULL, &text), ORCH_E_INVALID);
}

/* The right value is made by base/hash, whose own tests hold it against the standard. */
static void test_a_mac_is_verified(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	const struct orch_text pieces[] = { ORCH_TEXT("v0:1:"), { NULL, 0 }, ORCH_TEXT("body") };
	const struct orch_text bad[] = { { NULL, 4 } };
	uint8_t mac[ORCH_SHA256_BYTES];
	char hex[2 * ORCH_SHA256_BYTES + 1];
	const struct orch_host *host = fixture->host;

	orch_hmac_sha256(ORCH_TEXT("key"), &ORCH_TEXT("v0:1:body"), 1, mac);
	orch_hex_encode(mac, sizeof(mac), hex);
	assert_true(host->verify_hmac(host, 1, pieces, 3, orch_text_from(hex)));
	assert_false(host->verify_hmac(host, 1, pieces, 1, orch_text_from(hex)));
	assert_false(host->verify_hmac(host, 0, pieces, 3, orch_text_from(hex)));
	assert_false(host->verify_hmac(host, 2, pieces, 3, orch_text_from(hex)));
	assert_false(host->verify_hmac(host, 3, pieces, 3, orch_text_from(hex)));
	assert_false(host->verify_hmac(host, 1, NULL, 3, orch_text_from(hex)));
	assert_false(host->verify_hmac(host, 1, bad, 1, orch_text_from(hex)));
	assert_false(host->verify_hmac(host, 1, pieces, 3, (struct orch_text){ hex, 63 }));
	assert_false(host->verify_hmac(host, 1, pieces, 3, (struct orch_text){ NULL, 0 }));
	hex[0] = hex[0] == '0' ? '1' : '0';
	assert_false(host->verify_hmac(host, 1, pieces, 3, orch_text_from(hex)));
	hex[0] = 'g';
	assert_false(host->verify_hmac(host, 1, pieces, 3, orch_text_from(hex)));
}

/* What the logger wrote since it was given the pipe's end. */
static const char *logged(int fd, char *text, size_t size)
{
	ssize_t got = read(fd, text, size - 1);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static void test_logs_and_alarms_name_the_instance(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	const struct orch_host *host = fixture->host;
	char text[4096];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	orch_log_setup(ends[1], ORCH_LOG_LOGFMT, ORCH_LOG_INFO);
	host->log(host, ORCH_LOG_WARN, "seen %d", 5);
	(void)logged(ends[0], text, sizeof(text));
	assert_non_null(strstr(text, "plugin"));
	assert_non_null(strstr(text, "instance=slack"));
	assert_non_null(strstr(text, "seen 5"));
	assert_non_null(strstr(text, "warn"));
	host->log(host, ORCH_LOG_DEBUG, "hidden");
	host->log(host, 99, "odd level");
	(void)logged(ends[0], text, sizeof(text));
	assert_null(strstr(text, "hidden"));
	assert_non_null(strstr(text, "odd level"));
	host->alarm(host, "tokens_revoked", "by %s", "the workspace");
	(void)logged(ends[0], text, sizeof(text));
	assert_non_null(strstr(text, "alert"));
	assert_non_null(strstr(text, "alarm=tokens_revoked"));
	assert_non_null(strstr(text, "by the workspace"));
	orch_log_setup(STDERR_FILENO, ORCH_LOG_LOGFMT, ORCH_LOG_INFO);
	(void)close(ends[0]), (void)close(ends[1]);
	assert_int_equal(orch_metric_value(orch_metric(ORCH_METRIC_COUNTER,
				 "orchestrator_alarms_total", "", { "plugin", ORCH_TEXT("slack") },
				 { "alarm", ORCH_TEXT("tokens_revoked") })),
		1);
}

static void *log_beside(void *host)
{
	const struct orch_host *services = host;

	services->log(services, ORCH_LOG_WARN, "beside");
	return NULL;
}

/* Only on the thread that the hook runs on: what a plugin's own thread is about nobody knows. */
static void test_within_a_hook_logs_and_alarms_name_the_event(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_TOOL);
	const struct orch_plugin_about about = { ORCH_TEXT("t-1"), ORCH_TEXT("Ev1") };
	const struct orch_host *host = fixture->host;
	pthread_t thread;
	char text[4096];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	orch_log_setup(ends[1], ORCH_LOG_LOGFMT, ORCH_LOG_INFO);
	orch_plugin_host_set_about(fixture->owner, &about);
	host->log(host, ORCH_LOG_WARN, "look");
	assert_non_null(strstr(logged(ends[0], text, sizeof(text)), "trace=t-1 id=Ev1"));
	host->alarm(host, "odd", "look");
	assert_non_null(strstr(logged(ends[0], text, sizeof(text)), "trace=t-1 id=Ev1"));
	assert_int_equal(pthread_create(&thread, NULL, log_beside, (void *)(uintptr_t)host), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_null(strstr(logged(ends[0], text, sizeof(text)), "trace="));
	orch_plugin_host_set_about(fixture->owner, NULL);
	host->log(host, ORCH_LOG_WARN, "look");
	assert_null(strstr(logged(ends[0], text, sizeof(text)), "trace="));
	orch_log_setup(STDERR_FILENO, ORCH_LOG_LOGFMT, ORCH_LOG_INFO);
	(void)close(ends[0]), (void)close(ends[1]);
}

static void test_counts_are_labelled_by_constants_only(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	const struct orch_host *host = fixture->host;

	host->count(host, "ignored", 2);
	host->count(host, "ignored", 3);
	host->count(host, "two words\n", 1);
	assert_int_equal(
		orch_metric_value(orch_metric(ORCH_METRIC_COUNTER,
			"orchestrator_plugin_events_total", "", { "plugin", ORCH_TEXT("slack") },
			{ "event", ORCH_TEXT("ignored") })),
		5);
	assert_int_equal(
		orch_metric_value(orch_metric(ORCH_METRIC_COUNTER,
			"orchestrator_plugin_events_total", "", { "plugin", ORCH_TEXT("slack") },
			{ "event", ORCH_TEXT("invalid") })),
		1);
}

static void test_the_clock_is_the_cores(void **state)
{
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	uint64_t before = fixture->host->now_ms(fixture->host);

	orch_clock_shift_ms(3600000);
	assert_true(fixture->host->now_ms(fixture->host) >= before + 3600000);
	orch_clock_shift_ms(-3600000);
}

static void test_no_memory_is_told_and_keeps_what_there_is(void **state)
{
	struct orch_arena *small = orch_arena_create(600);
	struct fixture *fixture = begin(state, ORCH_KIND_INPUT);
	struct orch_event event = small_event();
	int rc;

	assert_non_null(small);
	fixture->sink.arena = small;
	rc = fixture->host->emit(&fixture->sink, &event);
	assert_int_equal(rc, ORCH_E_NOMEM);
	assert_int_equal(fixture->sink.event_count, 0);
	assert_int_equal(fixture->sink.failed, ORCH_E_NOMEM);
	orch_arena_destroy(small);
}

#define FIXED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXED(test_an_event_is_copied_whole),
		FIXED(test_aliases_of_parts_become_digests),
		FIXED(test_too_many_events_are_refused),
		FIXED(test_too_many_parts_fields_and_bytes_are_refused),
		FIXED(test_malformed_events_are_refused),
		FIXED(test_findings_are_copied_and_counted_beyond_the_limit),
		FIXED(test_malformed_findings_are_refused),
		FIXED(test_a_finding_ends_within_the_bytes_of_its_part),
		FIXED(test_records_are_copied_and_bounded),
		FIXED(test_calls_out_of_order_are_refused),
		FIXED(test_marks_are_one_a_part),
		FIXED(test_reasons_and_outcomes_are_constants),
		FIXED(test_render_needs_a_task),
		FIXED(test_a_mac_is_verified),
		FIXED(test_logs_and_alarms_name_the_instance),
		FIXED(test_within_a_hook_logs_and_alarms_name_the_event),
		FIXED(test_counts_are_labelled_by_constants_only),
		FIXED(test_the_clock_is_the_cores),
		FIXED(test_no_memory_is_told_and_keeps_what_there_is),
	};

	return cmocka_run_group_tests_name("plugin/host", tests, NULL, NULL);
}
