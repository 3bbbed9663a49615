/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void orch_check_failed(const char *what, const char *file, int line, const char *func)
{
	struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };

	/* The end must come also when nobody reads what we say. */
	if (poll(&ready, 1, 0) != 0)
		(void)dprintf(
			STDERR_FILENO, "%s:%d: %s: this must not be: %s\n", file, line, func, what);
	abort();
}
