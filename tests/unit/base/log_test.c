/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../support/text_assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/secret.h"
#include "base/text.h"

#define FOLD_MS 10000

static int fd = -1;
static char written[1 << 20];

static int open_log(void **state)
{
	(void)state;
	fd = memfd_create("log", MFD_CLOEXEC);
	orch_log_setup(fd, ORCH_LOG_LOGFMT, ORCH_LOG_DEBUG);
	return fd < 0 ? -1 : 0;
}

/* Lets the time in which repeats are folded go by. */
static void pass_fold_time(void)
{
	static int64_t shift_ms;

	shift_ms += FOLD_MS;
	orch_clock_shift_ms(shift_ms);
}

/* Each test starts with folding over and done. */
static int close_log(void **state)
{
	(void)state;
	pass_fold_time();
	orch_log_flush();
	orch_log_setup(STDERR_FILENO, ORCH_LOG_LOGFMT, ORCH_LOG_INFO);
	return close(fd);
}

/* All that was written so far. */
static const char *lines(void)
{
	ssize_t len = pread(fd, written, sizeof(written) - 1, 0);

	assert_true(len >= 0);
	written[len] = '\0';
	return written;
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void test_a_line_names_time_level_event_and_fields(void **state)
{
	const char *rest;

	(void)state;
	orch_log(ORCH_LOG_WARN, "event.accepted", ORCH_LOG_STRING("trace", "t-1"),
		ORCH_LOG_INT("events", -3));
	rest = lines();
	assert_memory_equal(rest, "time=20", 7);
	assert_memory_equal(rest + strlen("time=2026-01-02T03:04:05.006Z"),
		" level=warn event=event.accepted trace=t-1 events=-3\n", 52);
	orch_log(ORCH_LOG_INFO, "bare");
	assert_contains(lines(), "level=info event=bare\n");
	assert_int_equal(count_lines(lines()), 2);
}

static void test_values_cannot_break_the_line(void **state)
{
	(void)state;
	orch_log(ORCH_LOG_INFO, "e", ORCH_LOG_STRING("a", "two words"), ORCH_LOG_STRING("b", ""),
		ORCH_LOG_STRING("c", "x\nlevel=alert"), ORCH_LOG_STRING("d", "q\"q\\"),
		ORCH_LOG_TEXT("e", ORCH_TEXT("n\0\x1b[0m")), ORCH_LOG_STRING("f", "\xff"),
		ORCH_LOG_STRING("g", "a=b"), ORCH_LOG_STRING("h", "\xc3\xa4"),
		ORCH_LOG_STRING("i", "\xc2\x9b"));
	assert_contains(lines(),
		" a=\"two words\" b=\"\" c=\"x\\nlevel=alert\" d=\"q\\\"q\\\\\" "
		"e=\"n\\u0000\\u001b[0m\" f=\"\xef\xbf\xbd\" g=\"a=b\" "
		"h=\"\xc3\xa4\" i=\"\\u009b\"\n");
	assert_int_equal(count_lines(lines()), 1);
}

static void test_json_lines_are_json(void **state)
{
	struct json_object *object;

	(void)state;
	orch_log_setup(fd, ORCH_LOG_JSON, ORCH_LOG_DEBUG);
	orch_log(ORCH_LOG_ERROR, "e", ORCH_LOG_TEXT("t", ORCH_TEXT("a\n\"\0\xff")),
		ORCH_LOG_INT("n", INT64_MIN));
	object = json_tokener_parse(lines());
	assert_non_null(object);
	assert_string_equal(
		json_object_get_string(json_object_object_get(object, "level")), "error");
	assert_string_equal(json_object_get_string(json_object_object_get(object, "event")), "e");
	assert_int_equal(json_object_get_string_len(json_object_object_get(object, "time")), 24);
	assert_true(json_object_get_int64(json_object_object_get(object, "n")) == INT64_MIN);
	assert_int_equal(json_object_get_string_len(json_object_object_get(object, "t")), 7);
	assert_int_equal(count_lines(written), 1);
	json_object_put(object);
}

static void test_lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	orch_log_setup(fd, ORCH_LOG_LOGFMT, ORCH_LOG_WARN);
	assert_false(orch_log_wants(ORCH_LOG_INFO));
	assert_true(orch_log_wants(ORCH_LOG_WARN));
	orch_log(ORCH_LOG_INFO, "quiet");
	orch_log(ORCH_LOG_WARN, "loud");
	assert_lacks(lines(), "quiet");
	assert_contains(lines(), "loud");
}

static void test_secrets_are_blotted_also_when_escaped_or_cut(void **state)
{
	struct orch_secret *plain = orch_secret_create(ORCH_TEXT("xoxb-canary"));
	struct orch_secret *odd = orch_secret_create(ORCH_TEXT("ca\"na\\ry\n1"));
	char longer[1100];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	memcpy(longer + 1020, "xoxb-canary", 11);
	orch_log(ORCH_LOG_INFO, "e", ORCH_LOG_STRING("a", "Bearer xoxb-canary!"),
		ORCH_LOG_TEXT("b", orch_secret_text(odd)),
		ORCH_LOG_TEXT("c", ((struct orch_text){ longer, sizeof(longer) })),
		ORCH_LOG_TEXT("what", orch_secret_text(plain)));
	assert_contains(lines(), "a=\"Bearer ***********!\" b=********** c=xxx");
	assert_contains(lines(), "x**** what=***********\n");
	assert_lacks(lines(), "xoxb");
	orch_secret_destroy(plain);
	orch_secret_destroy(odd);
}

static void test_long_values_are_cut_between_characters(void **state)
{
	char longer[3000];
	const char *value;

	(void)state;
	for (size_t i = 0; i < sizeof(longer); i += 3)
		memcpy(longer + i, "\xe2\x82\xac", 3);
	orch_log(ORCH_LOG_INFO, "e",
		ORCH_LOG_TEXT("a", ((struct orch_text){ longer, sizeof(longer) })));
	value = strstr(lines(), "a=\"");
	assert_non_null(value);
	/* 1024 bytes hold 341 whole characters. */
	assert_memory_equal(value + 3, longer, 1023);
	assert_string_equal(value + 3 + 1023, "\"\n");
}

static void test_a_line_that_is_full_ends_with_whole_fields(void **state)
{
	char hard[1000];
	struct orch_log_field fields[60] = { { .key = NULL } };
	struct json_object *object;

	(void)state;
	memset(hard, '\x01', sizeof(hard));
	for (size_t i = 0; i < 59; i++)
		fields[i] = (struct orch_log_field){ .key = "k", .text = { hard, sizeof(hard) } };
	orch_log_setup(fd, ORCH_LOG_JSON, ORCH_LOG_DEBUG);
	orch_log_write(ORCH_LOG_INFO, "e", fields);
	object = json_tokener_parse(lines());
	assert_non_null(object);
	json_object_put(object);
	assert_int_equal(count_lines(written), 1);
	assert_true(strlen(written) > 12000 && strlen(written) <= 16384);
}

static void say(const char *event, const char *what)
{
	orch_log(ORCH_LOG_WARN, event, ORCH_LOG_STRING("what", what));
}

static void test_repeats_are_folded_into_one_sum(void **state)
{
	(void)state;
	for (int i = 0; i < 25; i++)
		say("fold", "a");
	say("fold", "b");
	say("other", "a");
	assert_int_equal(count_lines(lines()), 12);
	orch_log_flush();
	assert_int_equal(count_lines(lines()), 12);
	pass_fold_time();
	orch_log_flush();
	assert_int_equal(count_lines(lines()), 13);
	assert_contains(lines(), "level=warn event=fold repeated=15 what=a\n");
	orch_log_flush();
	assert_int_equal(count_lines(lines()), 13);
	say("fold", "a");
	assert_int_equal(count_lines(lines()), 14);
}

static void test_at_the_end_no_sum_is_kept_back(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++)
		say("last", "a");
	orch_log_finish(0);
	assert_contains(lines(), "event=last repeated=2 what=a\n");
}

static void test_a_text_that_is_not_there_is_left_out(void **state)
{
	(void)state;
	orch_log(ORCH_LOG_INFO, "gap", ORCH_LOG_TEXT("trace", ((struct orch_text){ NULL, 0 })),
		ORCH_LOG_STRING("what", "x"));
	assert_contains(lines(), "event=gap what=x\n");
}

static void test_what_is_said_of_the_configuration_is_never_folded(void **state)
{
	(void)state;
	for (int i = 0; i < 25; i++)
		say("config.reload", "a");
	for (int i = 0; i < 25; i++)
		say("configured", "a");
	assert_int_equal(count_lines(lines()), 35);
}

static void say_about_event(int level, const char *trace)
{
	orch_log(level, "about", ORCH_LOG_STRING("trace", trace), ORCH_LOG_STRING("what", "a"));
}

static void test_lines_about_single_events_are_folded_only_when_they_warn(void **state)
{
	(void)state;
	for (int i = 0; i < 25; i++)
		say_about_event(ORCH_LOG_INFO, "t1");
	assert_int_equal(count_lines(lines()), 25);
	for (int i = 0; i < 25; i++)
		say_about_event(ORCH_LOG_WARN, "t1");
	assert_int_equal(count_lines(lines()), 35);
}

static void test_the_sum_comes_before_the_next_line_of_its_kind(void **state)
{
	(void)state;
	for (int i = 0; i < 11; i++)
		orch_log(ORCH_LOG_INFO, "next", ORCH_LOG_STRING("instance", "i"));
	pass_fold_time();
	orch_log(ORCH_LOG_INFO, "next", ORCH_LOG_STRING("instance", "i"),
		ORCH_LOG_INT("number", 12));
	assert_int_equal(count_lines(lines()), 12);
	assert_contains(lines(), "event=next repeated=1 instance=i\n");
	assert_contains(strstr(lines(), "repeated=1"), "number=12");
}

static void test_many_kinds_are_folded_in_bounded_memory(void **state)
{
	char what[16];

	(void)state;
	for (int i = 0; i < 12; i++)
		say("kinds", "first");
	for (int i = 0; i < 500; i++) {
		(void)snprintf(what, sizeof(what), "%d", i);
		say("kinds", what);
	}
	/* The first was pushed out, and its sum with it. */
	assert_int_equal(count_lines(lines()), 10 + 500 + 1);
	assert_contains(lines(), "event=kinds repeated=2 what=first\n");
}

static void *log_often(void *arg)
{
	char what[32];

	for (int i = 0; i < 200; i++) {
		(void)snprintf(what, sizeof(what), "%s-%d", (const char *)arg, i);
		orch_log(ORCH_LOG_INFO, "threads", ORCH_LOG_STRING("what", what),
			ORCH_LOG_STRING("end", "end"));
	}
	return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
	static char names[4][2] = { "a", "b", "c", "d" };
	pthread_t threads[4];
	char *line;
	char *rest;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_often, names[i]), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(count_lines(lines()), 800);
	for (line = strtok_r(written, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_memory_equal(line, "time=", 5);
		assert_string_equal(line + strlen(line) - 7, "end=end");
	}
}

static void test_errno_is_left_alone(void **state)
{
	(void)state;
	orch_log_setup(-1, ORCH_LOG_LOGFMT, ORCH_LOG_DEBUG);
	errno = ENOENT;
	orch_log(ORCH_LOG_INFO, "nowhere");
	assert_int_equal(errno, ENOENT);
}

static int64_t dropped(void)
{
	return orch_metric_value(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_log_lines_dropped_total", ""));
}

/* The last test: from then on the log never waits. */
static void test_a_reader_that_stands_still_costs_lines_which_are_counted(void **state)
{
	char bytes[65536];
	int64_t before;
	int ends[2], lines_logged = 0;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	orch_log_never_wait();
	orch_log_setup(ends[1], ORCH_LOG_LOGFMT, ORCH_LOG_INFO);
	before = dropped();
	for (; dropped() < before + 3; lines_logged++)
		orch_log(ORCH_LOG_INFO, "flood", ORCH_LOG_STRING("trace", "t"));
	assert_true(lines_logged > 1000);
	/* Once he reads again he is told. */
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	do {
		ssize_t len = read(ends[0], bytes, sizeof(bytes) - 1);

		assert_true(len > 0);
		bytes[len] = '\0';
		orch_log_flush();
	} while (strstr(bytes, "event=log.dropped lines=3") == NULL);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

#define log_test(test) cmocka_unit_test_setup_teardown(test, open_log, close_log)

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(test_a_line_names_time_level_event_and_fields),
		log_test(test_values_cannot_break_the_line),
		log_test(test_json_lines_are_json),
		log_test(test_lines_below_the_level_are_not_written),
		log_test(test_secrets_are_blotted_also_when_escaped_or_cut),
		log_test(test_long_values_are_cut_between_characters),
		log_test(test_a_line_that_is_full_ends_with_whole_fields),
		log_test(test_repeats_are_folded_into_one_sum),
		log_test(test_at_the_end_no_sum_is_kept_back),
		log_test(test_a_text_that_is_not_there_is_left_out),
		log_test(test_what_is_said_of_the_configuration_is_never_folded),
		log_test(test_lines_about_single_events_are_folded_only_when_they_warn),
		log_test(test_the_sum_comes_before_the_next_line_of_its_kind),
		log_test(test_many_kinds_are_folded_in_bounded_memory),
		log_test(test_lines_of_threads_do_not_mix),
		log_test(test_errno_is_left_alone),
		log_test(test_a_reader_that_stands_still_costs_lines_which_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
