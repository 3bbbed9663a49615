/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events, findings and tasks to and from JSON: what queues carry and the
 * store keeps (docs/formats.md).  Bytes that are not UTF-8 travel as base64.
 */
#ifndef ORCH_MODEL_EVENT_H
#define ORCH_MODEL_EVENT_H
#include <orch/action.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"

/* "info" … "critical"; -1 if unknown. */
const char *orch_severity_name(uint32_t severity);
int orch_severity_from(struct orch_text name);
const char *orch_verdict_name(uint32_t verdict);
int orch_verdict_from(struct orch_text name);
const char *orch_part_state_name(uint32_t state);

/* Parts' bytes are written only WITH_BYTES. */
void orch_event_write(struct orch_buf *buf, const struct orch_event *event, bool with_bytes);
ORCH_MUST_USE int orch_event_read(struct orch_text json, struct orch_arena *arena,
	struct orch_event **ret_event, struct orch_err *err);

/* A task without its key's derivation: verdict, pipeline, event, record, findings. */
void orch_task_write(struct orch_buf *buf, const struct orch_task *task);
ORCH_MUST_USE int orch_task_read(struct orch_text json, struct orch_arena *arena,
	struct orch_task **ret_task, struct orch_err *err);

/* The task's key: a UUIDv5 of pipeline, action, event and record, the same whenever it is made again. */
struct orch_text orch_task_key(struct orch_arena *arena, struct orch_text pipeline,
	struct orch_text action, struct orch_text event_id, struct orch_text record_id);

/*
 * By what queues know it again: an event's id or alias, or a part's alias, as
 * KIND says; the same whenever SOURCE tells PIPELINE of it.
 */
struct orch_text orch_event_name(struct orch_arena *arena, struct orch_text kind,
	struct orch_text pipeline, struct orch_text source, struct orch_text name);

const struct orch_field *orch_event_field(
	const struct orch_event *event, struct orch_text name); /* NULL: not there */

/* The finding's bytes as people may see them: the first and last few characters, the rest as a fixed row of dots. */
struct orch_text orch_mask_excerpt(struct orch_arena *arena, struct orch_text bytes);

#endif
