/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/metric.h"
#include "base/text.h"

static char *render(struct orch_buf *buf)
{
	orch_buf_init(buf, 1 << 20);
	orch_metric_render(buf);
	assert_false(buf->failed);
	return buf->ptr;
}

static void test_one_series_for_one_set_of_labels(void **state)
{
	struct orch_metric *a = orch_metric(
		ORCH_METRIC_COUNTER, "test_one_total", "One.", { "source", ORCH_TEXT("a") });
	struct orch_metric *b = orch_metric(
		ORCH_METRIC_COUNTER, "test_one_total", "Other.", { "source", ORCH_TEXT("b") });

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(a,
		orch_metric(ORCH_METRIC_COUNTER, "test_one_total", "One.",
			{ "source", ORCH_TEXT("a") }));
	orch_metric_add(a, 2);
	orch_metric_add(a, 3);
	assert_int_equal(orch_metric_value(a), 5);
	assert_int_equal(orch_metric_value(b), 0);
}

static void test_counters_and_gauges_are_rendered_once_by_name(void **state)
{
	struct orch_buf buf;
	char *text;

	(void)state;
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "test_c_total", "What it counts.",
				{ "a", ORCH_TEXT("x") }, { "b", ORCH_TEXT("y") }),
		7);
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "test_c_total", "Ignored.",
				{ "a", ORCH_TEXT("z") }, { "b", ORCH_TEXT("y") }),
		1);
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "test_g", "A gauge."), -3);
	text = render(&buf);
	assert_contains(text,
		"# HELP test_c_total What it counts.\n# TYPE test_c_total counter\n"
		"test_c_total{a=\"x\",b=\"y\"} 7\n"
		"test_c_total{a=\"z\",b=\"y\"} 1\n");
	assert_contains(text, "# HELP test_g A gauge.\n# TYPE test_g gauge\ntest_g -3\n");
	assert_lacks(text, "Ignored");
	orch_buf_fini(&buf);
}

static void test_label_values_cannot_break_the_format(void **state)
{
	char longer[500];
	struct orch_buf buf;
	char *text;

	(void)state;
	memset(longer, 'x', sizeof(longer));
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "test_e_total", "Line\nbreak.",
				{ "v", ORCH_TEXT("a\"b\\c\nd\xff\x01\xc3\xa4") }),
		1);
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "test_long_total", "Long.",
				{ "v", ((struct orch_text){ longer, sizeof(longer) }) }),
		1);
	text = render(&buf);
	assert_contains(text, "test_e_total{v=\"a\\\"b\\\\c\\nd\xef\xbf\xbd \xc3\xa4\"} 1\n");
	assert_contains(text, "# HELP test_e_total Line break.\n");
	longer[129] = '\0';
	assert_lacks(text, longer);
	orch_buf_fini(&buf);
}

static void test_histograms_are_cumulative_and_in_seconds(void **state)
{
	struct orch_metric *seconds = orch_metric(
		ORCH_METRIC_SECONDS, "test_h_seconds", "How long.", { "s", ORCH_TEXT("x") });
	struct orch_buf buf;
	char *text;

	(void)state;
	orch_metric_observe_ns(seconds, 0);
	orch_metric_observe_ns(seconds, 100000);
	orch_metric_observe_ns(seconds, 100001);
	orch_metric_observe_ns(seconds, UINT64_C(60000000000));
	orch_metric_observe_ns(seconds, UINT64_C(60000000001));
	assert_int_equal(orch_metric_value(seconds), 5);
	text = render(&buf);
	assert_contains(text,
		"# TYPE test_h_seconds histogram\n"
		"test_h_seconds_bucket{s=\"x\",le=\"0.0001\"} 2\n"
		"test_h_seconds_bucket{s=\"x\",le=\"0.00025\"} 3\n");
	assert_contains(text,
		"test_h_seconds_bucket{s=\"x\",le=\"30\"} 3\n"
		"test_h_seconds_bucket{s=\"x\",le=\"60\"} 4\n"
		"test_h_seconds_bucket{s=\"x\",le=\"+Inf\"} 5\n"
		"test_h_seconds_sum{s=\"x\"} 120.000200002\n"
		"test_h_seconds_count{s=\"x\"} 5\n");
	orch_buf_fini(&buf);
}

static void test_a_histogram_without_labels_has_plain_names(void **state)
{
	struct orch_buf buf;
	char *text;

	(void)state;
	orch_metric_observe_ns(
		orch_metric(ORCH_METRIC_SECONDS, "test_plain_seconds", "How long."), 1);
	text = render(&buf);
	assert_contains(text, "test_plain_seconds_bucket{le=\"0.0001\"} 1\n");
	assert_contains(text, "test_plain_seconds_sum 0.000000001\n");
	assert_contains(text, "test_plain_seconds_count 1\n");
	orch_buf_fini(&buf);
}

static void refresh(void *arg)
{
	int *calls = arg;

	/* A refresher may look series up: the registry is not locked meanwhile. */
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "test_fresh", "Fresh."), ++*calls);
}

static void test_refreshers_run_before_each_rendering(void **state)
{
	struct orch_buf buf;
	int calls = 0;

	(void)state;
	orch_metric_on_render(refresh, &calls);
	assert_contains(render(&buf), "test_fresh 1\n");
	orch_buf_fini(&buf);
	assert_contains(render(&buf), "test_fresh 2\n");
	orch_buf_fini(&buf);
	orch_metric_forget_render(refresh, &calls);
	assert_contains(render(&buf), "test_fresh 2\n");
	orch_buf_fini(&buf);
	assert_int_equal(calls, 2);
}

static void *add_often(void *arg)
{
	for (int i = 0; i < 10000; i++)
		orch_metric_add(
			orch_metric(ORCH_METRIC_COUNTER, "test_threads_total", "Threads."), 1);
	return arg;
}

static void test_threads_lose_no_count(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_often, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(orch_metric_value(orch_metric(
				 ORCH_METRIC_COUNTER, "test_threads_total", "Threads.")),
		40000);
}

static void test_without_memory_a_series_goes_nowhere(void **state)
{
	struct orch_metric *nowhere;

	(void)state;
	for (uint64_t n = 1; n < 8; n++) {
		orch_alloc_fail_at(n, 1);
		nowhere = orch_metric(ORCH_METRIC_SECONDS, "test_nomem_seconds", "No memory.",
			{ "a", ORCH_TEXT("b") });
		orch_alloc_fail_at(0, 0);
		assert_non_null(nowhere);
		orch_metric_observe_ns(nowhere, 1);
	}
}

/* Fills the registry, hence the last. */
static void test_beyond_the_limit_series_are_refused_and_counted(void **state)
{
	const char *refused = "\norchestrator_metric_series_refused_total ";
	struct orch_metric *series = NULL;
	struct orch_buf buf;
	char value[32];
	char *text;

	(void)state;
	for (int i = 0; i < ORCH_METRIC_SERIES_MAX + 10; i++) {
		(void)snprintf(value, sizeof(value), "v%d", i);
		series = orch_metric(ORCH_METRIC_COUNTER, "test_many_total", "Many.",
			{ "v", orch_text_from(value) });
		assert_non_null(series);
	}
	orch_metric_add(series, 1);
	text = render(&buf);
	assert_contains(text, "test_many_total{v=\"v0\"} 0\n");
	assert_lacks(text, "test_many_total{v=\"v1005\"}");
	assert_contains(text, refused);
	assert_true(strstr(text, refused)[strlen(refused)] != '0');
	orch_buf_fini(&buf);
}

static size_t count_of(const char *text, const char *words)
{
	size_t count = 0;

	for (; (text = strstr(text, words)) != NULL; text++)
		count++;
	return count;
}

static void set_info(const char *digest)
{
	orch_metric_info("test_info", "What is in force.",
		(const struct orch_metric_label[]){
			{ "digest", orch_text_from(digest) }, { .name = NULL } });
}

static void test_an_info_has_one_series_which_is_the_last(void **state)
{
	struct orch_metric *held;
	struct orch_buf buf;
	char *text;

	(void)state;
	set_info("a\"b");
	held = orch_metric(ORCH_METRIC_GAUGE, "test_info", "", { "digest", ORCH_TEXT("a\"b") });
	set_info("c");
	set_info("c");
	set_info("d");
	text = render(&buf);
	assert_contains(text, "# TYPE test_info gauge\ntest_info{digest=\"d\"} 1\n");
	assert_int_equal(count_of(text, "test_info{"), 1);
	assert_int_equal(orch_metric_value(held), 1);
	orch_buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_series_for_one_set_of_labels),
		cmocka_unit_test(test_counters_and_gauges_are_rendered_once_by_name),
		cmocka_unit_test(test_label_values_cannot_break_the_format),
		cmocka_unit_test(test_histograms_are_cumulative_and_in_seconds),
		cmocka_unit_test(test_a_histogram_without_labels_has_plain_names),
		cmocka_unit_test(test_refreshers_run_before_each_rendering),
		cmocka_unit_test(test_threads_lose_no_count),
		cmocka_unit_test(test_an_info_has_one_series_which_is_the_last),
		cmocka_unit_test(test_without_memory_a_series_goes_nowhere),
		cmocka_unit_test(test_beyond_the_limit_series_are_refused_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
