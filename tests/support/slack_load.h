/* SPDX-License-Identifier: Apache-2.0 */
/* Signed Slack events of about 1 KB, as a load_options.make. */
#ifndef ORCH_TEST_SLACK_LOAD_H
#define ORCH_TEST_SLACK_LOAD_H
#include "base/buf.h"

struct slack_load {
	const char *secret;
	const char *text; /* of every message */
	uint64_t first;   /* added to the numbers, so that loads one after another differ */
};

/* The message's ts is the time at which the request was due. */
void slack_load_make(struct orch_buf *buf, uint64_t number, uint64_t due_ns, void *slack_load);

#endif
