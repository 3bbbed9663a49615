/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/rulefile.h"

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "model/event.h"
#include "pipeline/rulecheck.h"

static const char *const state_names[] = { "live", "shadow", "off" };
static const char *const keys[] = { "id", "tool", "name", "description", "expression", "severity",
	"options", "state", "matches", "no_matches", "version", "created_by", "created",
	"changed_by", "changed" };

const char *orch_rule_state_name(enum orch_rule_state state)
{
	return state_names[state];
}

const char *orch_rule_standing(const struct orch_stored_rule *rule)
{
	if (rule->damaged)
		return "damaged";
	return rule->removed ? "removed" : orch_rule_state_name(rule->state);
}

int orch_rule_state_from(struct orch_text name)
{
	for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (orch_text_is(name, state_names[i]))
			return (int)i;
	return -1;
}

static int refuse_unknown_keys(struct json_object *object, struct orch_err *err)
{
	struct json_object_iterator at = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);

	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		const char *name = json_object_iter_peek_name(&at);
		bool known = false;

		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			known = known || orch_text_is(orch_text_from(name), keys[i]);
		if (!known)
			return orch_fail(
				err, ORCH_E_INVALID, "the key \"%.60s\" is not known", name);
	}
	return ORCH_OK;
}

/* Of these a number or a list would be taken for "not there". */
static int refuse_other_types(struct json_object *object, struct orch_err *err)
{
	static const char *const texts[] = { "id", "tool", "name", "description", "expression",
		"severity", "state" };
	struct json_object *options = orch_json_get(object, "options");

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_object *member = orch_json_get(object, texts[i]);

		if (member != NULL && !json_object_is_type(member, json_type_string))
			return orch_fail(err, ORCH_E_INVALID, "%s must be a text", texts[i]);
	}
	if (options != NULL && !json_object_is_type(options, json_type_object))
		return orch_fail(err, ORCH_E_INVALID,
			"options must be an object, as { \"check\": \"luhn\" }");
	return ORCH_OK;
}

static int parse_list(struct json_object *object, const char *key, struct orch_arena *arena,
	struct orch_list *ret_list, struct orch_err *err)
{
	struct json_object *array = orch_json_get(object, key);
	struct orch_text *items;
	size_t count;

	*ret_list = (struct orch_list){ 0 };
	if (array == NULL)
		return ORCH_OK;
	if (!json_object_is_type(array, json_type_array))
		return orch_fail(err, ORCH_E_INVALID, "%s must be a list of texts", key);
	count = json_object_array_length(array);
	items = orch_arena_alloc_array(arena, count + 1, sizeof(*items));
	for (size_t i = 0; items != NULL && i < count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		if (!json_object_is_type(item, json_type_string))
			return orch_fail(err, ORCH_E_INVALID, "%s must be a list of texts", key);
		items[i] = orch_arena_text(arena,
			(struct orch_text){ json_object_get_string(item),
				(size_t)json_object_get_string_len(item) });
	}
	*ret_list = (struct orch_list){ items, items == NULL ? 0 : count };
	return ORCH_OK;
}

static int parse_grades(
	struct json_object *object, struct orch_stored_rule *rule, struct orch_err *err)
{
	struct orch_text severity = orch_json_text(object, "severity");
	struct orch_text state = orch_json_text(object, "state");
	int grade = severity.len == 0 ? ORCH_MEDIUM : orch_severity_from(severity);
	int stands = state.len == 0 ? ORCH_RULE_LIVE : orch_rule_state_from(state);

	if (grade < 0)
		return orch_fail(err, ORCH_E_INVALID,
			"severity must be info, low, medium, high or critical");
	if (stands < 0)
		return orch_fail(err, ORCH_E_INVALID, "state must be live, shadow or off");
	rule->rule.severity = (uint32_t)grade;
	rule->state = (enum orch_rule_state)stands;
	return ORCH_OK;
}

int orch_rulefile_parse_rule(struct json_object *object, struct orch_arena *arena,
	struct orch_stored_rule *ret_rule, struct orch_err *err)
{
	struct orch_stored_rule rule = { .rule = { .size = sizeof(rule.rule) } };
	struct json_object *options;
	int rc;

	if (!json_object_is_type(object, json_type_object))
		return orch_fail(err, ORCH_E_INVALID, "a rule must be an object");
	options = orch_json_get(object, "options");
	rule.rule.id = orch_arena_text(arena, orch_json_text(object, "id"));
	rule.rule.name = orch_arena_text(arena, orch_json_text(object, "name"));
	rule.rule.expression = orch_arena_text(arena, orch_json_text(object, "expression"));
	rule.rule.options =
		orch_arena_text(arena, options == NULL ? ORCH_TEXT_NONE : orch_json_print(options));
	rule.tool = orch_arena_text(arena, orch_json_text(object, "tool"));
	rule.description = orch_arena_text(arena, orch_json_text(object, "description"));
	rc = refuse_unknown_keys(object, err);
	if (rc == ORCH_OK)
		rc = refuse_other_types(object, err);
	if (rc == ORCH_OK)
		rc = parse_grades(object, &rule, err);
	if (rc == ORCH_OK)
		rc = parse_list(object, "matches", arena, &rule.matches, err);
	if (rc == ORCH_OK)
		rc = parse_list(object, "no_matches", arena, &rule.no_matches, err);
	if (rc == ORCH_OK &&
		(rule.tool.len == 0 || rule.rule.name.len == 0 || rule.rule.expression.len == 0))
		rc = orch_fail(err, ORCH_E_INVALID, "tool, name and expression must be there");
	if (rc == ORCH_OK && orch_arena_failed(arena))
		rc = orch_fail(err, ORCH_E_NOMEM, "out of memory");
	if (rc == ORCH_OK)
		*ret_rule = rule;
	return rc;
}

static unsigned line_of(struct orch_text text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at && i < text.len; i++)
		line += text.ptr[i] == '\n';
	return line;
}

static int find_rules(struct orch_text bytes, struct orch_arena *arena, struct orch_rulefile *file,
	struct orch_err *err)
{
	file->array = orch_json_get(file->root, "rules");
	if (!json_object_is_type(file->array, json_type_array))
		return orch_fail(err, ORCH_E_INVALID,
			"there is no list \"rules\"; must be { \"rules\": [ { … } ] }");
	file->count = json_object_array_length(file->array);
	file->lines = orch_arena_alloc_array(arena, file->count + 1, sizeof(*file->lines));
	if (file->lines == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	orch_rulefile_find_lines(bytes, file->lines, file->count);
	return ORCH_OK;
}

static int parse_file(struct orch_text bytes, struct orch_arena *arena, struct orch_rulefile *file,
	unsigned *ret_line, struct orch_err *err)
{
	size_t at;
	int rc;

	*ret_line = 1;
	if (orch_text_starts_with(bytes, ORCH_TEXT("\xef\xbb\xbf")))
		return orch_fail(err, ORCH_E_INVALID,
			"it begins with a byte order mark (BOM); save it as UTF-8 without one");
	rc = orch_json_parse_at(bytes, &file->root, &at, err);
	if (rc != ORCH_OK)
		*ret_line = line_of(bytes, at);
	return rc == ORCH_OK ? find_rules(bytes, arena, file, err) : rc;
}

int orch_rulefile_open(const char *path, struct orch_arena *arena, struct orch_rulefile *ret_file,
	unsigned *ret_line, struct orch_err *err)
{
	struct orch_rulefile file = { .count = 0 };
	struct orch_text bytes;
	int rc = orch_file_read(path, ORCH_RULEFILE_BYTES, arena, &bytes, err);

	*ret_line = 0;
	if (rc != ORCH_OK)
		return rc;
	rc = parse_file(bytes, arena, &file, ret_line, err);
	if (rc == ORCH_OK)
		*ret_file = file;
	else
		orch_rulefile_close(&file);
	return rc;
}

void orch_rulefile_close(struct orch_rulefile *file)
{
	json_object_put(file->root);
	file->root = NULL;
}

int orch_rulefile_take(const struct orch_rulefile *file, size_t index, struct orch_arena *arena,
	struct orch_stored_rule *ret_rule, struct orch_err *err)
{
	struct json_object *object = json_object_array_get_idx(file->array, index);
	int rc = orch_rulefile_parse_rule(object, arena, ret_rule, err);

	if (rc != ORCH_OK)
		orch_err_prefix(err, "rule %zu (%.*s)", index + 1,
			ORCH_TEXT_ARG(orch_json_text(object, "id")));
	return rc;
}

static int take_all(const struct orch_rulefile *file, struct orch_arena *arena,
	struct orch_stored_rule **ret_rules, unsigned *ret_line, struct orch_err *err)
{
	struct orch_stored_rule *rules =
		orch_arena_alloc_array(arena, file->count + 1, sizeof(*rules));
	int rc = rules == NULL ? orch_fail(err, ORCH_E_NOMEM, "out of memory") : ORCH_OK;

	for (size_t i = 0; rc == ORCH_OK && i < file->count; i++) {
		*ret_line = file->lines[i];
		rc = orch_rulefile_take(file, i, arena, &rules[i], err);
	}
	*ret_rules = rules;
	return rc;
}

int orch_rulefile_parse(struct orch_text bytes, const char *name, struct orch_arena *arena,
	struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err)
{
	struct orch_rulefile file = { .count = 0 };
	struct orch_stored_rule *rules = NULL;
	unsigned line;
	int rc = parse_file(bytes, arena, &file, &line, err);

	if (rc == ORCH_OK)
		rc = take_all(&file, arena, &rules, &line, err);
	orch_rulefile_close(&file);
	if (rc != ORCH_OK) {
		orch_err_prefix(err, "%s:%u", name, line);
		return rc;
	}
	*ret_rules = rules;
	*ret_count = file.count;
	return ORCH_OK;
}

int orch_rulefile_read(const char *path, struct orch_arena *arena,
	struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err)
{
	struct orch_text bytes;
	int rc = orch_file_read(path, ORCH_RULEFILE_BYTES, arena, &bytes, err);

	return rc == ORCH_OK ? orch_rulefile_parse(bytes, path, arena, ret_rules, ret_count, err)
			     : rc;
}

static void write_list(struct orch_buf *buf, const char *key, struct orch_list list)
{
	orch_buf_printf(buf, ",\"%s\":[", key);
	for (size_t i = 0; i < list.count; i++) {
		if (i > 0)
			orch_buf_add_char(buf, ',');
		orch_buf_add_json(buf, list.items[i]);
	}
	orch_buf_add_char(buf, ']');
}

static void write_text(struct orch_buf *buf, const char *key, struct orch_text text)
{
	orch_buf_printf(buf, ",\"%s\":", key);
	orch_buf_add_json(buf, text);
}

void orch_rulefile_write_rule(
	struct orch_buf *buf, const struct orch_stored_rule *rule, bool with_history)
{
	orch_buf_add_string(buf, "{\"id\":");
	orch_buf_add_json(buf, rule->rule.id);
	write_text(buf, "tool", rule->tool);
	write_text(buf, "name", rule->rule.name);
	write_text(buf, "description", rule->description);
	write_text(buf, "expression", rule->rule.expression);
	write_text(buf, "severity", orch_text_from(orch_severity_name(rule->rule.severity)));
	if (rule->rule.options.len > 0) {
		orch_buf_add_string(buf, ",\"options\":");
		orch_buf_add_text(buf, rule->rule.options);
	}
	write_text(buf, "state", orch_text_from(orch_rule_standing(rule)));
	write_list(buf, "matches", rule->matches);
	write_list(buf, "no_matches", rule->no_matches);
	if (with_history) {
		orch_buf_printf(buf, ",\"version\":%u", rule->rule.version);
		write_text(buf, "created_by", rule->created_by);
		orch_buf_printf(buf, ",\"created\":%llu", (unsigned long long)rule->created_ms);
		write_text(buf, "changed_by", rule->changed_by);
		orch_buf_printf(buf, ",\"changed\":%llu", (unsigned long long)rule->changed_ms);
		if (rule->removed)
			orch_buf_add_string(buf, ",\"removed\":true");
	}
	orch_buf_add_char(buf, '}');
}
