/* SPDX-License-Identifier: Apache-2.0 */
#include "store/shared.h"

#include <string.h>

static int check(
	struct orch_text id, struct orch_text pipeline, struct orch_text key, struct orch_err *err)
{
	if (id.len <= ORCH_STORE_KEY_BYTES && pipeline.len <= ORCH_STORE_KEY_BYTES &&
		key.len <= ORCH_STORE_KEY_BYTES)
		return ORCH_OK;
	return orch_fail(err, ORCH_E_LIMIT, "store: an id or name of more than %d bytes",
		ORCH_STORE_KEY_BYTES);
}

int orch_store_check_op(const struct orch_store_op *op, struct orch_err *err)
{
	int code = ORCH_OK;

	if (op->kind == ORCH_STORE_EVENT)
		code = check(op->event->id, op->event->pipeline, ORCH_TEXT_NONE, err);
	for (size_t i = 0; i < op->result_count && code == ORCH_OK; i++) {
		const struct orch_stored_result *result = &op->results[i];

		code = check(result->event_id, result->pipeline, result->key, err);
	}
	return code;
}

struct orch_text orch_store_prefix_end(struct orch_arena *arena, struct orch_text prefix)
{
	size_t len = prefix.len;
	char *end = orch_arena_alloc(arena, prefix.len + 1);

	if (!end)
		return ORCH_TEXT_NONE;
	memcpy(end, prefix.ptr, prefix.len);
	while (len > 0 && end[len - 1] == '\xff')
		len--;
	if (len == 0)
		return (struct orch_text){ end, prefix.len + 1 };
	end[len - 1]++;
	return (struct orch_text){ end, len };
}
