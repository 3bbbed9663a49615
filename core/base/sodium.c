/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sodium.h"

#include <pthread.h>

#include "base/check.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* It fails only on a system without random numbers, where nothing that we do would be safe. */
static void make_ready(void)
{
	orch_assert(sodium_init() >= 0);
}

void orch_sodium_ready(void)
{
	(void)pthread_once(&once, make_ready);
}
