/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "store/pg.h"

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
}

void orch_store_pg_send(struct orch_pg_sender *sender, const struct orch_store_table *table,
	const struct orch_store_value *row)
{
	for (size_t i = 0; table->kinds[i]; i++) {
		if (table->kinds[i] == ORCH_STORE_TEXT)
			orch_pg_bytes(sender, row[i].text);
		else
			orch_pg_int(sender, row[i].number);
	}
}

void orch_store_pg_take(const struct orch_pg_rows *rows, size_t number, int column,
	const struct orch_store_table *table, struct orch_store_value *ret_row)
{
	for (int i = 0; table->kinds[i]; i++) {
		if (table->kinds[i] == ORCH_STORE_TEXT)
			ret_row[i].text = orch_pg_get(rows, number, column + i);
		else
			ret_row[i].number = orch_pg_get_int(rows, number, column + i);
	}
}

static void *turn_texts(
	struct orch_arena *arena, const struct orch_store_value *first, size_t count, size_t width)
{
	struct orch_text *texts = orch_arena_alloc_array(arena, count, sizeof(*texts));

	for (size_t i = 0; texts && i < count; i++)
		texts[i] = first[i * width].text;
	return texts;
}

static void *turn_numbers(
	struct orch_arena *arena, const struct orch_store_value *first, size_t count, size_t width)
{
	int64_t *numbers = orch_arena_alloc_array(arena, count, sizeof(*numbers));

	for (size_t i = 0; numbers && i < count; i++)
		numbers[i] = first[i * width].number;
	return numbers;
}

int orch_store_pg_turn(const struct orch_store_table *table, const struct orch_store_value *rows,
	size_t count, struct orch_arena *arena, struct orch_store_pg_columns *ret_columns,
	struct orch_err *err)
{
	size_t width = strlen(table->kinds);

	*ret_columns = (struct orch_store_pg_columns){ .table = table, .count = count };
	for (size_t i = 0; i < width; i++)
		ret_columns->arrays[i] = table->kinds[i] == ORCH_STORE_TEXT
			? turn_texts(arena, rows + i, count, width)
			: turn_numbers(arena, rows + i, count, width);
	return orch_arena_failed(arena) ? out_of_memory(err) : ORCH_OK;
}

void orch_store_pg_send_columns(
	struct orch_pg_sender *sender, const struct orch_store_pg_columns *columns)
{
	for (size_t i = 0; columns->table->kinds[i]; i++) {
		if (columns->table->kinds[i] == ORCH_STORE_TEXT)
			orch_pg_byteses(sender, columns->arrays[i], columns->count);
		else
			orch_pg_ints(sender, columns->arrays[i], columns->count);
	}
}

int orch_store_pg_seal_rows(const struct orch_secret *key, const struct orch_store_table *table,
	const struct orch_stored_event *owner, const struct orch_store_value *rows, size_t count,
	struct orch_arena *arena, struct orch_text *ret_seals, struct orch_err *err)
{
	size_t width = strlen(table->kinds);
	char *bytes = orch_arena_alloc_array(arena, count, ORCH_SEAL_OVERHEAD);
	int code = bytes ? ORCH_OK : out_of_memory(err);

	for (size_t i = 0; i < count && code == ORCH_OK; i++) {
		char *seal = bytes + i * ORCH_SEAL_OVERHEAD;

		code = orch_store_row_seal(key, table, owner, rows + i * width, seal, err);
		ret_seals[i] = (struct orch_text){ seal, ORCH_SEAL_OVERHEAD };
	}
	return code;
}
