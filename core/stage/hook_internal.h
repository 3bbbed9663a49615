/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to stage/hook*.c. */
#ifndef ORCH_HOOK_INTERNAL_H
#define ORCH_HOOK_INTERNAL_H
#include "stage/hook.h"

/* What the other side said to the request; WAS_SENT: bytes of it may have got there. */
void orch_run_answer(struct orch_run *run, const struct orch_reply *reply, bool was_sent);

/* hook_aws.c: run->request is on its way as a call of an account's. */
ORCH_MUST_USE int orch_run_call_aws(struct orch_run *run, struct orch_err *err);

#endif
