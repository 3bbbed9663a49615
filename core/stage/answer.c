/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/answer.h"

#include <string.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"

#define CODE_BYTES 64 /* longer than any code, shorter than most messages */

static const char *const names[] = { "error", "code", "error_code", "errorCode", "type", "__type",
	"status", "reason", "needed", "provided", "warning" };

/* A code is a word: of letters, digits and what joins them, and not of digits alone. */
static bool is_code(struct orch_text text)
{
	bool has_letter = false;

	if (text.len == 0 || text.len > CODE_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		has_letter = has_letter || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if ((c == '\0' || !strchr("_.:,#/-", c)) && !(c >= '0' && c <= '9') &&
			!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
			return false;
	}
	return has_letter;
}

static void add(char *ret, const char *name, struct orch_text value)
{
	size_t len = strlen(ret);

	(void)snprintf(ret + len, ORCH_ANSWER_BYTES - len, "%s%s=%.*s", len > 0 ? " " : "", name,
		ORCH_TEXT_ARG(value));
}

static void add_codes(char *ret, struct json_object *object)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct json_object *member = orch_json_get(object, names[i]);
		struct orch_text text = orch_json_text(object, names[i]);

		if (is_code(text))
			add(ret, names[i], text);
		else if (json_object_is_type(member, json_type_int) &&
			json_object_get_int64(member) < 100000)
			add(ret, names[i], orch_text_from(json_object_get_string(member)));
	}
}

static void describe_body(struct orch_text body, char *ret)
{
	struct json_object *object = NULL;
	struct orch_err err;

	if (body.len > 0 && orch_json_parse(body, &object, &err) == ORCH_OK &&
		json_object_is_type(object, json_type_object)) {
		struct json_object *error = orch_json_get(object, "error");

		add_codes(ret, object);
		if (json_object_is_type(error, json_type_object))
			add_codes(ret, error);
	}
	json_object_put(object);
	if (ret[0] == '\0')
		(void)snprintf(ret, ORCH_ANSWER_BYTES, "%zu bytes", body.len);
}

static void describe_problem(struct orch_text problem, char *ret)
{
	size_t len = problem.len < ORCH_ANSWER_BYTES - 1 ? problem.len : ORCH_ANSWER_BYTES - 1;

	for (size_t i = 0; i < len; i++)
		ret[i] = problem.ptr[i] >= ' ' && problem.ptr[i] <= '~' ? problem.ptr[i] : ' ';
	ret[len] = '\0';
}

void orch_answer_describe(const struct orch_reply *reply, char ret[ORCH_ANSWER_BYTES])
{
	ret[0] = '\0';
	if (reply->status > 0)
		describe_body(reply->body, ret);
	else
		describe_problem(reply->problem, ret);
	orch_secret_blot(ret, strlen(ret));
}
