/* SPDX-License-Identifier: Apache-2.0 */
/* Results, which the server sends in binary. */
#include <endian.h>
#include <string.h>

#include "base/text.h"
#include "pg/internal.h"

size_t orch_pg_count(const struct orch_pg_rows *rows)
{
	return (size_t)PQntuples(rows->result);
}

size_t orch_pg_changed(const struct orch_pg_rows *rows)
{
	uint64_t changed = 0;

	if (orch_text_to_uint(orch_text_from(PQcmdTuples(rows->result)), 0, SIZE_MAX, &changed) < 0)
		return 0;
	return (size_t)changed;
}

/* False, and the group fails, unless there is a value of one of the types. */
static bool find(
	const struct orch_pg_rows *rows, size_t row, int column, const Oid *types, size_t count)
{
	orch_assert(row < orch_pg_count(rows) && column >= 0 && column < PQnfields(rows->result));
	for (size_t i = 0; i < count; i++) {
		if (PQftype(rows->result, column) == types[i])
			return !PQgetisnull(rows->result, (int)row, column);
	}
	*rows->is_misread = true;
	return false;
}

bool orch_pg_is_null(const struct orch_pg_rows *rows, size_t row, int column)
{
	orch_assert(row < orch_pg_count(rows) && column >= 0 && column < PQnfields(rows->result));
	return PQgetisnull(rows->result, (int)row, column) == 1;
}

int64_t orch_pg_get_int(const struct orch_pg_rows *rows, size_t row, int column)
{
	static const Oid types[] = { ORCH_PG_INT8, ORCH_PG_INT4, ORCH_PG_INT2 };
	const char *value;
	uint64_t wide;
	uint32_t middle;
	uint16_t narrow;

	if (!find(rows, row, column, types, sizeof(types) / sizeof(types[0])))
		return 0;
	value = PQgetvalue(rows->result, (int)row, column);
	switch (PQgetlength(rows->result, (int)row, column)) {
	case sizeof(wide):
		memcpy(&wide, value, sizeof(wide));
		return (int64_t)be64toh(wide);
	case sizeof(middle):
		memcpy(&middle, value, sizeof(middle));
		return (int32_t)be32toh(middle);
	case sizeof(narrow):
		memcpy(&narrow, value, sizeof(narrow));
		return (int16_t)be16toh(narrow);
	default:
		*rows->is_misread = true;
		return 0;
	}
}

bool orch_pg_get_bool(const struct orch_pg_rows *rows, size_t row, int column)
{
	static const Oid types[] = { ORCH_PG_BOOL };

	return find(rows, row, column, types, 1) &&
		PQgetvalue(rows->result, (int)row, column)[0] != '\0';
}

struct orch_text orch_pg_get(const struct orch_pg_rows *rows, size_t row, int column)
{
	static const Oid types[] = { ORCH_PG_TEXT, ORCH_PG_BYTEA };

	if (!find(rows, row, column, types, sizeof(types) / sizeof(types[0])))
		return ORCH_TEXT_NONE;
	return (struct orch_text){ PQgetvalue(rows->result, (int)row, column),
		(size_t)PQgetlength(rows->result, (int)row, column) };
}
