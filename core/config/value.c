/* SPDX-License-Identifier: Apache-2.0 */
#include "config/value.h"

#include <libconfig.h>
#include <string.h>

#include "base/text.h"
#include "config/source.h"

/* libconfig 1.5 forgets a string that stands before a syntax error; leak checkers need not tell us. */
#if defined(__SANITIZE_ADDRESS__)
#define CHECKS_LEAKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECKS_LEAKS 1
#endif
#endif
#ifdef CHECKS_LEAKS
#include <sanitizer/lsan_interface.h>
#define LEAKS_ALLOWED(allowed) ((allowed) ? __lsan_disable() : __lsan_enable())
#else
#define LEAKS_ALLOWED(allowed) ((void)0)
#endif

/* A folder that cannot be one, so that libconfig itself never includes anything. */
#define NO_FOLDER "/dev/null"

struct copying {
	struct orch_arena *arena;
	const struct orch_source *source;
	size_t values;
};

static struct orch_where where_is(const struct orch_source *source, unsigned line)
{
	if (source->line_count == 0)
		return (struct orch_where){ .file = NULL };
	if (line == 0)
		line = 1;
	if (line > source->line_count)
		line = (unsigned)source->line_count;
	return source->lines[line - 1];
}

static int copy_value(struct copying *copying, config_setting_t *from, struct orch_value *to);

static int copy_items(struct copying *copying, config_setting_t *from, struct orch_value *to)
{
	int count = config_setting_length(from);
	int rc = ORCH_OK;

	if (count <= 0)
		return ORCH_OK;
	to->items = orch_arena_alloc_array(copying->arena, (size_t)count, sizeof(*to->items));
	if (to->items == NULL)
		return ORCH_E_NOMEM;
	to->count = (size_t)count;
	for (int i = 0; i < count && rc == ORCH_OK; i++)
		rc = copy_value(copying, config_setting_get_elem(from, (unsigned)i), &to->items[i]);
	return rc;
}

static int copy_value(struct copying *copying, config_setting_t *from, struct orch_value *to)
{
	struct orch_text name = orch_text_from(config_setting_name(from));

	if (++copying->values > ORCH_CONFIG_VALUES_MAX)
		return ORCH_E_LIMIT;
	to->where = where_is(copying->source, config_setting_source_line(from));
	to->name = orch_arena_text(copying->arena, name);
	to->text = ORCH_TEXT_NONE;
	switch (config_setting_type(from)) {
	case CONFIG_TYPE_STRING:
		to->kind = ORCH_VALUE_TEXT;
		to->text = orch_arena_text(
			copying->arena, orch_text_from(config_setting_get_string(from)));
		return ORCH_OK;
	case CONFIG_TYPE_INT:
		to->kind = ORCH_VALUE_INT;
		to->number = config_setting_get_int(from);
		return ORCH_OK;
	case CONFIG_TYPE_INT64:
		to->kind = ORCH_VALUE_INT;
		to->number = config_setting_get_int64(from);
		return ORCH_OK;
	case CONFIG_TYPE_FLOAT:
		to->kind = ORCH_VALUE_FLOAT;
		to->real = config_setting_get_float(from);
		return ORCH_OK;
	case CONFIG_TYPE_BOOL:
		to->kind = ORCH_VALUE_BOOL;
		to->number = config_setting_get_bool(from) != 0;
		return ORCH_OK;
	case CONFIG_TYPE_GROUP:
		to->kind = ORCH_VALUE_GROUP;
		return copy_items(copying, from, to);
	default:
		to->kind = ORCH_VALUE_LIST;
		return copy_items(copying, from, to);
	}
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '-' || c == '*';
}

/* The next "NAME =" of *REST; false if there is none. */
static bool next_key(struct orch_text *rest, struct orch_text *ret_name)
{
	bool quoted = false;

	for (size_t i = 0, start = 0; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (c == '"')
			quoted = !quoted;
		if (quoted || (c != '=' && c != ':')) {
			if (!is_name(c) && c != ' ' && c != '\t')
				start = i + 1;
			continue;
		}
		*ret_name = orch_text_trim((struct orch_text){ rest->ptr + start, i - start });
		*rest = (struct orch_text){ rest->ptr + i + 1, rest->len - i - 1 };
		return true;
	}
	return false;
}

/* The key of LINE that must be the doubled one: the one that stands there twice, or the only one. */
static struct orch_text doubled_key(struct orch_text line)
{
	struct orch_text rest = line, name, other, only = ORCH_TEXT_NONE;
	size_t count = 0;

	while (next_key(&rest, &name)) {
		struct orch_text behind = rest;

		while (next_key(&behind, &other))
			if (orch_text_equal(name, other))
				return name;
		only = name;
		count++;
	}
	return count == 1 ? only : ORCH_TEXT_NONE;
}

static struct orch_text line_of(const struct orch_source *source, unsigned number)
{
	struct orch_text rest = source->text, line = ORCH_TEXT_NONE;

	for (unsigned i = 0; i < number; i++)
		if (!orch_text_split(&rest, '\n', &line))
			break;
	return line;
}

static void add_syntax_error(
	const config_t *tree, const struct orch_source *source, struct orch_config_errors *errors)
{
	unsigned number = config_error_line(tree) > 0 ? (unsigned)config_error_line(tree) : 0;
	const char *text = config_error_text(tree) == NULL ? "?" : config_error_text(tree);
	struct orch_where where = where_is(source, number);
	struct orch_text name;

	if (strncmp(text, "duplicate", 9) == 0) {
		name = doubled_key(line_of(source, number));
		if (name.len == 0)
			name = ORCH_TEXT("a key");
		orch_config_errors_add(errors, where, ORCH_TEXT_NONE,
			"%.*s stands twice in one block; must stand once", ORCH_TEXT_ARG(name));
	} else if (strncmp(text, "mismatched", 10) == 0) {
		orch_config_errors_add(errors, where, ORCH_TEXT_NONE,
			"%s; values in [ ] must be of one type, those in ( ) may differ", text);
	} else {
		orch_config_errors_add(errors, where, ORCH_TEXT_NONE,
			"%s; here or just before, a \";\", a quote, a bracket or a value is "
			"missing or too many",
			text);
	}
}

static int parse(const struct orch_source *source, struct orch_arena *arena,
	struct orch_config_errors *errors, struct orch_value *root)
{
	struct copying copying = { .arena = arena, .source = source };
	config_t tree;
	int is_read, rc;

	config_init(&tree);
	config_set_include_dir(&tree, NO_FOLDER);
	LEAKS_ALLOWED(true);
	is_read = config_read_string(&tree, source->text.ptr);
	LEAKS_ALLOWED(false);
	if (is_read != CONFIG_TRUE) {
		add_syntax_error(&tree, source, errors);
		config_destroy(&tree);
		return ORCH_E_INVALID;
	}
	rc = copy_value(&copying, config_root_setting(&tree), root);
	config_destroy(&tree);
	if (rc == ORCH_OK && orch_arena_failed(arena))
		rc = ORCH_E_NOMEM;
	if (rc != ORCH_OK)
		orch_config_errors_add(errors, where_is(source, 1), ORCH_TEXT_NONE,
			rc == ORCH_E_LIMIT ? "too many values" : "no memory to read it");
	return rc;
}

int orch_value_read(const char *file, struct orch_arena *arena, struct orch_config_errors *errors,
	struct orch_value **ret_root, char ret_digest[17])
{
	struct orch_value *root = orch_arena_alloc(arena, sizeof(*root));
	struct orch_source source = { .text = ORCH_TEXT_NONE };
	int rc;

	if (root == NULL) {
		orch_config_errors_add(
			errors, (struct orch_where){ file, 0 }, ORCH_TEXT_NONE, "no memory");
		return ORCH_E_NOMEM;
	}
	rc = orch_source_read(file, arena, errors, &source);
	if (rc == ORCH_OK)
		rc = parse(&source, arena, errors, root);
	if (rc != ORCH_OK)
		return rc;
	root->where.line = 0;
	*ret_root = root;
	if (ret_digest != NULL)
		memcpy(ret_digest, source.digest, sizeof(source.digest));
	return ORCH_OK;
}

struct orch_value *orch_value_get(struct orch_value *group, const char *name)
{
	if (group == NULL || group->kind != ORCH_VALUE_GROUP)
		return NULL;
	for (size_t i = 0; i < group->count; i++) {
		if (!orch_text_is(group->items[i].name, name))
			continue;
		group->items[i].is_used = true;
		return &group->items[i];
	}
	return NULL;
}

const char *orch_value_kind_name(enum orch_value_kind kind)
{
	static const char *const names[] = {
		[ORCH_VALUE_TEXT] = "a string",
		[ORCH_VALUE_INT] = "a number",
		[ORCH_VALUE_FLOAT] = "a number with a fraction",
		[ORCH_VALUE_BOOL] = "a boolean",
		[ORCH_VALUE_GROUP] = "a group { … }",
		[ORCH_VALUE_LIST] = "a list",
	};

	return names[kind];
}
