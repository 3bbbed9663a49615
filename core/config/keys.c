/* SPDX-License-Identifier: Apache-2.0 */
/* A block by its table of keys: each is converted into its place of a struct. */
#include "config/reader.h"

#include <string.h>

#include "base/text.h"

#define KEYS_MAX 64

static enum orch_value_kind kind_of(enum orch_key_type type)
{
	switch (type) {
	case ORCH_KEY_COUNT:
		return ORCH_VALUE_INT;
	case ORCH_KEY_BOOL:
		return ORCH_VALUE_BOOL;
	case ORCH_KEY_TEXTS:
	case ORCH_KEY_PATHS:
		return ORCH_VALUE_LIST;
	default:
		return ORCH_VALUE_TEXT;
	}
}

static int check_path(struct orch_text text, struct orch_err *err)
{
	if (text.len == 0)
		return orch_fail(
			err, ORCH_E_INVALID, "is empty; must be the path of a file or folder");
	if (text.len > ORCH_CONFIG_PATH_BYTES)
		return orch_fail(err, ORCH_E_INVALID, "is %zu bytes long; a path has at most %d",
			text.len, ORCH_CONFIG_PATH_BYTES);
	return ORCH_OK;
}

static int put_text(struct orch_reader *reader, const struct orch_value *value,
	const struct orch_key *key, void *place, struct orch_err *err)
{
	struct orch_text text;
	int rc = orch_value_to_text(value, &text, err);

	if (rc != ORCH_OK)
		return rc;
	if (key->type == ORCH_KEY_PATH) {
		rc = check_path(text, err);
		if (rc != ORCH_OK)
			return rc;
		text = orch_reader_file(reader, value->where, text);
	} else if (text.len == 0) {
		return orch_fail(err, ORCH_E_INVALID, "is empty; leave it out or fill it in");
	}
	memcpy(place, &text, sizeof(text));
	return ORCH_OK;
}

static int put_list(struct orch_reader *reader, const struct orch_value *value,
	const struct orch_key *key, void *place, struct orch_err *err)
{
	struct orch_list list;
	struct orch_text *files;
	int rc = orch_value_to_texts(value, reader->arena, &list, err);

	if (rc == ORCH_OK && key->type == ORCH_KEY_PATHS) {
		files = orch_arena_alloc_array(reader->arena, list.count + 1, sizeof(*files));
		if (files == NULL)
			return orch_fail(err, ORCH_E_NOMEM, "no memory to read it");
		for (size_t i = 0; i < list.count && rc == ORCH_OK; i++) {
			rc = check_path(list.items[i], err);
			files[i] = orch_reader_file(reader, value->where, list.items[i]);
		}
		list.items = files;
	}
	if (rc == ORCH_OK)
		memcpy(place, &list, sizeof(list));
	return rc;
}

static int put_count(const struct orch_value *value, const struct orch_key *key, void *place,
	struct orch_err *err)
{
	uint64_t max = key->max == 0 ? UINT32_MAX : key->max;
	int64_t number;
	uint32_t count;
	int rc = orch_value_to_int(value, (int64_t)key->min, (int64_t)max, &number, err);

	if (rc != ORCH_OK)
		return rc;
	count = (uint32_t)number;
	memcpy(place, &count, sizeof(count));
	return ORCH_OK;
}

static int put(struct orch_reader *reader, const struct orch_value *value,
	const struct orch_key *key, void *place, struct orch_err *err)
{
	switch (key->type) {
	case ORCH_KEY_TEXT:
	case ORCH_KEY_PATH:
		return put_text(reader, value, key, place, err);
	case ORCH_KEY_TEXTS:
	case ORCH_KEY_PATHS:
		return put_list(reader, value, key, place, err);
	case ORCH_KEY_BOOL:
		return orch_value_to_bool(value, place, err);
	case ORCH_KEY_COUNT:
		return put_count(value, key, place, err);
	case ORCH_KEY_MS:
		return orch_value_to_ms(value, key->min, key->max, place, err);
	case ORCH_KEY_BYTES:
		return orch_value_to_bytes(value, key->min, key->max, place, err);
	case ORCH_KEY_CHOICE:
		return orch_value_to_choice(value, key->choices, place, err);
	case ORCH_KEY_OTHER:
		break;
	}
	return ORCH_OK;
}

/* Our own tables are right by the tests, so what a fallback says is not listed as an error. */
static void put_fallback(struct orch_reader *reader, const struct orch_key *key, void *place)
{
	const struct orch_text none = ORCH_TEXT_NONE;
	struct orch_value value;
	struct orch_err err;
	int rc;

	if (key->type == ORCH_KEY_OTHER)
		return;
	if (key->type == ORCH_KEY_TEXT || key->type == ORCH_KEY_PATH)
		memcpy(place, &none, sizeof(none));
	if (key->fallback == NULL)
		return;
	rc = orch_value_make(key->fallback, kind_of(key->type), reader->arena, &value, &err);
	value.where = (struct orch_where){ reader->config->file, 0 };
	if (rc == ORCH_OK)
		rc = put(reader, &value, key, place, &err);
	orch_assert(rc == ORCH_OK || orch_arena_failed(reader->arena));
}

static void read_key(struct orch_reader *reader, struct orch_value *group, struct orch_text path,
	const struct orch_key *key, void *place)
{
	struct orch_value *value = orch_value_get(group, key->name);
	struct orch_err err;

	if (value == NULL && key->example != NULL)
		orch_reader_error(reader, group->where, path, "%s is missing; add %s", key->name,
			key->example);
	if (value != NULL && put(reader, value, key, place, &err) != ORCH_OK)
		orch_reader_error(reader, value->where, orch_reader_path(reader, path, key->name),
			"%s", err.text);
}

void orch_reader_keys(struct orch_reader *reader, struct orch_value *group, struct orch_text path,
	const struct orch_key *keys, void *base)
{
	for (const struct orch_key *key = keys; key->name != NULL; key++) {
		void *place = (char *)base + key->offset;

		put_fallback(reader, key, place);
		if (group != NULL && key->type == ORCH_KEY_OTHER)
			(void)orch_value_get(group, key->name);
		else if (group != NULL)
			read_key(reader, group, path, key, place);
	}
}

void orch_reader_refuse_unknown(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, const struct orch_key *keys)
{
	const char *names[KEYS_MAX];
	size_t count = 0;

	for (; keys[count].name != NULL; count++) {
		orch_assert(count < KEYS_MAX);
		names[count] = keys[count].name;
	}
	if (group != NULL)
		orch_config_refuse_unknown(group, path, names, count, reader->errors);
}

static void list_names(const char *const *names, size_t count, char *ret, size_t size)
{
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < count && at < size; i++) {
		int length = snprintf(ret + at, size - at, "%s%s", i == 0 ? "" : ", ", names[i]);

		at += length < 0 ? 0 : (size_t)length;
	}
}

void orch_config_refuse_unknown(struct orch_value *group, struct orch_text path,
	const char *const *names, size_t count, struct orch_config_errors *errors)
{
	char all[600];

	list_names(names, count, all, sizeof(all));
	for (size_t i = 0; i < group->count; i++) {
		const struct orch_value *item = &group->items[i];
		struct orch_text nearest;

		if (item->is_used)
			continue;
		nearest = orch_config_did_you_mean(errors->arena, item->name, names, count);
		if (nearest.len > 0)
			orch_config_errors_add(errors, item->where, path,
				"unknown key \"%.*s\"%.*s", ORCH_TEXT_ARG(item->name),
				ORCH_TEXT_ARG(nearest));
		else
			orch_config_errors_add(errors, item->where, path,
				"unknown key \"%.*s\"; known here: %s", ORCH_TEXT_ARG(item->name),
				all);
	}
}
