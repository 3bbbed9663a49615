/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinesis: each record, or each event that is not about one, becomes one record
 * of an Amazon Kinesis stream.
 *
 * PutRecords promises no order: of those that it is given some may fail while
 * later ones are stored.  Order is kept all the same, for the core never hands
 * out a task whose order key has another one under way: what comes after a
 * record is not sent before that record is stored.
 */
#include "kinesis.h"

#include <stdlib.h>

#define ARENA_BYTES ((size_t)32 * 1024 * 1024)

static const struct orch_option options[] = {
	{ .name = "account",
		.type = ORCH_OPT_ACCOUNT,
		.offset = offsetof(struct kinesis_settings, account),
		.help = "The one of accounts to which the stream belongs." },
	{ .name = "stream",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct kinesis_settings, stream),
		.help = "The stream's name, or its ARN, which may be in another account." },
	{ .name = "partition",
		.type = ORCH_OPT_CHOICE,
		.offset = offsetof(struct kinesis_settings, partition),
		.choices = "order|tenant|actor|id",
		.fallback = "order",
		.help = "What of it is the partition key; where that is empty its id is." },
	{ .name = "record_bytes",
		.type = ORCH_OPT_SIZE,
		.offset = offsetof(struct kinesis_settings, record_bytes),
		.fallback = "1M",
		.min = 1024,
		.max = 10 * 1024 * 1024,
		.help = "The largest record that the stream takes, its key included." },
	{ .name = NULL },
};

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	struct kinesis *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the instance");
	self->host = host;
	self->settings = settings;
	kit_arena_init(&self->arena, ARENA_BYTES);
	*ret_self = self;
	return ORCH_OK;
}

static void destroy(void *ptr)
{
	struct kinesis *self = ptr;

	if (self == NULL)
		return;
	kit_arena_fini(&self->arena);
	free(self);
}

static int act(void *ptr, const struct orch_task *tasks, size_t count,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, int *ret_codes, struct orch_err *err)
{
	struct kinesis *self = ptr;

	(void)progress;
	kit_arena_reset(&self->arena);
	if (reply != NULL)
		return kinesis_judge(self, tasks, count, reply, sink, ret_codes, err);
	return kinesis_write(self, tasks, count, request, ret_codes, err);
}

static const struct orch_action_ops ops = {
	.size = sizeof(ops),
	.max_batch = KINESIS_RECORDS,
	.max_batch_bytes = KINESIS_BATCH_BYTES,
	.create = create,
	.act = act,
	.destroy = destroy,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "kinesis",
	.version = "1.0",
	.summary = "a record of an Amazon Kinesis stream for each record or event, in their order",
	.settings_size = sizeof(struct kinesis_settings),
	.options = options,
	.action = &ops,
};
