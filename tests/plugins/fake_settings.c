/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct orch_template {
	const char *source;
};

static const char *value_of(const struct orch_option *option, const char *const *options)
{
	for (; options != NULL && options[0] != NULL; options += 2) {
		if (strcmp(options[0], option->name) == 0)
			return options[1];
	}
	if (option->fallback == NULL)
		fail_msg("the option %s is required", option->name);
	return option->fallback;
}

static uint64_t with_unit(const char *value, const char *units, const uint64_t *factors)
{
	char *end;
	uint64_t number = strtoull(value, &end, 10);
	const char *unit = *end == '\0' ? NULL : strchr(units, *end);

	return unit == NULL ? number : number * factors[unit - units];
}

static uint32_t choice_of(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (uint32_t index = 0; choices != NULL; index++) {
		const char *end = strchr(choices, '|');
		size_t choice_len = end == NULL ? strlen(choices) : (size_t)(end - choices);

		if (choice_len == len && memcmp(choices, value, len) == 0)
			return index;
		choices = end == NULL ? NULL : end + 1;
	}
	fail_msg("%s is not a choice", value);
	return 0;
}

/* Words with blanks between them. */
static struct orch_list list_of(struct fake *fake, const char *value)
{
	struct orch_text *items = fake_alloc(fake, (strlen(value) + 1) * sizeof(*items));
	struct orch_list list = { items, 0 };

	while (*value != '\0') {
		size_t len = strcspn(value, " ");

		items[list.count] =
			(struct orch_text){ fake_keep(fake, (struct orch_text){ value, len }),
				len };
		list.count++;
		value += len + (value[len] == ' ' ? 1 : 0);
	}
	return list;
}

static orch_credential credential_of(struct fake *fake, const char *value)
{
	orch_credential next = 1;

	if (*value == '\0')
		return 0;
	while (fake->secrets[next] != NULL && strcmp(fake->secrets[next], value) != 0)
		next++;
	assert_true(next < 8);
	fake->secrets[next] = value;
	return next;
}

static const struct orch_template *template_of(struct fake *fake, const char *value)
{
	struct orch_template *form = fake_alloc(fake, sizeof(*form));

	form->source = value;
	return form;
}

static void store(void *place, const void *value, size_t size)
{
	memcpy(place, value, size);
}

#define STORE(type, expression)                          \
	do {                                             \
		type stored_ = (expression);             \
		store(place, &stored_, sizeof(stored_)); \
	} while (0)

static void set(struct fake *fake, const struct orch_option *option, const char *value, void *place)
{
	static const uint64_t size_factors[] = { 1024, 1048576, 1073741824 };
	static const uint64_t time_factors[] = { 1000, 60000 };

	switch (option->type) {
	case ORCH_OPT_STRING:
	case ORCH_OPT_URL:
	case ORCH_OPT_PATH:
		STORE(const char *, value);
		break;
	case ORCH_OPT_BOOL:
		STORE(bool, strcmp(value, "true") == 0);
		break;
	case ORCH_OPT_INT:
		STORE(int64_t, strtoll(value, NULL, 10));
		break;
	case ORCH_OPT_SIZE:
		STORE(uint64_t, with_unit(value, "kMG", size_factors));
		break;
	case ORCH_OPT_TIME:
		STORE(uint64_t, with_unit(value, "sm", time_factors));
		break;
	case ORCH_OPT_CHOICE:
		STORE(uint32_t, choice_of(option->choices, value));
		break;
	case ORCH_OPT_LIST:
		STORE(struct orch_list, list_of(fake, value));
		break;
	case ORCH_OPT_CREDENTIAL:
		STORE(orch_credential, credential_of(fake, value));
		break;
	case ORCH_OPT_ACCOUNT:
		STORE(orch_account, value[0] != '\0');
		break;
	case ORCH_OPT_TEMPLATE:
		STORE(const struct orch_template *, template_of(fake, value));
		break;
	default:
		fail_msg("the option %s has a type that is not known", option->name);
	}
}

void *fake_settings(struct fake *fake, const struct orch_plugin *plugin, const char *const *options)
{
	char *settings = fake_alloc(fake, plugin->settings_size + 1);

	for (const struct orch_option *option = plugin->options; option->name != NULL; option++) {
		assert_non_null(option->help);
		set(fake, option, value_of(option, options), settings + option->offset);
	}
	return settings;
}

static const char *placeholder(const char *name, const struct orch_task *task)
{
	static char count[32];

	if (strncmp(name, "field.", 6) == 0)
		return fake_field(task->event, name + 6);
	if (strcmp(name, "event.actor") == 0)
		return task->event->actor.ptr;
	if (strcmp(name, "event.id") == 0)
		return task->event->id.ptr;
	if (strcmp(name, "event.type") == 0)
		return task->event->type.ptr;
	if (strcmp(name, "finding.name") == 0)
		return task->finding_count > 0 ? task->findings[0].rule_name.ptr : "";
	(void)snprintf(count, sizeof(count), "%zu", task->finding_count);
	return strcmp(name, "findings.count") == 0 ? count : "";
}

struct orch_text fake_render(
	struct fake *fake, const struct orch_template *form, const struct orch_task *task)
{
	char *text = fake_alloc(fake, 4096);
	size_t len = 0;

	for (const char *at = form->source; *at != '\0'; at++) {
		char name[64];
		size_t name_len = strcspn(at, "}");
		const char *value;

		if (*at != '{' || name_len >= sizeof(name)) {
			text[len++] = *at;
			continue;
		}
		memcpy(name, at + 1, name_len - 1);
		name[name_len - 1] = '\0';
		value = placeholder(name, task);
		len += (size_t)snprintf(text + len, 4096 - len, "%s", value == NULL ? "" : value);
		at += name_len;
	}
	return (struct orch_text){ text, len };
}
