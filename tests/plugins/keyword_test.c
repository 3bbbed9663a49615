/* SPDX-License-Identifier: Apache-2.0 */
/* keyword, and that the guide for authors quotes it as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

#define FILE_BYTES (64 * 1024)

static const char *const secret[] = { "word", "secret", "severity", "high", NULL };
static const char *const aa[] = { "word", "aa", NULL };

static void test_every_occurrence_is_reported(void **state)
{
	struct fake *fake = fake_open("keyword", secret);
	const struct orch_finding *findings = fake->sink.findings;

	(void)state;
	assert_int_equal(fake_scan(fake, fake_text("secret, not sesecret; secre")), ORCH_OK);
	assert_int_equal(fake->sink.finding_count, 2);
	assert_int_equal(findings[0].start, 0);
	assert_int_equal(findings[1].start, 14);
	assert_int_equal(findings[1].length, 6);
	assert_int_equal(findings[1].severity, ORCH_HIGH);
	assert_string_equal(findings[1].rule.ptr, "keyword");
	fake_close(fake);
}

static void test_occurrences_do_not_overlap(void **state)
{
	struct fake *fake = fake_open("keyword", aa);

	(void)state;
	assert_int_equal(fake_scan(fake, fake_text("aaaaa")), ORCH_OK);
	assert_int_equal(fake->sink.finding_count, 2);
	fake_close(fake);
}

static void test_every_part_is_looked_at(void **state)
{
	const struct orch_part parts[] = {
		{ .name = { "a", 1 }, .bytes = { "", 0 } },
		{ .name = { "b", 1 }, .bytes = { "a\0secret", 8 } },
		{ .name = { "c", 1 }, .bytes = { "secre", 5 } },
	};
	struct fake *fake = fake_open("keyword", secret);

	(void)state;
	assert_int_equal(fake_scan_parts(fake, parts, 3), ORCH_OK);
	assert_int_equal(fake->sink.finding_count, 1);
	assert_int_equal(fake->sink.findings[0].part, 1);
	assert_int_equal(fake->sink.findings[0].start, 2);
	fake_close(fake);
}

static void test_instances_share_nothing(void **state)
{
	struct fake *first = fake_open("keyword", secret);
	struct fake *second = fake_open("keyword", aa);

	(void)state;
	assert_int_equal(fake_scan(first, fake_text("aa secret")), ORCH_OK);
	assert_int_equal(fake_scan(second, fake_text("aa secret")), ORCH_OK);
	assert_int_equal(first->sink.findings[0].start, 3);
	assert_int_equal(second->sink.findings[0].start, 0);
	assert_int_equal(second->sink.findings[0].severity, ORCH_MEDIUM);
	fake_close(first);
	fake_close(second);
}

static void test_the_limit_of_findings_is_handed_on(void **state)
{
	struct fake *fake = fake_open("keyword", aa);

	(void)state;
	fake->sink.findings_limit = 1;
	assert_int_equal(fake_scan(fake, fake_text("aaaa")), ORCH_E_LIMIT);
	assert_int_equal(fake->sink.finding_count, 1);
	fake_close(fake);
}

static void test_an_empty_word_is_refused(void **state)
{
	static const char *const empty[] = { "word", "", NULL };
	struct orch_err err;

	(void)state;
	assert_int_equal(fake_refuse("keyword", empty, &err), ORCH_E_INVALID);
	assert_non_null(strstr(err.text, "word"));
}

static char *read_file(const char *name)
{
	char *text = calloc(1, FILE_BYTES);
	FILE *file = fopen(name, "rb");

	assert_non_null(text);
	assert_non_null(file);
	assert_true(fread(text, 1, FILE_BYTES - 1, file) < FILE_BYTES - 1);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void test_the_guide_quotes_it_verbatim(void **state)
{
	char *source = read_file(TEST_SOURCE_DIR "/plugins/tools/keyword/keyword.c");
	char *guide = read_file(TEST_SOURCE_DIR "/plugins/README.md");

	(void)state;
	assert_non_null(strstr(guide, source));
	free(source);
	free(guide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_occurrence_is_reported),
		cmocka_unit_test(test_occurrences_do_not_overlap),
		cmocka_unit_test(test_every_part_is_looked_at),
		cmocka_unit_test(test_instances_share_nothing),
		cmocka_unit_test(test_the_limit_of_findings_is_handed_on),
		cmocka_unit_test(test_an_empty_word_is_refused),
		cmocka_unit_test(test_the_guide_quotes_it_verbatim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
