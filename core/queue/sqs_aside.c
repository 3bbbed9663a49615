/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead-letter queues are made to say what the books say.  What SQS's own redrive
 * policy has moved there is entered as dead and gets its reason; the letters of
 * messages that were redriven or discarded go.  One queue after the other, seldom,
 * and only if the numbers differ.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "queue/sqs.h"

#define FIRST_MS 2000
#define EVERY_MS 300000
#define HIDE_S 30 /* a letter that was looked at is not shown again for so long */
#define POLLS 50  /* of one look */
#define BODY_BYTES (64 * 1024)
#define POLICY_REASON "receives"
#define POLICY_DETAIL "SQS set it aside: it was delivered too often without being settled"

/* A letter as it was found. */
struct letter {
	struct orch_text receipt, id, text;
	struct orch_sqs_body body;
	bool has_reason; /* we have put it there */
	bool is_ours;    /* without a reason: its body could be read */
	bool goes;
	bool was_buried; /* just now: it gets its reason */
};

struct orch_sqs_aside_look {
	struct orch_queue_sqs *queue;
	struct orch_sqs_name *name; /* the one that is looked at; NULL: none */
	size_t next;                /* among the names */
	uint64_t due_ms;
	unsigned polls;
	uint64_t in_books, in_sqs;
	struct orch_arena *arena; /* of one poll */
	struct letter letters[ORCH_SQS_BATCH];
	size_t count;
	struct orch_pg_op pg_op;
	struct orch_db_group group;
	struct orch_aws_call call;
	bool is_calling;
	struct orch_buf body;
};

static void poll(struct orch_sqs_aside_look *look);

static struct orch_sqs_aside_look *look_of(struct orch_pg_op *pg_op)
{
	return (struct orch_sqs_aside_look *)(void *)((char *)pg_op -
		offsetof(struct orch_sqs_aside_look, pg_op));
}

static void end_look(struct orch_sqs_aside_look *look)
{
	look->name = NULL;
	look->count = 0;
	orch_arena_destroy(look->arena);
	look->arena = NULL;
}

static void submit(struct orch_sqs_aside_look *look, void (*done)(struct orch_db_group *group))
{
	struct orch_err err;

	look->group = (struct orch_db_group){
		.first = &look->pg_op.base, .lane = look->queue->home->lane, .done = done
	};
	if (orch_pg_submit(look->queue->pg, &look->group, &err) != ORCH_OK)
		end_look(look);
}

static void call(struct orch_sqs_aside_look *look, const char *action,
	void (*done)(struct orch_aws_call *call))
{
	look->call = (struct orch_aws_call){
		.action = action,
		.body = orch_buf_text(&look->body),
		.done = done,
		.user = look,
	};
	look->is_calling = true;
	orch_aws_call(look->queue->home->client, &look->call);
}

static void begin_body(struct orch_sqs_aside_look *look)
{
	orch_buf_reset(&look->body);
	orch_buf_add_string(&look->body, "{\"QueueUrl\":");
	orch_buf_add_json(&look->body, orch_text_from(look->name->dead_url));
}

static void on_deleted(struct orch_aws_call *done)
{
	struct orch_sqs_aside_look *look = done->user;

	look->is_calling = false;
	poll(look);
}

/* What is not deleted now is found by the next look. */
static void delete_letters(struct orch_sqs_aside_look *look)
{
	size_t count = 0;

	begin_body(look);
	orch_buf_add_string(&look->body, ",\"Entries\":[");
	for (size_t i = 0; i < look->count; i++) {
		if (!look->letters[i].goes)
			continue;
		orch_buf_printf(&look->body,
			"%s{\"Id\":\"%zu\",\"ReceiptHandle\":", count++ == 0 ? "" : ",", i);
		orch_buf_add_json(&look->body, look->letters[i].receipt);
		orch_buf_add_char(&look->body, '}');
	}
	orch_buf_add_string(&look->body, "]}");
	if (count == 0)
		poll(look);
	else if (look->body.failed)
		end_look(look);
	else
		call(look, "DeleteMessageBatch", on_deleted);
}

static void give_reason(struct orch_sqs_aside_look *look, const struct letter *letter)
{
	orch_log(ORCH_LOG_ALERT, "queue.aside", ORCH_LOG_STRING("queue", look->name->name),
		ORCH_LOG_TEXT("id", letter->body.message.id),
		ORCH_LOG_STRING("reason", POLICY_REASON), ORCH_LOG_STRING("detail", POLICY_DETAIL));
	orch_sqs_set_aside(look->queue->home,
		&(struct orch_sqs_aside){ .queue = orch_text_from(look->name->name),
			.id = letter->body.message.id,
			.pipeline = letter->body.message.pipeline,
			.reason = ORCH_TEXT(POLICY_REASON),
			.detail = ORCH_TEXT(POLICY_DETAIL),
			.body = letter->text },
		NULL);
}

static void on_entered(struct orch_db_group *group)
{
	struct orch_sqs_aside_look *look = (struct orch_sqs_aside_look *)(void *)((char *)group -
		offsetof(struct orch_sqs_aside_look, group));

	if (group->code != ORCH_OK) {
		end_look(look);
		return;
	}
	for (size_t i = 0; i < look->count; i++)
		if (look->letters[i].was_buried)
			give_reason(look, &look->letters[i]);
	delete_letters(look);
}

/* A row that somebody holds stays his: the letter waits for the next look. */
static int send_letters(
	struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	struct orch_sqs_aside_look *look = look_of(pg_op);
	int64_t rows[ORCH_SQS_BATCH];
	struct orch_text ids[ORCH_SQS_BATCH];

	for (size_t i = 0; i < look->count; i++) {
		const struct letter *letter = &look->letters[i];

		rows[i] = letter->is_ours ? letter->body.row : 0;
		ids[i] = letter->has_reason ? letter->id : letter->body.message.id;
	}
	orch_pg_begin(sender,
		"WITH w AS (SELECT * FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY"
		" AS w (row, id, n)),"
		" gone AS (DELETE FROM item AS i USING w WHERE i.row = w.row AND i.id = w.id"
		" AND i.queue = $3::text AND NOT (i.state = 2 AND i.at > orch_ms()) RETURNING i.*),"
		" bodies AS (DELETE FROM body AS b USING gone WHERE b.row = gone.row RETURNING "
		"b.*),"
		" buried AS (INSERT INTO dead (row, queue, alien, step_sent, priority, receives,"
		" attempts, step, ended, time, put, id, pipeline, tenant, trace, sequence, memo,"
		" reason, detail, sealed) SELECT row, queue, false, step_sent, priority, receives,"
		" attempts, step, orch_ms(), time, put, id, pipeline, tenant, trace, sequence, "
		"memo,"
		" $4::text, $5::text, sealed FROM gone LEFT JOIN bodies USING (row))"
		" SELECT n, g.row IS NOT NULL, EXISTS (SELECT 1 FROM dead AS d"
		" WHERE d.queue = $3::text AND d.id = w.id), EXISTS (SELECT 1 FROM item AS i"
		" WHERE i.queue = $3::text AND i.id = w.id)"
		" FROM w LEFT JOIN gone AS g ON g.row = w.row");
	orch_pg_ints(sender, rows, look->count);
	orch_pg_byteses(sender, ids, look->count);
	orch_pg_text(sender, orch_text_from(look->name->name));
	orch_pg_text(sender, ORCH_TEXT(POLICY_REASON));
	orch_pg_text(sender, ORCH_TEXT(POLICY_DETAIL));
	return orch_pg_end(sender, err);
}

static int take_letters(struct orch_pg_op *pg_op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct orch_sqs_aside_look *look = look_of(pg_op);

	(void)number;
	for (size_t r = 0; r < orch_pg_count(rows); r++) {
		size_t n = (size_t)orch_pg_get_int(rows, r, 0) - 1;
		bool is_dead = orch_pg_get_bool(rows, r, 2);
		bool is_item = orch_pg_get_bool(rows, r, 3);
		struct letter *letter;

		if (n >= look->count)
			return orch_fail(err, ORCH_E_INTERNAL, "queue: a letter of another's");
		letter = &look->letters[n];
		letter->was_buried = orch_pg_get_bool(rows, r, 1);
		letter->goes = letter->has_reason
			? !is_dead
			: letter->was_buried || (letter->is_ours && !is_item);
	}
	return ORCH_OK;
}

static void read_letter(struct orch_sqs_aside_look *look, struct json_object *message)
{
	struct json_object *attributes = orch_json_get(message, "MessageAttributes");
	struct json_object *id = orch_json_get(attributes, "id");
	struct letter *letter = &look->letters[look->count++];
	const char *reason;
	struct orch_err why;

	*letter = (struct letter){
		.receipt = orch_arena_text(look->arena, orch_json_text(message, "ReceiptHandle")),
		.text = orch_arena_text(look->arena, orch_json_text(message, "Body")),
		.id = orch_arena_text(look->arena, orch_json_text(id, "StringValue")),
		.has_reason = orch_json_get(attributes, "reason") != NULL,
	};
	letter->body.message.id = ORCH_TEXT_NONE;
	if (!letter->has_reason)
		letter->is_ours = orch_sqs_body_read(letter->text, orch_text_from(look->name->name),
			look->arena, &letter->body, &reason, &why);
}

static void on_polled(struct orch_aws_call *done)
{
	struct orch_sqs_aside_look *look = done->user;
	struct json_object *messages = orch_json_get(done->json, "Messages");

	look->is_calling = false;
	for (size_t i = 0; json_object_is_type(messages, json_type_array) &&
		i < json_object_array_length(messages) && i < ORCH_SQS_BATCH;
		i++)
		read_letter(look, json_object_array_get_idx(messages, i));
	if (look->count == 0 || orch_arena_failed(look->arena)) {
		end_look(look);
		return;
	}
	look->pg_op = (struct orch_pg_op){ .send = send_letters, .take = take_letters };
	submit(look, on_entered);
}

static void poll(struct orch_sqs_aside_look *look)
{
	orch_arena_destroy(look->arena);
	look->arena = orch_arena_create(0);
	look->count = 0;
	if (look->arena == NULL || look->polls++ == POLLS) {
		end_look(look);
		return;
	}
	begin_body(look);
	orch_buf_printf(&look->body,
		",\"MaxNumberOfMessages\":%d,\"WaitTimeSeconds\":0,\"VisibilityTimeout\":%d,"
		"\"MessageAttributeNames\":[\"All\"]}",
		ORCH_SQS_BATCH, HIDE_S);
	call(look, "ReceiveMessage", on_polled);
}

static uint64_t number(struct json_object *attributes, const char *key)
{
	uint64_t value = 0;

	(void)orch_text_to_uint(orch_json_text(attributes, key), 0, UINT32_MAX, &value);
	return value;
}

static void on_counted_in_sqs(struct orch_aws_call *done)
{
	struct orch_sqs_aside_look *look = done->user;
	struct json_object *attributes = orch_json_get(done->json, "Attributes");

	look->is_calling = false;
	if (attributes == NULL) {
		end_look(look);
		return;
	}
	look->in_sqs = number(attributes, "ApproximateNumberOfMessages") +
		number(attributes, "ApproximateNumberOfMessagesNotVisible");
	look->polls = 0;
	if (look->in_sqs == look->in_books)
		end_look(look);
	else
		poll(look);
}

static void on_counted(struct orch_db_group *group)
{
	struct orch_sqs_aside_look *look = (struct orch_sqs_aside_look *)(void *)((char *)group -
		offsetof(struct orch_sqs_aside_look, group));

	if (group->code != ORCH_OK) {
		end_look(look);
		return;
	}
	begin_body(look);
	orch_buf_add_string(&look->body,
		",\"AttributeNames\":[\"ApproximateNumberOfMessages\","
		"\"ApproximateNumberOfMessagesNotVisible\"]}");
	call(look, "GetQueueAttributes", on_counted_in_sqs);
}

static int send_count(struct orch_pg_op *pg_op, struct orch_pg_sender *sender, struct orch_err *err)
{
	orch_pg_begin(sender, "SELECT count(*) FROM dead WHERE queue = $1::text");
	orch_pg_text(sender, orch_text_from(look_of(pg_op)->name->name));
	return orch_pg_end(sender, err);
}

static int take_count(struct orch_pg_op *pg_op, unsigned number_of, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	(void)number_of, (void)err;
	look_of(pg_op)->in_books = (uint64_t)orch_pg_get_int(rows, 0, 0);
	return ORCH_OK;
}

struct orch_sqs_aside_look *orch_sqs_aside_create(struct orch_queue_sqs *queue)
{
	struct orch_sqs_aside_look *look = orch_alloc(sizeof(*look));

	if (look == NULL)
		return NULL;
	look->queue = queue;
	look->due_ms = orch_clock_mono_ms() + FIRST_MS + orch_random_below(FIRST_MS);
	orch_buf_init(&look->body, BODY_BYTES);
	return look;
}

void orch_sqs_aside_tend(struct orch_sqs_aside_look *look)
{
	struct orch_sqs_name *names[ORCH_SQS_QUEUES];
	uint64_t now = orch_clock_mono_ms();
	size_t count;

	if (look->name != NULL || now < look->due_ms)
		return;
	count = orch_sqs_names(look->queue, names);
	if (look->next >= count) {
		look->next = 0;
		look->due_ms = now + EVERY_MS / 2 + orch_random_below(EVERY_MS);
		return;
	}
	look->name = names[look->next++];
	if (!atomic_load(&look->name->is_known)) {
		look->name = NULL;
		return;
	}
	look->pg_op = (struct orch_pg_op){ .send = send_count, .take = take_count };
	submit(look, on_counted);
}

void orch_sqs_aside_destroy(struct orch_sqs_aside_look *look)
{
	if (look == NULL)
		return;
	if (look->is_calling)
		orch_aws_cancel(&look->call);
	orch_arena_destroy(look->arena);
	orch_buf_fini(&look->body);
	orch_free(look);
}
