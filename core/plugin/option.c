/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/option.h"

#include <stdalign.h>
#include <string.h>

#include "base/text.h"
#include "config/convert.h"
#include "plugin/template.h"

/* What a conversion works with. */
struct job {
	struct orch_config *config; /* NULL: only whether it can be converted is asked */
	struct orch_arena *arena;
	const struct orch_option *option;
	const struct orch_value *value;
	void *place;
};

typedef int convert_fn(const struct job *job, struct orch_err *err);

static uint64_t lower_bound(const struct orch_option *option)
{
	return option->min > 0 ? (uint64_t)option->min : 0;
}

static uint64_t upper_bound(const struct orch_option *option)
{
	return option->max > 0 ? (uint64_t)option->max : INT64_MAX;
}

/* A value that only "" for none could have made empty. */
static int text_of(const struct job *job, struct orch_text *ret_text, struct orch_err *err)
{
	int rc = orch_value_to_text(job->value, ret_text, err);
	bool may_be_empty = job->option->fallback != NULL && job->option->fallback[0] == '\0';

	if (rc == ORCH_OK && ret_text->len == 0 && !may_be_empty)
		return orch_fail(err, ORCH_E_INVALID, "is empty; must be filled in");
	return rc;
}

static int convert_string(const struct job *job, struct orch_err *err)
{
	struct orch_text text;
	const char *string;
	int rc = orch_value_to_text(job->value, &text, err);

	if (rc == ORCH_OK && text.len == 0 && job->option->fallback == NULL)
		return orch_fail(err, ORCH_E_INVALID, "is empty; must be filled in");
	if (rc != ORCH_OK)
		return rc;
	string = orch_arena_string(job->arena, text);
	memcpy(job->place, &string, sizeof(string));
	return ORCH_OK;
}

static int convert_bool(const struct job *job, struct orch_err *err)
{
	return orch_value_to_bool(job->value, job->place, err);
}

static int convert_int(const struct job *job, struct orch_err *err)
{
	const struct orch_option *option = job->option;
	bool any = option->min == 0 && option->max == 0;

	return orch_value_to_int(job->value, any ? INT64_MIN : option->min,
		any || (option->max == 0 && option->min > 0) ? INT64_MAX : option->max, job->place,
		err);
}

static int convert_size(const struct job *job, struct orch_err *err)
{
	return orch_value_to_bytes(
		job->value, lower_bound(job->option), upper_bound(job->option), job->place, err);
}

static int convert_time(const struct job *job, struct orch_err *err)
{
	return orch_value_to_ms(
		job->value, lower_bound(job->option), upper_bound(job->option), job->place, err);
}

static int convert_choice(const struct job *job, struct orch_err *err)
{
	return orch_value_to_choice(job->value, job->option->choices, job->place, err);
}

static int convert_list(const struct job *job, struct orch_err *err)
{
	struct orch_list list;
	int rc = orch_value_to_texts(job->value, job->arena, &list, err);

	if (rc == ORCH_OK)
		memcpy(job->place, &list, sizeof(list));
	return rc;
}

/* Names of blocks that an option may refer to; the first is number 1. */
struct known {
	const char *what;
	const char **names; /* NULL: no memory */
	size_t count;
	bool is_unread; /* what is meant may be among those that could not be read, which was said */
};

static int refuse_name(const struct job *job, const struct known *known, struct orch_text name,
	struct orch_err *err)
{
	struct orch_text nearest;
	char list[100] = "";
	size_t at = 0;

	for (size_t i = 0; i < known->count && at < sizeof(list); i++)
		at += (size_t)snprintf(
			list + at, sizeof(list) - at, "%s%s", i == 0 ? "" : ", ", known->names[i]);
	if (known->count == 0)
		return orch_fail(err, ORCH_E_INVALID,
			"there is no %s \"%.48s\"; add it to %ss, which has none", known->what,
			name.ptr, known->what);
	nearest = orch_config_did_you_mean(job->arena, name, known->names, known->count);
	return orch_fail(err, ORCH_E_INVALID, "there is no %s \"%.48s\"; must be one of %s%.*s",
		known->what, name.ptr, list, ORCH_TEXT_ARG(nearest));
}

static int convert_reference(const struct job *job, const struct known *known, struct orch_err *err)
{
	uint32_t number = 0;
	struct orch_text name;
	int rc = text_of(job, &name, err);

	if (rc != ORCH_OK)
		return rc;
	if (known->names == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to look for it");
	for (size_t i = 0; name.len > 0 && number == 0 && i < known->count; i++)
		if (orch_text_is(name, known->names[i]))
			number = (uint32_t)i + 1;
	if (name.len > 0 && number == 0 && !known->is_unread)
		return refuse_name(job, known, name, err);
	memcpy(job->place, &number, sizeof(number));
	return ORCH_OK;
}

static int convert_credential(const struct job *job, struct orch_err *err)
{
	const struct orch_config *config = job->config;
	size_t count = config->credential_count;
	struct known known = { "credential",
		orch_arena_alloc_array(job->arena, count + 1, sizeof(*known.names)), count,
		config->failed.credentials };

	for (size_t i = 0; known.names != NULL && i < count; i++)
		known.names[i] = config->credentials[i].name.ptr;
	return convert_reference(job, &known, err);
}

static int convert_account(const struct job *job, struct orch_err *err)
{
	const struct orch_config *config = job->config;
	size_t count = config->account_count;
	struct known known = { "account",
		orch_arena_alloc_array(job->arena, count + 1, sizeof(*known.names)), count,
		config->failed.accounts };

	for (size_t i = 0; known.names != NULL && i < count; i++)
		known.names[i] = config->accounts[i].name.ptr;
	return convert_reference(job, &known, err);
}

static int convert_template(const struct job *job, struct orch_err *err)
{
	const struct orch_template *form = NULL;
	struct orch_text text;
	int rc = text_of(job, &text, err);

	if (rc == ORCH_OK && text.len > 0)
		rc = orch_template_parse(text, job->arena, &form, err);
	if (rc == ORCH_OK)
		memcpy(job->place, &form, sizeof(form));
	return rc;
}

static int convert_url(const struct job *job, struct orch_err *err)
{
	struct orch_text text;
	struct orch_url url;
	const char *string;
	int rc = text_of(job, &text, err);

	if (rc == ORCH_OK && text.len > 0) {
		rc = orch_url_parse(text, &url, err);
		if (rc == ORCH_OK && job->config != NULL &&
			orch_config_add_origin(job->config, &url) != ORCH_OK)
			rc = orch_fail(err, ORCH_E_NOMEM, "no memory to keep it");
	}
	if (rc != ORCH_OK)
		return rc;
	string = orch_arena_string(job->arena, text);
	memcpy(job->place, &string, sizeof(string));
	return ORCH_OK;
}

/* Is TEXT one of the words "a|b|c"? */
static bool is_choice(struct orch_text text, const char *choices)
{
	struct orch_text rest = orch_text_from(choices), word;

	while (orch_text_split(&rest, '|', &word))
		if (orch_text_equal(word, text))
			return true;
	return false;
}

static int convert_path(const struct job *job, struct orch_err *err)
{
	struct orch_text text;
	const char *string;
	int rc = text_of(job, &text, err);

	if (rc != ORCH_OK)
		return rc;
	if (text.len > 0 && !is_choice(text, job->option->choices))
		text = orch_config_file(job->arena, job->value->where, text);
	string = orch_arena_string(job->arena, text);
	memcpy(job->place, &string, sizeof(string));
	return ORCH_OK;
}

static const struct {
	size_t size, align;
	enum orch_value_kind kind; /* of a fallback */
	convert_fn *convert;
} types[] = {
	[ORCH_OPT_STRING] = { sizeof(char *), alignof(char *), ORCH_VALUE_TEXT, convert_string },
	[ORCH_OPT_BOOL] = { sizeof(bool), alignof(bool), ORCH_VALUE_BOOL, convert_bool },
	[ORCH_OPT_INT] = { sizeof(int64_t), alignof(int64_t), ORCH_VALUE_INT, convert_int },
	[ORCH_OPT_SIZE] = { sizeof(uint64_t), alignof(uint64_t), ORCH_VALUE_TEXT, convert_size },
	[ORCH_OPT_TIME] = { sizeof(uint64_t), alignof(uint64_t), ORCH_VALUE_TEXT, convert_time },
	[ORCH_OPT_CHOICE] = { sizeof(uint32_t), alignof(uint32_t), ORCH_VALUE_TEXT,
		convert_choice },
	[ORCH_OPT_LIST] = { sizeof(struct orch_list), alignof(struct orch_list), ORCH_VALUE_LIST,
		convert_list },
	[ORCH_OPT_CREDENTIAL] = { sizeof(orch_credential), alignof(orch_credential),
		ORCH_VALUE_TEXT, convert_credential },
	[ORCH_OPT_TEMPLATE] = { sizeof(void *), alignof(void *), ORCH_VALUE_TEXT,
		convert_template },
	[ORCH_OPT_URL] = { sizeof(char *), alignof(char *), ORCH_VALUE_TEXT, convert_url },
	[ORCH_OPT_PATH] = { sizeof(char *), alignof(char *), ORCH_VALUE_TEXT, convert_path },
	[ORCH_OPT_ACCOUNT] = { sizeof(orch_account), alignof(orch_account), ORCH_VALUE_TEXT,
		convert_account },
};
#define TYPES (sizeof(types) / sizeof(*types))

size_t orch_option_size(uint32_t type)
{
	return type < TYPES ? types[type].size : 0;
}

size_t orch_option_align(uint32_t type)
{
	return type < TYPES ? types[type].align : 1;
}

int orch_option_convert(struct orch_config *config, const struct orch_option *option,
	const struct orch_value *value, void *place, struct orch_err *err)
{
	const struct job job = { config, config->arena, option, value, place };

	return types[option->type].convert(&job, err);
}

/* "" stands for none: the zero value, but for a string, which is then empty and not NULL. */
static bool is_none(const struct orch_option *option)
{
	return option->fallback[0] == '\0' && option->type != ORCH_OPT_STRING &&
		option->type != ORCH_OPT_URL && option->type != ORCH_OPT_PATH &&
		option->type != ORCH_OPT_LIST && option->type != ORCH_OPT_CHOICE;
}

int orch_option_fallback(struct orch_config *config, struct orch_arena *arena,
	const struct orch_option *option, void *place, struct orch_err *err)
{
	struct orch_value value;
	const struct job job = { config, arena, option, &value, place };
	int rc;

	memset(place, 0, types[option->type].size);
	if (is_none(option))
		return ORCH_OK;
	if (option->type == ORCH_OPT_CREDENTIAL || option->type == ORCH_OPT_ACCOUNT)
		return orch_fail(err, ORCH_E_INVALID,
			"a credential or an account cannot have a fallback but \"\", since every "
			"file names its "
			"own");
	rc = orch_value_make(option->fallback, types[option->type].kind, arena, &value, err);
	if (rc == ORCH_OK)
		rc = types[option->type].convert(&job, err);
	return rc;
}
