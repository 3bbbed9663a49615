/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of the configuration as what it stands for.
 *
 * On failure ERR reads "what is wrong; what would be right"; where it stands
 * is for the caller to add.  Texts are lent from the value.
 */
#ifndef ORCH_CONFIG_CONVERT_H
#define ORCH_CONFIG_CONVERT_H
#include "config/value.h"

ORCH_MUST_USE int orch_value_to_text(
	const struct orch_value *value, struct orch_text *ret_text, struct orch_err *err);
ORCH_MUST_USE int orch_value_to_bool(
	const struct orch_value *value, bool *ret_bool, struct orch_err *err);
ORCH_MUST_USE int orch_value_to_int(const struct orch_value *value, int64_t min, int64_t max,
	int64_t *ret_number, struct orch_err *err);
ORCH_MUST_USE int orch_value_to_ms(const struct orch_value *value, uint64_t min, uint64_t max,
	uint64_t *ret_ms, struct orch_err *err);
ORCH_MUST_USE int orch_value_to_bytes(const struct orch_value *value, uint64_t min, uint64_t max,
	uint64_t *ret_bytes, struct orch_err *err);
/* CHOICES is "a|b|c"; gives the index. */
ORCH_MUST_USE int orch_value_to_choice(const struct orch_value *value, const char *choices,
	uint32_t *ret_index, struct orch_err *err);
ORCH_MUST_USE int orch_value_to_texts(const struct orch_value *value, struct orch_arena *arena,
	struct orch_list *ret_list, struct orch_err *err);

/* A value of KIND (TEXT, INT, BOOL or LIST, its items separated by commas) as if TEXT stood in the file. */
ORCH_MUST_USE int orch_value_make(const char *text, enum orch_value_kind kind,
	struct orch_arena *arena, struct orch_value *ret_value, struct orch_err *err);

/* "a, b or c" of "a|b|c". */
void orch_value_print_choices(const char *choices, char *ret, size_t size);

#endif
