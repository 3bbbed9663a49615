/* SPDX-License-Identifier: Apache-2.0 */
/* Limit keys that a remote side has told us to leave alone for a while.  Shared by all lanes. */
#ifndef ORCH_PAUSES_H
#define ORCH_PAUSES_H
#include <orch/abi.h>

#define ORCH_PAUSES_MAX 10000 /* keys; beyond that any pause may be forgotten */

struct orch_pauses;

struct orch_pauses *orch_pauses_create(void);
void orch_pauses_destroy(struct orch_pauses *pauses);
void orch_pauses_set(struct orch_pauses *pauses, struct orch_text key, uint64_t for_ms);
uint64_t orch_pauses_left_ms(struct orch_pauses *pauses, struct orch_text key); /* 0: go on */
size_t orch_pauses_count(struct orch_pauses *pauses);

#endif
