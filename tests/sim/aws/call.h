/* SPDX-License-Identifier: Apache-2.0 */
/* One request of SQS or Kinesis on its way through the house. */
#ifndef AWS_CALL_H
#define AWS_CALL_H
#include "sim/aws/cloud.h"

#define AWS_ANSWER_BYTES (64u * 1024 * 1024)

struct aws_poll;

struct aws_call {
	TAILQ_ENTRY(aws_call) next; /* among the held ones */
	struct aws_cloud *cloud;
	struct orch_http_exchange *exchange;
	const struct aws_action *action;
	struct aws_count *count;
	struct json_object *args;
	struct orch_text subject; /* the queue or stream that it names; lent from ARGS */
	struct orch_buf answer;   /* JSON */
	struct aws_error error;
	struct aws_fault fault;     /* of the whole request */
	struct aws_numbers touched; /* entries or puts that the answer tells of as done */
	struct aws_poll *poll;      /* while it waits for messages */
	struct orch_timer timer;
	uint64_t number;
	bool has_timer, is_held, has_run;
};

/* Sets the error; REFUSED. */
ORCH_PRINTF(3, 4)
int aws_refuse(struct aws_call *call, const char *code, const char *fmt, ...);
int aws_refuse_parameter(struct aws_call *call, const char *name, const char *why);
int aws_refuse_missing(struct aws_call *call, const char *name);
int aws_refuse_no_memory(struct aws_call *call);

/* A handler's LATER has become an answer: CODE is DONE or REFUSED. */
void aws_call_finish(struct aws_call *call, int code);

/* FIRE is called with CALL in so long, instead of what was set before.  False: no memory. */
bool aws_call_set_timer(struct aws_call *call, void (*fire)(void *call), uint64_t in_ms);

/* Does a fault of KIND hit this call?  SHARD may be NULL, RET_FAULT too. */
bool aws_call_hit(struct aws_call *call, enum aws_fault_kind kind, const char *shard,
	struct aws_fault *ret_fault);
/* The answer tells of this entry or put. */
void aws_call_touch(struct aws_call *call, uint64_t number);

/* An integer member within its bounds; FALLBACK if it is not there.  REFUSED otherwise. */
ORCH_MUST_USE int aws_call_int(struct aws_call *call, struct json_object *args, const char *name,
	int64_t min, int64_t max, int64_t fallback, int64_t *ret);

/* Members of the answer, with the comma if it is not the first. */
void aws_add_text(struct aws_call *call, const char *name, struct orch_text value);
void aws_add_string(struct aws_call *call, const char *name, const char *value);
void aws_add_int(struct aws_call *call, const char *name, uint64_t value);
/* NAME and the colon: a value follows. */
void aws_add_name(struct aws_call *call, const char *name);
/* What VALUE is as text, as in attributes. */
void aws_add_int_text(struct aws_call *call, const char *name, uint64_t value);
void aws_add_json(struct aws_call *call, struct json_object *value); /* takes it */
/* The MD5, unless a fault says that it is to be another. */
void aws_add_md5(struct aws_call *call, const char *name, const char *md5);

#endif
