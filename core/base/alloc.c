/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t calls;
static _Atomic uint64_t fail_at; /* the number of the call that fails; 0: none */
static _Atomic bool fail_for_ever;

static bool is_to_fail(void)
{
	uint64_t number = atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) + 1;
	uint64_t at = atomic_load_explicit(&fail_at, memory_order_relaxed);

	if (at == 0 || number < at)
		return false;
	return number == at || atomic_load_explicit(&fail_for_ever, memory_order_relaxed);
}

void *orch_alloc(size_t size)
{
	return orch_alloc_array(1, size);
}

void *orch_alloc_array(size_t count, size_t size)
{
	if (is_to_fail())
		return NULL;
	/* A size of 0 gives memory too, so that NULL always means failure. */
	if (count == 0 || size == 0)
		return calloc(1, 1);
	return count > PTRDIFF_MAX / size ? NULL : calloc(count, size);
}

void *orch_realloc(void *old, size_t size)
{
	if (is_to_fail() || size > PTRDIFF_MAX)
		return NULL;
	return realloc(old, size == 0 ? 1 : size);
}

char *orch_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = orch_alloc(size);

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

void orch_free(void *memory)
{
	free(memory);
}

void orch_alloc_fail_at(uint64_t n, int for_ever)
{
	atomic_store(&fail_for_ever, for_ever != 0);
	atomic_store(&fail_at, n == 0 ? 0 : atomic_load(&calls) + n);
}

uint64_t orch_alloc_count(void)
{
	return atomic_load(&calls);
}
