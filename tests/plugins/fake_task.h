/* SPDX-License-Identifier: Apache-2.0 */
/* A task about one message of Slack, for the actions' tests. */
#ifndef FAKE_TASK_H
#define FAKE_TASK_H
#include "fake_host.h"

struct fake_task {
	struct fake *fake;
	struct orch_field fields[12];
	struct orch_part parts[2];
	struct orch_event event;
	struct orch_finding finding;
	struct orch_task task;
};

/* A message of U1 in C1 with one finding; its key is "key-1". */
void fake_task_begin(struct fake_task *world, const char *plugin, const char *const *options);
void fake_task_end(struct fake_task *world);
void fake_task_set(struct fake_task *world, const char *field, const char *value);

/* From the first step on. */
int fake_task_act(struct fake_task *world, const struct fake_reply *script);
const char *fake_task_outcome(const struct fake_task *world); /* "": none */

#endif
