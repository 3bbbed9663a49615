/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch: what waits goes to the server in one breath, as one transaction.
 *
 * Without BEGIN, all statements up to a Sync are one transaction.  If one of
 * them fails, the server undoes all and skips the rest; then those groups that
 * came before the one whose statement it was are run again together, that one
 * by itself, and the rest together.  So everything happens in the order of
 * submission, and a group fails only for what it does itself.
 *
 * A group whose SEND fails has perhaps sent something already, which a
 * statement that must fail undoes.
 */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "pg/internal.h"

#define SCRATCH_BYTES (1u << 20) /* kept from one batch to the next */

/* Fails always. */
static bool send_undo(struct orch_pg_link *link, struct orch_db_group *group)
{
	const struct orch_pg_sent sent = { .kind = ORCH_PG_SENT_UNDO, .group = group };

	return orch_pg_note_sent(link, &sent) &&
		PQsendQueryParams(link->conn, "SELECT 1 / 0", 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static int send_ops(struct orch_pg_sender *sender, struct orch_db_group *group)
{
	for (struct orch_db_op *op = group->first; op; op = op->next) {
		int code;

		sender->op = (struct orch_pg_op *)(void *)op;
		sender->op->group = group;
		sender->ops = NULL;
		sender->number = 0;
		code = sender->op->send(sender->op, sender, &group->err);
		if (code < 0)
			return code;
	}
	return ORCH_OK;
}

static void send_group(struct orch_pg_link *link, struct orch_db_group *group)
{
	struct orch_pg_sender *sender = &link->sender;

	sender->group = group;
	sender->bytes = 0;
	sender->has_sent = false;
	group->code = send_ops(sender, group);
	if (group->code < 0 && sender->has_sent && !link->is_broken && !send_undo(link, group))
		link->is_broken = true;
}

static bool may_join(const struct orch_pg_link *link, size_t bytes)
{
	if (!link->first || link->batch_count == ORCH_PG_BATCH_GROUPS || link->is_broken)
		return false;
	if (link->batch_count == 0)
		return true;
	return link->careful == 0 && link->first != link->suspect && link->batch != link->suspect &&
		bytes < ORCH_PG_BATCH_BYTES;
}

static size_t size_of(const struct orch_db_group *group)
{
	size_t bytes = 0;

	for (const struct orch_db_op *op = group->first; op; op = op->next)
		bytes += ((const struct orch_pg_op *)(const void *)op)->bytes;
	return bytes;
}

static void send_groups(struct orch_pg_link *link)
{
	size_t bytes = 0;

	while (may_join(link, bytes)) {
		struct orch_db_group *group = orch_pg_take_first(link);

		*link->batch_last = group;
		link->batch_last = &group->next;
		link->batch_count++;
		bytes += size_of(group);
	}
	if (link->batch_count == 1)
		send_group(link, link->batch);
	else if (link->batch_count > 1 && !orch_pg_send_merged(link) && !link->is_broken &&
		!send_undo(link, NULL))
		link->is_broken = true;
}

static bool send_sync(struct orch_pg_link *link)
{
	const struct orch_pg_sent sent = { .kind = ORCH_PG_SENT_SYNC };

	return !link->is_broken && orch_pg_note_sent(link, &sent) &&
		PQpipelineSync(link->conn) == 1;
}

/* What is to be listened to goes by itself, before all groups. */
static bool send_all(struct orch_pg_link *link)
{
	link->is_listening = link->must_listen;
	link->must_listen = false;
	if (link->is_listening && !orch_pg_watch_listen(link))
		return false;
	if (!link->is_listening)
		send_groups(link);
	return send_sync(link);
}

void orch_pg_batch_begin(struct orch_pg_link *link)
{
	if (link->state != ORCH_PG_READY || link->is_under_way || link->is_paused)
		return;
	if (!link->first && !link->must_listen)
		return;
	link->is_under_way = true;
	link->is_broken = false;
	link->begun_ns = orch_clock_mono_ns();
	link->sent_count = 0;
	link->answered = 0;
	link->failure = (struct orch_pg_failure){ .is_set = false };
	if (!send_all(link)) {
		orch_pg_link_lose(link, ORCH_E_AGAIN, "PostgreSQL: nothing can be sent");
		return;
	}
	orch_pg_link_expect(link);
	orch_pg_link_flush(link);
}

static void take_rows(const struct orch_pg_sent *sent, PGresult *result)
{
	bool is_misread = false;
	const struct orch_pg_rows rows = { .result = result, .is_misread = &is_misread };
	struct orch_db_group *group = sent->group;
	int code;

	if (sent->ops) {
		orch_pg_take_merged(sent, &rows);
		return;
	}
	/* Of a group that has failed already, nobody wants to know. */
	if (group->code < 0 || !sent->op->take)
		return;
	code = sent->op->take(sent->op, sent->number, &rows, &group->err);
	if (code < 0)
		group->code = code;
	if (is_misread)
		group->code = orch_fail(&group->err, ORCH_E_INTERNAL,
			"PostgreSQL: a result has another type or form than was expected");
}

/* False: it makes no sense here. */
static bool take_result(
	struct orch_pg_link *link, const struct orch_pg_sent *sent, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		if (sent->kind == ORCH_PG_SENT_PARSE)
			sent->statement->is_known = true;
		else if (sent->kind == ORCH_PG_SENT_STATEMENT)
			take_rows(sent, result);
		return sent->kind != ORCH_PG_SENT_SYNC;
	case PGRES_FATAL_ERROR:
		if (!link->failure.is_set)
			orch_pg_failure_set(&link->failure, result, sent->group);
		return link->failure.state[0] != '\0';
	case PGRES_PIPELINE_ABORTED:
		return link->failure.is_set;
	default:
		return false;
	}
}

/* A Parse that was skipped has to be sent again. */
static void settle_statements(struct orch_pg_link *link)
{
	for (size_t i = 0; i < link->sent_count; i++) {
		if (link->sent[i].kind == ORCH_PG_SENT_PARSE)
			link->sent[i].statement->is_sent = link->sent[i].statement->is_known;
	}
}

static void keep_apart(struct orch_pg_link *link, struct orch_db_group *group)
{
	link->suspect = group;
	link->careful = group ? 0 : link->batch_count;
	orch_pg_put_back(link);
}

/* The only group of its batch did not come through. */
static void judge(struct orch_pg_link *link)
{
	struct orch_db_group *group = link->batch;
	enum orch_pg_verdict verdict = orch_pg_failure_verdict(&link->failure);

	/* It has failed by itself already; or nothing older than it can be stale. */
	if (group->code < 0 || (verdict == ORCH_PG_STALE && !link->is_proven))
		verdict = ORCH_PG_FINAL;
	switch (verdict) {
	case ORCH_PG_CONFLICT:
		keep_apart(link, group);
		link->is_paused = true;
		orch_pg_link_wait(link,
			orch_pg_jitter(ORCH_PG_RETRY_MS, ORCH_PG_RETRY_MAX_MS, link->conflicts++));
		break;
	case ORCH_PG_STALE:
	case ORCH_PG_LOST:
		keep_apart(link, group);
		orch_pg_link_lose(link, ORCH_E_AGAIN, link->failure.err.text);
		break;
	case ORCH_PG_FINAL:
		if (group->code >= 0) {
			group->code = orch_pg_failure_code(&link->failure);
			group->err = link->failure.err;
		}
		link->conflicts = 0;
		orch_pg_hand_back_batch(link);
		break;
	}
}

static void end_listening(struct orch_pg_link *link)
{
	link->is_listening = false;
	if (link->failure.is_set)
		orch_pg_link_lose(link, ORCH_E_AGAIN, link->failure.err.text);
	else
		orch_pg_watch_all(link);
}

static void end_groups(struct orch_pg_link *link)
{
	settle_statements(link);
	if (link->sender.scratch.size > SCRATCH_BYTES)
		orch_buf_fini(&link->sender.scratch);
	if (link->failure.is_set && link->batch_count > 1) {
		keep_apart(link, link->failure.group);
		return;
	}
	link->careful -= link->careful > 0 ? 1 : 0;
	if (link->failure.is_set) {
		judge(link);
		return;
	}
	link->is_proven = true;
	link->failures = 0;
	link->conflicts = 0;
	orch_pg_hand_back_batch(link);
}

static void stop_waiting(struct orch_pg_link *link)
{
	link->is_under_way = false;
	atomic_store(&link->asked_ms, 0);
}

static void end_batch(struct orch_pg_link *link)
{
	stop_waiting(link);
	orch_timer_clear(&link->timer);
	orch_metric_add(link->pg->counts.batches, 1);
	orch_metric_observe_ns(
		link->pg->counts.batch_seconds, orch_clock_mono_ns() - link->begun_ns);
	if (link->is_listening)
		end_listening(link);
	else
		end_groups(link);
}

/* False: a result that does not belong here. */
static bool take_one(struct orch_pg_link *link, PGresult *result)
{
	const struct orch_pg_sent *sent = &link->sent[link->answered];
	bool fits;

	if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
		fits = take_result(link, sent, result);
	} else {
		fits = sent->kind == ORCH_PG_SENT_SYNC;
		link->answered += fits ? 1 : 0;
	}
	PQclear(result);
	return fits;
}

bool orch_pg_batch_take(struct orch_pg_link *link)
{
	bool was_end = false;

	while (link->is_under_way && !PQisBusy(link->conn)) {
		PGresult *result = PQgetResult(link->conn);

		if (result) {
			was_end = false;
			if (!take_one(link, result))
				return false;
			if (link->answered == link->sent_count) {
				end_batch(link);
				return true;
			}
			continue;
		}
		/* Each statement's results end with a NULL; a second one: nothing is there. */
		if (was_end)
			break;
		was_end = true;
		if (link->sent[link->answered].kind != ORCH_PG_SENT_SYNC)
			link->answered++;
	}
	return true;
}

void orch_pg_batch_lost(struct orch_pg_link *link)
{
	struct orch_db_group *suspect = NULL;

	if (link->is_under_way && link->answered < link->sent_count)
		suspect = link->sent[link->answered].group;
	stop_waiting(link);
	link->is_paused = false;
	if (link->batch)
		keep_apart(link, suspect);
}
