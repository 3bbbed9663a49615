/* SPDX-License-Identifier: Apache-2.0 */
/* Errors on their way up gather context, outermost first. */
#ifndef ORCH_ERR_H
#define ORCH_ERR_H
#include <orch/abi.h>
#include "base/check.h"

/* "no such file" becomes "PREFIX: no such file". */
void orch_err_prefix(struct orch_err *err, const char *fmt, ...) ORCH_PRINTF(2, 3);

/* The name ("AGAIN") and the text ("try again later") of a code; "OK" for 0. */
const char *orch_code_name(int code);
const char *orch_code_text(int code);

/*
 * What a plugin's HOOK returned, as a code that means something, and ERR with a
 * sentence if it is none of success: whatever the plugin said or left unsaid.
 */
ORCH_MUST_USE int orch_code_settle(int code, const char *hook, struct orch_err *err);

/* The text of an errno, thread-safe. */
const char *orch_errno_text(int number);

#endif
