/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to actions/kinesis. */
#ifndef KINESIS_H
#define KINESIS_H
#include <orch/action.h>
#include "kit/text.h"

#define KINESIS_RECORDS 500
#define KINESIS_KEY_CHARS 256
/*
 * Of tasks that go into one call: as base64, with a key for each record, they
 * are less than the 5 MiB that every region takes.
 */
#define KINESIS_BATCH_BYTES ((uint64_t)3 * 1024 * 1024)

enum kinesis_partition { KINESIS_BY_ORDER = 0, KINESIS_BY_TENANT, KINESIS_BY_ACTOR, KINESIS_BY_ID };

struct kinesis_settings {
	orch_account account;
	const char *stream;
	uint32_t partition; /* enum kinesis_partition */
	uint64_t record_bytes;
};

struct kinesis {
	const struct orch_host *host;
	const struct kinesis_settings *settings;
	struct kit_arena arena; /* of one call */
};

/* write.c: fills the request, or sets the code of each task that can be no record. */
int kinesis_write(struct kinesis *self, const struct orch_task *tasks, size_t count,
	struct orch_request *request, int *ret_codes, struct orch_err *err);
/* Can it be a record?  The answer is the same whenever it is asked. */
bool kinesis_takes(struct kinesis *self, const struct orch_task *task);

/* judge.c: what became of each of those that were written. */
int kinesis_judge(struct kinesis *self, const struct orch_task *tasks, size_t count,
	const struct orch_reply *reply, struct orch_sink *sink, int *ret_codes,
	struct orch_err *err);

#endif
