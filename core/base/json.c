/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before json-c sees a text, a scan over its tokens has counted its values and
 * its depth, and has refused what json-c would let pass even when strict: NaN,
 * Infinity, numbers like 01, and control characters in strings.
 */
#include "base/json.h"

#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

struct scan {
	const char *at, *end;
	size_t values; /* with the keys, as long as their colon was not seen */
	size_t depth;
	bool has_nul; /* the last string holds \u0000 */
};

static bool is_digit(const struct scan *scan)
{
	return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static bool take(struct scan *scan, const char *any_of)
{
	if (scan->at == scan->end || *scan->at == '\0' || !strchr(any_of, *scan->at))
		return false;
	scan->at++;
	return true;
}

static bool skip_digits(struct scan *scan)
{
	if (!is_digit(scan))
		return false;
	while (is_digit(scan))
		scan->at++;
	return true;
}

static bool skip_number(struct scan *scan)
{
	(void)take(scan, "-");
	if (!take(scan, "0") && !skip_digits(scan))
		return false;
	if (take(scan, ".") && !skip_digits(scan))
		return false;
	if (!take(scan, "eE"))
		return !is_digit(scan);
	(void)take(scan, "+-");
	return skip_digits(scan);
}

static bool skip_word(struct scan *scan)
{
	static const char *const words[] = { "true", "false", "null" };
	struct orch_text rest = { scan->at, (size_t)(scan->end - scan->at) };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct orch_text word = orch_text_from(words[i]);

		if (orch_text_starts_with(rest, word)) {
			scan->at += word.len;
			return true;
		}
	}
	return false;
}

/* Over a string and its quotes; json-c judges the escapes. */
static bool skip_string(struct scan *scan)
{
	scan->has_nul = false;
	for (scan->at++; scan->at < scan->end; scan->at++) {
		scan->at += orch_text_plain_run(
			(struct orch_text){ scan->at, (size_t)(scan->end - scan->at) });
		if (scan->at == scan->end)
			return false;
		if (*scan->at == '"') {
			scan->at++;
			return true;
		}
		if ((unsigned char)*scan->at < 0x20)
			return false;
		if (*scan->at != '\\')
			continue;
		if (scan->end - scan->at >= 6 && memcmp(scan->at, "\\u0000", 6) == 0)
			scan->has_nul = true;
		if (++scan->at == scan->end)
			return false;
	}
	return false;
}

static int scan_bracket(struct scan *scan, struct orch_err *err)
{
	if (*scan->at == '}' || *scan->at == ']') {
		/* One too many is for json-c to refuse. */
		scan->depth -= scan->depth > 0;
	} else {
		scan->values++;
		if (++scan->depth > ORCH_JSON_DEPTH_MAX)
			return orch_fail(err, ORCH_E_LIMIT, "JSON is nested deeper than %d",
				ORCH_JSON_DEPTH_MAX);
	}
	scan->at++;
	return ORCH_OK;
}

/* A colon turns the string before it from a value into a key, which json-c keeps as a C string. */
static int scan_colon(struct scan *scan, struct orch_err *err)
{
	scan->at++;
	scan->values -= scan->values > 0;
	if (scan->has_nul)
		return orch_fail(err, ORCH_E_INVALID, "a JSON key holds a NUL");
	return ORCH_OK;
}

static int scan_token(struct scan *scan, const char *start, struct orch_err *err)
{
	bool is_good;

	switch (*scan->at) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
	case ',':
		scan->at++;
		return ORCH_OK;
	case ':':
		return scan_colon(scan, err);
	case '{':
	case '}':
	case '[':
	case ']':
		return scan_bracket(scan, err);
	case '"':
		is_good = skip_string(scan);
		break;
	default:
		is_good = *scan->at == '-' || is_digit(scan) ? skip_number(scan) : skip_word(scan);
	}
	scan->values++;
	if (is_good)
		return ORCH_OK;
	return orch_fail(err, ORCH_E_INVALID, "not JSON at byte %zu", (size_t)(scan->at - start));
}

static int check(struct orch_text text, size_t *ret_at, struct orch_err *err)
{
	struct scan scan = { .at = text.ptr, .end = text.ptr + text.len };
	int code = ORCH_OK;

	if (!orch_text_is_utf8(text))
		return orch_fail(err, ORCH_E_INVALID, "JSON is not valid UTF-8");
	while (code == ORCH_OK && scan.at < scan.end) {
		code = scan_token(&scan, text.ptr, err);
		/* The key just read may be one too many until its colon is seen. */
		if (code == ORCH_OK && scan.values > ORCH_JSON_VALUES_MAX + 1)
			break;
	}
	*ret_at = (size_t)(scan.at - text.ptr);
	if (code == ORCH_OK && scan.values > ORCH_JSON_VALUES_MAX)
		return orch_fail(
			err, ORCH_E_LIMIT, "JSON holds more than %d values", ORCH_JSON_VALUES_MAX);
	return code;
}

static int parse_with(struct json_tokener *tokener, struct orch_text text,
	struct json_object **ret_value, size_t *ret_at, struct orch_err *err)
{
	struct json_object *value;
	enum json_tokener_error problem;
	bool is_whole = true;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	value = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
	/* A number at the top might go on; the NUL says that it does not. */
	if (json_tokener_get_error(tokener) == json_tokener_continue) {
		value = json_tokener_parse_ex(tokener, "", 1);
		is_whole = false;
	}
	problem = json_tokener_get_error(tokener);
	if (problem == json_tokener_success) {
		*ret_value = value;
		return ORCH_OK;
	}
	/* That NUL was the fault: all before it was right as far as it went. */
	*ret_at = text.len;
	if (problem == json_tokener_continue || !is_whole)
		return orch_fail(err, ORCH_E_INVALID, "JSON ends too early");
	*ret_at = json_tokener_get_parse_end(tokener);
	return orch_fail(err, ORCH_E_INVALID, "not JSON at byte %zu: %s", *ret_at,
		json_tokener_error_desc(problem));
}

int orch_json_parse(struct orch_text text, struct json_object **ret_value, struct orch_err *err)
{
	size_t at;

	return orch_json_parse_at(text, ret_value, &at, err);
}

int orch_json_parse_at(
	struct orch_text text, struct json_object **ret_value, size_t *ret_at, struct orch_err *err)
{
	struct json_tokener *tokener;
	int code;

	*ret_at = 0;
	if (text.len == 0)
		return orch_fail(err, ORCH_E_INVALID, "JSON ends too early");
	if (text.len > INT_MAX)
		return orch_fail(err, ORCH_E_LIMIT, "JSON is longer than %d bytes", INT_MAX);
	code = check(text, ret_at, err);
	if (code != ORCH_OK)
		return code;
	/* json-c counts the values at the bottom as a level, and one for the end. */
	tokener = json_tokener_new_ex(ORCH_JSON_DEPTH_MAX + 2);
	if (!tokener)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	code = parse_with(tokener, text, ret_value, ret_at, err);
	json_tokener_free(tokener);
	return code;
}

struct json_object *orch_json_get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

struct orch_text orch_json_text(struct json_object *object, const char *key)
{
	struct json_object *value = orch_json_get(object, key);

	if (!json_object_is_type(value, json_type_string))
		return ORCH_TEXT_NONE;
	return (struct orch_text){ json_object_get_string(value),
		(size_t)json_object_get_string_len(value) };
}

int64_t orch_json_int(struct json_object *object, const char *key, int64_t fallback)
{
	struct json_object *value = orch_json_get(object, key);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : fallback;
}

bool orch_json_bool(struct json_object *object, const char *key, bool fallback)
{
	struct json_object *value = orch_json_get(object, key);

	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value)
							     : fallback;
}

struct orch_text orch_json_print(struct json_object *object)
{
	size_t len = 0;
	const char *text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	if (!object)
		return ORCH_TEXT("null");
	return text ? (struct orch_text){ text, len } : ORCH_TEXT_NONE;
}

bool orch_json_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (!value)
		return false;
	if (object && json_object_object_add(object, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

static struct json_object *new_string(struct orch_text text)
{
	return text.len > INT_MAX ? NULL : json_object_new_string_len(text.ptr, (int)text.len);
}

/* The text with U+FFFD in place of what is not UTF-8. */
static struct json_object *new_repaired(struct orch_text text)
{
	struct json_object *value = NULL;
	struct orch_buf buf;

	orch_buf_init(&buf, INT_MAX);
	while (text.len > 0) {
		size_t len = orch_text_utf8_len(text);

		if (len == 0)
			orch_buf_add(&buf, "\xef\xbf\xbd", 3);
		else
			orch_buf_add(&buf, text.ptr, len);
		len += len == 0;
		text.ptr += len;
		text.len -= len;
	}
	if (!buf.failed)
		value = new_string(orch_buf_text(&buf));
	orch_buf_fini(&buf);
	return value;
}

bool orch_json_add_text(struct json_object *object, const char *key, struct orch_text text)
{
	return orch_json_add(
		object, key, orch_text_is_utf8(text) ? new_string(text) : new_repaired(text));
}

bool orch_json_add_int(struct json_object *object, const char *key, int64_t value)
{
	return orch_json_add(object, key, json_object_new_int64(value));
}

bool orch_json_add_bool(struct json_object *object, const char *key, bool value)
{
	return orch_json_add(object, key, json_object_new_boolean(value));
}
