/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other side answered last, for dead letters and logs.
 *
 * An answer may repeat what was sent, so of a JSON object only the members
 * that hold a code are taken, and of anything else its length.
 */
#ifndef ORCH_ANSWER_H
#define ORCH_ANSWER_H
#include <orch/abi.h>

#define ORCH_ANSWER_BYTES 200

/* "error=missing_scope needed=chat:write"; the problem if there was no answer. */
void orch_answer_describe(const struct orch_reply *reply, char ret[ORCH_ANSWER_BYTES]);

#endif
