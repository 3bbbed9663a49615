/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template, a NUL, and what it shows of an event: it renders for every
 * target, and in JSON no text gets out of its string.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "plugin/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool render(struct orch_text source, struct orch_text value, const char *target,
	struct orch_arena *arena, struct orch_text *ret_text)
{
	const struct orch_field field = { ORCH_TEXT("x"), value };
	const struct orch_event event = { .size = sizeof(event),
		.id = value,
		.type = value,
		.actor = value,
		.tenant = value,
		.source = value,
		.trace = value,
		.data = value,
		.order = ORCH_TEXT_NONE,
		.fields = &field,
		.field_count = 1 };
	const struct orch_finding finding = { .size = sizeof(finding),
		.severity = ORCH_HIGH,
		.rule = value,
		.rule_name = value,
		.title = value,
		.advice = value,
		.detail = value,
		.tool = value };
	const struct orch_task task = { .size = sizeof(task),
		.key = value,
		.pipeline = value,
		.event = &event,
		.findings = &finding,
		.finding_count = 1 };
	const struct orch_template *form = NULL;
	struct orch_err err = { "" };

	if (orch_template_parse(source, arena, &form, &err) != ORCH_OK) {
		require(err.text[0] != '\0');
		return false;
	}
	return orch_template_render(form, &task, target, arena, ret_text) == ORCH_OK;
}

/* "{field.x}" in quotes is one string of JSON, whatever x is. */
static void check_json(struct orch_text value, struct orch_arena *arena)
{
	const struct orch_text source = ORCH_TEXT("\"{field.x}\"");
	struct json_object *object = NULL;
	struct orch_text text;
	struct orch_err err;

	if (!render(source, value, "json", arena, &text))
		return;
	require(orch_json_parse(text, &object, &err) == ORCH_OK);
	require(json_object_is_type(object, json_type_string));
	json_object_put(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const targets[] = { "json", "mrkdwn", "text" };
	const char *all = len > 0 ? (const char *)bytes : "";
	const char *nul = memchr(all, '\0', len);
	size_t cut = nul ? (size_t)(nul - all) : len;
	const struct orch_text source = { all, cut };
	const struct orch_text value = { all + (nul ? cut + 1 : cut), len - cut - (nul ? 1 : 0) };

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct orch_arena *arena = orch_arena_create(0);
		struct orch_text text;

		require(arena != NULL);
		if (render(source, value, targets[i], arena, &text))
			require(text.len <= ORCH_TEMPLATE_BYTES && text.ptr[text.len] == '\0');
		check_json(value, arena);
		orch_arena_destroy(arena);
	}
	return 0;
}
