/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that asks for memory.  Every call can fail and every caller
 * copes; tests make the Nth call fail through orch_alloc_fail_at().
 */
#ifndef ORCH_ALLOC_H
#define ORCH_ALLOC_H
#include <stddef.h>
#include <stdint.h>

/* Zeroed.  NULL when there is no memory. */
void *orch_alloc(size_t size);
void *orch_alloc_array(size_t count, size_t size);
void *orch_realloc(void *old, size_t size);
char *orch_strdup(const char *text);
void orch_free(void *memory);

/* For tests: the Nth allocation from now fails (and all after it, if FOR_EVER).  0: none. */
void orch_alloc_fail_at(uint64_t n, int for_ever);
uint64_t orch_alloc_count(void);

#endif
