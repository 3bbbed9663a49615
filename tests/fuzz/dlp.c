/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An expression, a NUL, its options, a NUL, and a text, for the dlp tool as
 * built: what it finds lies in the text and is not empty, and it comes to an end.
 */
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const options[] = { "match_limit", "1000", "rule_time", "1s", NULL };

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void scan(struct fake *fake, struct orch_text text)
{
	fake->sink.findings_limit = 100;
	(void)fake_scan(fake, text);
	for (size_t i = 0; i < fake->sink.finding_count; i++) {
		const struct orch_finding *finding = &fake->sink.findings[i];

		require(finding->length > 0 && finding->confidence <= 100);
		require(finding->start <= text.len && finding->length <= text.len - finding->start);
	}
}

static void play(const char *expression, const char *rule_options, struct orch_text text)
{
	const struct orch_rule rule = { .size = sizeof(rule),
		.severity = ORCH_HIGH,
		.id = { "r", 1 },
		.name = { "r", 1 },
		.expression = fake_text(expression),
		.options = fake_text(rule_options),
		.version = 1 };
	struct fake *fake = fake_open("dlp", options);
	size_t bad = SIZE_MAX;

	if (fake_compile(fake, &rule, 1, &bad) == ORCH_OK)
		scan(fake, text);
	else
		require(bad == 0 && fake->err.text[0] != '\0');
	fake_close(fake);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *all = calloc(1, len + 3);
	size_t second, third;

	if (!all)
		return 0;
	if (len > 0)
		memcpy(all, bytes, len);
	second = strlen(all) + 1;
	third = second + strlen(all + second) + 1;
	play(all, all + second, (struct orch_text){ all + third, third < len ? len - third : 0 });
	free(all);
	return 0;
}
