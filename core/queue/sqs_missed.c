/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SQS has lost: rows that are due for long, in a queue of which SQS says
 * that it has nothing to deliver.  One queue after the other; SQS is asked only
 * if the books have such rows.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "queue/sqs.h"

#define EVERY_MS 15000
#define ROWS 500
#define BODY_BYTES (ORCH_SQS_URL_BYTES + 256)

struct orch_sqs_missed {
	struct orch_queue_sqs *queue;
	struct orch_sqs_name *name; /* the one that is looked at; NULL: none */
	bool has_more;              /* of it, to be sent as soon as what was found is gone */
	size_t next;                /* among the names */
	uint64_t due_ms;
	struct orch_pg_tending tending;
	struct orch_db_group group;
	struct orch_arena *arena;
	struct orch_aws_call call;
	bool is_calling;
	char body[BODY_BYTES];
};

static void end_step(struct orch_sqs_missed *missed)
{
	orch_arena_destroy(missed->arena);
	missed->arena = NULL;
}

static void end_look(struct orch_sqs_missed *missed)
{
	missed->name = NULL;
	end_step(missed);
}

static struct orch_sqs_missed *missed_of(struct orch_db_group *group)
{
	return (struct orch_sqs_missed *)(void *)((char *)group -
		offsetof(struct orch_sqs_missed, group));
}

static void submit(struct orch_sqs_missed *missed, void (*make)(struct orch_pg_tending *tending),
	void (*done)(struct orch_db_group *group))
{
	struct orch_err err;

	missed->arena = orch_arena_create(0);
	if (missed->arena == NULL) {
		end_look(missed);
		return;
	}
	missed->tending = (struct orch_pg_tending){
		.queue = orch_text_from(missed->name->name),
		.older_ms = 2 * (int64_t)missed->queue->settings.lease_ms,
		.limit = ROWS,
		.arena = missed->arena,
	};
	make(&missed->tending);
	missed->group = (struct orch_db_group){
		.first = &missed->tending.pg_op.base,
		.lane = missed->queue->home->lane,
		.done = done,
	};
	if (orch_pg_submit(missed->queue->pg, &missed->group, &err) != ORCH_OK)
		end_look(missed);
}

static void on_missed(struct orch_db_group *group)
{
	struct orch_sqs_missed *missed = missed_of(group);

	if (group->code != ORCH_OK) {
		end_look(missed);
		return;
	}
	orch_sqs_send_again(missed->queue->home, &missed->tending, "missed");
	missed->has_more = missed->tending.item_count == ROWS;
	if (missed->has_more)
		end_step(missed);
	else
		end_look(missed);
}

static void look_for_more(struct orch_sqs_missed *missed)
{
	if (orch_sqs_has_entries(missed->queue->home, missed->name))
		return;
	missed->has_more = false;
	submit(missed, orch_pg_tend_missed, on_missed);
}

static uint64_t count_deliverable(const struct orch_aws_call *call)
{
	static const char *const keys[] = { "ApproximateNumberOfMessages",
		"ApproximateNumberOfMessagesDelayed" };
	struct json_object *attributes = orch_json_get(call->json, "Attributes");
	uint64_t sum = 0;

	for (size_t i = 0; i < 2; i++) {
		uint64_t count = 0;

		(void)orch_text_to_uint(orch_json_text(attributes, keys[i]), 0, UINT32_MAX, &count);
		sum += count;
	}
	return attributes == NULL ? UINT64_MAX : sum;
}

static void on_counted(struct orch_aws_call *call)
{
	struct orch_sqs_missed *missed = call->user;
	bool is_empty = call->failure == ORCH_AWS_FINE && count_deliverable(call) == 0;

	missed->is_calling = false;
	if (call->failure == ORCH_AWS_SETTING)
		atomic_store(&missed->name->is_doubted, true);
	if (is_empty)
		submit(missed, orch_pg_tend_missed, on_missed);
	else
		end_look(missed);
}

static void ask_sqs(struct orch_sqs_missed *missed)
{
	(void)snprintf(missed->body, sizeof(missed->body),
		"{\"QueueUrl\":\"%s\",\"AttributeNames\":[\"ApproximateNumberOfMessages\","
		"\"ApproximateNumberOfMessagesDelayed\"]}",
		missed->name->url);
	missed->call = (struct orch_aws_call){
		.action = "GetQueueAttributes",
		.body = orch_text_from(missed->body),
		.done = on_counted,
		.user = missed,
	};
	missed->is_calling = true;
	orch_aws_call(missed->queue->home->client, &missed->call);
}

static void on_late(struct orch_db_group *group)
{
	struct orch_sqs_missed *missed = missed_of(group);
	bool are_late = group->code == ORCH_OK && missed->tending.changed > 0;

	end_step(missed);
	if (are_late)
		ask_sqs(missed);
	else
		end_look(missed);
}

struct orch_sqs_missed *orch_sqs_missed_create(struct orch_queue_sqs *queue)
{
	struct orch_sqs_missed *missed = orch_alloc(sizeof(*missed));

	if (missed != NULL)
		missed->queue = queue;
	return missed;
}

void orch_sqs_missed_tend(struct orch_sqs_missed *missed)
{
	struct orch_sqs_name *names[ORCH_SQS_QUEUES];
	uint64_t now = orch_clock_mono_ms();
	size_t count;

	if (missed->has_more)
		look_for_more(missed);
	if (missed->name != NULL || now < missed->due_ms)
		return;
	count = orch_sqs_names(missed->queue, names);
	if (missed->next >= count) {
		missed->next = 0;
		missed->due_ms = now + EVERY_MS;
		return;
	}
	if (!atomic_load(&names[missed->next]->is_known)) {
		missed->next++;
		return;
	}
	missed->name = names[missed->next++];
	submit(missed, orch_pg_tend_late, on_late);
}

void orch_sqs_missed_destroy(struct orch_sqs_missed *missed)
{
	if (missed == NULL)
		return;
	if (missed->is_calling)
		orch_aws_cancel(&missed->call);
	orch_arena_destroy(missed->arena);
	orch_free(missed);
}
