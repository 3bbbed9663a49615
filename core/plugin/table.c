/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's table of options, before anything is read by it. */
#include <string.h>

#include "base/text.h"
#include "plugin/loader.h"
#include "plugin/option.h"
#include "plugin/settings.h"

#define NAME_BYTES 64
#define SCRATCH_BYTES 64 /* more than the value of any option */
#define ARENA_BYTES (1024 * 1024)

static int check_name(
	const struct orch_plugin *plugin, const struct orch_option *option, struct orch_err *err)
{
	size_t length = strnlen(option->name, NAME_BYTES + 1), count;
	const char *const *core = orch_settings_core_keys(orch_plugin_kind(plugin), &count);

	if (length == 0 || length > NAME_BYTES ||
		strspn(option->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
		return orch_fail(err, ORCH_E_INVALID,
			"option %d has a name that cannot be; must be lower-case letters, digits "
			"and \"_\", at most %d",
			(int)(option - plugin->options) + 1, NAME_BYTES);
	for (size_t i = 0; i < count; i++)
		if (strcmp(option->name, core[i]) == 0)
			return orch_fail(err, ORCH_E_INVALID,
				"option \"%s\" is named like a key of the core; must have another "
				"name",
				option->name);
	for (const struct orch_option *other = plugin->options; other < option; other++)
		if (strcmp(option->name, other->name) == 0)
			return orch_fail(err, ORCH_E_INVALID,
				"option \"%s\" stands twice in the table; must stand once",
				option->name);
	return ORCH_OK;
}

static int check_place(
	const struct orch_plugin *plugin, const struct orch_option *option, struct orch_err *err)
{
	size_t size = orch_option_size(option->type);

	if (size == 0)
		return orch_fail(err, ORCH_E_INVALID,
			"option \"%s\" has the unknown type %u; must be one of enum "
			"orch_option_type",
			option->name, option->type);
	if (option->offset > plugin->settings_size || plugin->settings_size - option->offset < size)
		return orch_fail(err, ORCH_E_INVALID,
			"option \"%s\" lies outside the settings struct (offset %u, %zu bytes, of "
			"%u); must be offsetof a member of it",
			option->name, option->offset, size, plugin->settings_size);
	if (option->offset % orch_option_align(option->type) != 0)
		return orch_fail(err, ORCH_E_INVALID,
			"option \"%s\" is not aligned (offset %u); must be offsetof a member of "
			"its type",
			option->name, option->offset);
	return ORCH_OK;
}

static int check_values(const struct orch_option *option, struct orch_err *err)
{
	if (option->type == ORCH_OPT_CHOICE &&
		(option->choices == NULL || option->choices[0] == '\0'))
		return orch_fail(err, ORCH_E_INVALID,
			"option \"%s\" is a choice without choices; must name them, \"a|b|c\"",
			option->name);
	if (option->max < option->min && option->max != 0)
		return orch_fail(err, ORCH_E_INVALID,
			"option \"%s\" has a max below its min; no value could be right",
			option->name);
	return ORCH_OK;
}

static int check_fallback(const struct orch_option *option, struct orch_err *err)
{
	_Alignas(16) char scratch[SCRATCH_BYTES];
	struct orch_arena *arena;
	struct orch_err why;
	int rc;

	if (option->fallback == NULL)
		return ORCH_OK;
	arena = orch_arena_create(ARENA_BYTES);
	if (arena == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to check the options");
	rc = orch_option_fallback(NULL, arena, option, scratch, &why);
	orch_arena_destroy(arena);
	if (rc != ORCH_OK)
		return orch_fail(err, rc, "option \"%s\" has a fallback that is not valid: %.150s",
			option->name, why.text);
	return ORCH_OK;
}

int orch_settings_check_table(const struct orch_plugin *plugin, struct orch_err *err)
{
	const struct orch_option *option = plugin->options;
	int rc = ORCH_OK;

	if (option != NULL && option->name != NULL && plugin->settings_size == 0)
		return orch_fail(err, ORCH_E_INVALID,
			"it has options but settings_size is 0; must be the sizeof of its settings "
			"struct");
	for (; rc == ORCH_OK && option != NULL && option->name != NULL; option++) {
		if (option - plugin->options >= ORCH_OPTIONS_MAX)
			return orch_fail(err, ORCH_E_LIMIT,
				"it has more than %d options; must end them with a row whose name "
				"is NULL",
				ORCH_OPTIONS_MAX);
		rc = check_name(plugin, option, err);
		if (rc == ORCH_OK)
			rc = check_place(plugin, option, err);
		if (rc == ORCH_OK)
			rc = check_values(option, err);
		if (rc == ORCH_OK)
			rc = check_fallback(option, err);
	}
	return rc;
}
