/* SPDX-License-Identifier: Apache-2.0 */
/* What every queue makes of a message: its limits, what its seal is bound to, and by what it is known again. */
#ifndef ORCH_QUEUE_MESSAGE_H
#define ORCH_QUEUE_MESSAGE_H
#include "base/buf.h"
#include "base/secret.h"
#include "queue/queue.h"

#define ORCH_QUEUE_BODY_BYTES (16 << 20)
#define ORCH_QUEUE_TEXT_BYTES 1024   /* id, order, pipeline, tenant, trace */
#define ORCH_QUEUE_ABOUT_BYTES 16384 /* more than all of a message's texts */
#define ORCH_QUEUE_MEMO_BYTES 4096
#define ORCH_QUEUE_REASON_BYTES 64
#define ORCH_QUEUE_DETAIL_BYTES 1024
#define ORCH_QUEUE_RECEIVE_MAX 1024
#define ORCH_QUEUE_GRADE_MS 60000 /* what a grade of priority counts for */
#define ORCH_QUEUE_SEEN_MS (24 * 3600 * 1000)
#define ORCH_QUEUE_PATIENCE_MS 2000 /* of who brings something new, and can come again */
#define ORCH_QUEUE_SEEN_BYTES 24    /* of a key in "seen", at most */
#define ORCH_QUEUE_NAMES 1024       /* of queues, reported at most */
#define ORCH_QUEUE_PEEK_MAX 1000

ORCH_MUST_USE int orch_message_check(const struct orch_message *message, struct orch_err *err);
/* Those of REMEMBER and RECALL. */
ORCH_MUST_USE int orch_message_check_names(const struct orch_queue_op *op, struct orch_err *err);
struct orch_text orch_message_cut(struct orch_text text, size_t limit);

/* All of a message that does not change; in ABOUT, which is emptied first. */
struct orch_text orch_message_about(
	struct orch_buf *about, const struct orch_message *message, uint64_t put_ms);
struct orch_text orch_message_about_progress(struct orch_buf *about,
	const struct orch_message *message, uint64_t put_ms, uint32_t step, bool step_sent);

/* In ARENA.  ORCH_E_INVALID: damaged. */
ORCH_MUST_USE int orch_message_unseal(const struct orch_secret *key, struct orch_text sealed,
	struct orch_text about, struct orch_arena *arena, struct orch_text *ret_plain);
/* The sealed MEMO of the message that LEASE tells of, into it; in ARENA.  ORCH_E_INVALID: damaged. */
ORCH_MUST_USE int orch_message_open_progress(const struct orch_secret *key, struct orch_buf *about,
	struct orch_text memo, struct orch_arena *arena, struct orch_lease *lease);
/* BODY and MEMO, likewise. */
ORCH_MUST_USE int orch_message_open(const struct orch_secret *key, struct orch_buf *about,
	struct orch_text body, struct orch_text memo, struct orch_arena *arena,
	struct orch_lease *lease);

/* A hash, behind the time if there is one: what happened together then lies together. */
struct orch_text orch_message_seen_key(struct orch_text queue, struct orch_text name,
	uint64_t time_ms, char key[ORCH_QUEUE_SEEN_BYTES]);

/* Nonzero, and positive as databases have it. */
uint64_t orch_message_draw_token(void);

#endif
