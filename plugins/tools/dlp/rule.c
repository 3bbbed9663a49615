/* SPDX-License-Identifier: Apache-2.0 */
#include "rule.h"

#include <string.h>

#include "kit/json.h"
#include "kit/text.h"

#define CONTEXT_BEFORE 80 /* bytes */
#define CONTEXT_AFTER 40

static int read_check(struct json_object *value, struct rule_options *options, struct orch_err *err)
{
	struct orch_text name = kit_json_string(value);

	options->check = checks_find(name);
	if (options->check == NULL)
		return orch_fail(err, ORCH_E_INVALID, "check \"%.40s\" is not known; there are %s",
			name.ptr, checks_names);
	return ORCH_OK;
}

static int read_bool(
	struct json_object *value, bool *ret_flag, const char *name, struct orch_err *err)
{
	if (!json_object_is_type(value, json_type_boolean))
		return orch_fail(err, ORCH_E_INVALID, "%s must be true or false", name);
	*ret_flag = json_object_get_boolean(value);
	return ORCH_OK;
}

static int read_caseless(
	struct json_object *value, struct rule_options *options, struct orch_err *err)
{
	return read_bool(value, &options->caseless, "caseless", err);
}

static int read_required(
	struct json_object *value, struct rule_options *options, struct orch_err *err)
{
	return read_bool(value, &options->context_required, "context_required", err);
}

static int read_confidence(
	struct json_object *value, struct rule_options *options, struct orch_err *err)
{
	int64_t number = json_object_get_int64(value);

	if (!json_object_is_type(value, json_type_int) || number < 0 || number > 100)
		return orch_fail(err, ORCH_E_INVALID, "confidence must be a number from 0 to 100");
	options->confidence = (uint32_t)number;
	return ORCH_OK;
}

static int read_context(
	struct json_object *value, struct rule_options *options, struct orch_err *err)
{
	size_t count =
		json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;

	if (count == 0 || count > RULE_WORDS)
		return orch_fail(
			err, ORCH_E_INVALID, "context must be a list of 1 to %d words", RULE_WORDS);
	for (size_t i = 0; i < count; i++) {
		struct orch_text word = kit_json_string(json_object_array_get_idx(value, i));

		if (word.len == 0 || word.len >= RULE_WORD_BYTES)
			return orch_fail(err, ORCH_E_INVALID,
				"a word of context must have 1 to %d bytes", RULE_WORD_BYTES - 1);
		memcpy(options->words[i], word.ptr, word.len);
		options->words[i][word.len] = '\0';
	}
	options->word_count = count;
	return ORCH_OK;
}

static const struct {
	const char *name;
	int (*read)(struct json_object *value, struct rule_options *options, struct orch_err *err);
} readers[] = {
	{ "check", read_check },
	{ "caseless", read_caseless },
	{ "confidence", read_confidence },
	{ "context", read_context },
	{ "context_required", read_required },
};

static int read_member(const char *key, struct json_object *value, struct rule_options *options,
	struct orch_err *err)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (strcmp(readers[i].name, key) == 0)
			return readers[i].read(value, options, err);
	}
	return orch_fail(err, ORCH_E_INVALID,
		"option \"%.40s\" is not known; there are check, caseless, confidence, context and "
		"context_required",
		key);
}

static int read_members(
	struct json_object *object, struct rule_options *options, struct orch_err *err)
{
	if (!json_object_is_type(object, json_type_object))
		return orch_fail(err, ORCH_E_INVALID, "options must be a JSON object");
	json_object_object_foreach(object, key, value)
	{
		int rc = read_member(key, value, options, err);

		if (rc != ORCH_OK)
			return rc;
	}
	if (options->context_required && options->word_count == 0)
		return orch_fail(err, ORCH_E_INVALID, "context_required needs context");
	return ORCH_OK;
}

int rule_options_read(struct orch_text json, struct rule_options *ret_options, struct orch_err *err)
{
	struct json_object *object = NULL;
	int rc;

	*ret_options = (struct rule_options){ .confidence = RULE_CONFIDENCE };
	if (json.len == 0)
		return ORCH_OK;
	rc = kit_json_parse(json, &object, err);
	if (rc == ORCH_E_INVALID)
		return orch_fail(err, rc, "options must be a JSON object");
	if (rc != ORCH_OK)
		return rc;
	rc = read_members(object, ret_options, err);
	json_object_put(object);
	return rc;
}

static bool contains(struct orch_text text, const char *word)
{
	size_t len = strlen(word);

	for (size_t at = 0; at + len <= text.len; at++) {
		struct orch_text piece = { text.ptr + at, len };

		if (kit_equal_caseless(piece, (struct orch_text){ word, len }))
			return true;
	}
	return false;
}

bool rule_has_context(
	const struct rule_options *options, struct orch_text text, size_t start, size_t length)
{
	size_t from = start > CONTEXT_BEFORE ? start - CONTEXT_BEFORE : 0;
	size_t end = start + length;
	size_t to = text.len - end > CONTEXT_AFTER ? end + CONTEXT_AFTER : text.len;
	struct orch_text before = { text.ptr + from, start - from };
	struct orch_text after = { text.ptr + end, to - end };

	for (size_t i = 0; i < options->word_count; i++) {
		if (contains(before, options->words[i]) || contains(after, options->words[i]))
			return true;
	}
	return false;
}
