/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and fields as JSON, as they are kept in a column. */
#ifndef ORCH_STORE_JSON_H
#define ORCH_STORE_JSON_H
#include "base/arena.h"
#include "base/buf.h"
#include "store/store.h"

void orch_store_write_list(struct orch_buf *buf, const struct orch_list *list);
void orch_store_write_fields(struct orch_buf *buf, const struct orch_field *fields, size_t count);
struct orch_list orch_store_read_list(struct orch_arena *arena, struct orch_text json);
void orch_store_read_fields(struct orch_arena *arena, struct orch_text json,
	const struct orch_field **ret_fields, size_t *ret_count);

#endif
