/* SPDX-License-Identifier: Apache-2.0 */
/* What SQS is told of messages, each as an entry of a batch. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "queue/sqs.h"

#define GROUP_BYTES 128 /* of a MessageGroupId */
#define GROUP_PUNCTUATION "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
#define ATTRIBUTES_BYTES 4096
#define JSON_BYTES (7 << 20) /* of an entry: a message of 1 MiB of which all has to be escaped */
#define ASIDE_BYTES (ORCH_SQS_BATCH_BYTES - 4 * ATTRIBUTES_BYTES) /* of a dead letter's body */
#define TOO_LARGE "the message is too large for a dead letter; the store has it"

struct entry {
	struct orch_sqs_entry base;
	struct orch_sqs_lane *lane;
	struct orch_buf json;
	struct orch_sqs_after *after;
	int64_t row;
	struct orch_text queue; /* lent from the name, which stays */
	void (*done)(void *user, enum orch_aws_failure failure);
	void *user;
};

void orch_sqs_after_begin(struct orch_sqs_after *after)
{
	if (after != NULL)
		after->waits++;
}

void orch_sqs_after_end(struct orch_sqs_after *after)
{
	if (after != NULL && --after->waits == 0)
		after->run(after);
}

/* NULL: no memory, or too many wait already. */
static struct entry *make_entry(struct orch_sqs_lane *lane, struct orch_text queue,
	enum orch_sqs_verb verb, struct orch_sqs_batch **ret_batch)
{
	struct orch_sqs_desk *desk = orch_sqs_desk(lane, queue);
	struct entry *entry;

	if (desk == NULL || desk->batches[verb].count >= ORCH_SQS_WAITING)
		return NULL;
	entry = orch_alloc(sizeof(*entry));
	if (entry == NULL)
		return NULL;
	*ret_batch = &desk->batches[verb];
	entry->lane = lane;
	entry->queue = orch_text_from(desk->name->name);
	orch_buf_init(&entry->json, JSON_BYTES);
	return entry;
}

static void free_entry(struct entry *entry)
{
	orch_buf_fini(&entry->json);
	orch_free(entry);
}

static bool add_entry(struct orch_sqs_batch *batch, struct entry *entry)
{
	if (entry->json.failed) {
		free_entry(entry);
		return false;
	}
	entry->base.json = orch_buf_text(&entry->json);
	if (entry->base.bytes == 0)
		entry->base.bytes = entry->json.len;
	orch_sqs_batch_add(batch, &entry->base);
	return true;
}

/* One that was not taken stays unsent in the books, and the sweep sends it. */
static void on_sent(struct orch_sqs_entry *base, enum orch_aws_failure failure, const char *error)
{
	struct entry *entry = (struct entry *)(void *)base;

	if (failure == ORCH_AWS_FINE)
		orch_sqs_note_sent(entry->lane, entry->row);
	else if (failure == ORCH_AWS_PAYLOAD || failure == ORCH_AWS_BUG)
		orch_log(ORCH_LOG_ALERT, "queue.refused", ORCH_LOG_TEXT("queue", entry->queue),
			ORCH_LOG_INT("row", entry->row), ORCH_LOG_STRING("error", error));
	orch_sqs_after_end(entry->after);
	free_entry(entry);
}

/* Letters, digits and punctuation; another tenant goes by its digest. */
static void add_group(struct orch_buf *json, struct orch_text tenant)
{
	uint8_t digest[ORCH_SHA256_BYTES];
	char hex[2 * ORCH_SHA256_BYTES + 1];
	bool plain = tenant.len <= GROUP_BYTES;

	if (tenant.len == 0)
		return;
	for (size_t i = 0; plain && i < tenant.len; i++) {
		char c = tenant.ptr[i];

		plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') ||
			memchr(GROUP_PUNCTUATION, c, sizeof(GROUP_PUNCTUATION) - 1) != NULL;
	}
	if (!plain) {
		orch_sha256(tenant, digest);
		orch_hex_encode(digest, sizeof(digest), hex);
		tenant = orch_text_from(hex);
	}
	orch_buf_add_string(json, ",\"MessageGroupId\":");
	orch_buf_add_json(json, tenant);
}

static void add_delay(struct orch_buf *json, int64_t delay_ms)
{
	int64_t delay_s = (delay_ms + 999) / 1000;

	if (delay_s > 0)
		orch_buf_printf(json, ",\"DelaySeconds\":%lld",
			(long long)(delay_s < ORCH_SQS_DELAY_S ? delay_s : ORCH_SQS_DELAY_S));
}

/* BODY as a member of the entry, and what SQS will say of it. */
static void add_body(struct entry *entry, const struct orch_buf *body)
{
	struct orch_text text = orch_buf_text(body);

	if (body->failed)
		entry->json.failed = true;
	orch_buf_add_string(&entry->json, "\"MessageBody\":");
	orch_buf_add_json(&entry->json, text);
	orch_sqs_md5(entry->lane->queue, text, entry->base.md5);
	entry->base.bytes = text.len + ATTRIBUTES_BYTES;
}

void orch_sqs_send(
	struct orch_sqs_lane *lane, const struct orch_pg_item *item, struct orch_sqs_after *after)
{
	const struct orch_config_sqs *config = &lane->queue->settings.sqs;
	struct orch_sqs_batch *batch;
	struct entry *entry = make_entry(lane, item->message.queue, ORCH_SQS_SEND, &batch);
	struct orch_buf body;

	if (entry == NULL)
		return;
	entry->row = item->row;
	entry->base.done = on_sent;
	orch_buf_init(&body, ORCH_SQS_BATCH_BYTES);
	orch_sqs_body_write(
		&body, item, item->sealed.len > 0 && item->sealed.len <= config->inline_bytes);
	add_body(entry, &body);
	orch_buf_fini(&body);
	if (config->fair)
		add_group(&entry->json, item->message.tenant);
	add_delay(&entry->json, item->delay_ms);
	entry->after = after;
	orch_sqs_after_begin(after);
	if (!add_entry(batch, entry))
		orch_sqs_after_end(after);
}

static void on_said(struct orch_sqs_entry *base, enum orch_aws_failure failure, const char *error)
{
	struct entry *entry = (struct entry *)(void *)base;

	(void)error;
	if (entry->done != NULL)
		entry->done(entry->user, failure);
	orch_sqs_after_end(entry->after);
	free_entry(entry);
}

static void add_receipt(struct entry *entry, struct orch_text receipt)
{
	orch_buf_add_string(&entry->json, "\"ReceiptHandle\":");
	orch_buf_add_json(&entry->json, receipt);
}

/* What SQS delivers once more after that has no row any more, and is deleted then. */
void orch_sqs_delete(struct orch_sqs_lane *lane, struct orch_text queue, struct orch_text receipt)
{
	struct orch_sqs_batch *batch;
	struct entry *entry =
		receipt.len == 0 ? NULL : make_entry(lane, queue, ORCH_SQS_DELETE, &batch);

	if (entry == NULL)
		return;
	entry->base.done = on_said;
	entry->base.until_ms = orch_clock_mono_ms() + lane->queue->settings.lease_ms;
	add_receipt(entry, receipt);
	(void)add_entry(batch, entry);
}

void orch_sqs_change(struct orch_sqs_lane *lane, struct orch_text queue, struct orch_text receipt,
	uint64_t visibility_ms, void (*done)(void *user, enum orch_aws_failure failure), void *user)
{
	uint64_t visibility_s = (visibility_ms + 999) / 1000;
	struct orch_sqs_batch *batch;
	struct entry *entry = make_entry(lane, queue, ORCH_SQS_CHANGE, &batch);

	if (entry == NULL) {
		if (done != NULL)
			done(user, ORCH_AWS_TRANSIENT);
		return;
	}
	entry->base.done = on_said;
	entry->base.until_ms = orch_clock_mono_ms() + lane->queue->settings.lease_ms / 3;
	entry->done = done;
	entry->user = user;
	add_receipt(entry, receipt);
	orch_buf_printf(&entry->json, ",\"VisibilityTimeout\":%llu",
		(unsigned long long)(visibility_s < ORCH_SQS_VISIBILITY_S ? visibility_s
									  : ORCH_SQS_VISIBILITY_S));
	if (!add_entry(batch, entry) && done != NULL)
		done(user, ORCH_AWS_TRANSIENT);
}

/* SQS takes no empty value, and few control characters. */
static void add_attribute(
	struct orch_buf *json, const char *name, struct orch_text value, bool first)
{
	struct orch_buf printable;

	if (value.len == 0)
		return;
	orch_buf_init(&printable, ATTRIBUTES_BYTES);
	orch_buf_add_printable(&printable, value);
	orch_buf_printf(
		json, "%s\"%s\":{\"DataType\":\"String\",\"StringValue\":", first ? "" : ",", name);
	orch_buf_add_json(json, printable.failed ? ORCH_TEXT("?") : orch_buf_text(&printable));
	orch_buf_add_char(json, '}');
	orch_buf_fini(&printable);
}

void orch_sqs_set_aside(struct orch_sqs_lane *lane, const struct orch_sqs_aside *aside,
	struct orch_sqs_after *after)
{
	struct orch_sqs_batch *batch;
	struct entry *entry = make_entry(lane, aside->queue, ORCH_SQS_ASIDE, &batch);
	struct orch_buf body;

	if (entry == NULL)
		return;
	entry->base.done = on_said;
	orch_buf_init(&body, ORCH_SQS_BATCH_BYTES);
	orch_buf_add_text(
		&body, aside->body.len > ASIDE_BYTES ? ORCH_TEXT(TOO_LARGE) : aside->body);
	add_body(entry, &body);
	orch_buf_fini(&body);
	orch_buf_add_string(&entry->json, ",\"MessageAttributes\":{");
	add_attribute(&entry->json, "reason", aside->reason, true);
	add_attribute(&entry->json, "detail", aside->detail, false);
	add_attribute(&entry->json, "id", aside->id, false);
	add_attribute(&entry->json, "pipeline", aside->pipeline, false);
	orch_buf_add_char(&entry->json, '}');
	entry->after = after;
	orch_sqs_after_begin(after);
	if (!add_entry(batch, entry))
		orch_sqs_after_end(after);
}
