/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void orch_check_failed(const char *what, const char *file, int line, const char *func)
{
	(void)dprintf(STDERR_FILENO, "%s:%d: %s: this must not be: %s\n", file, line, func, what);
	abort();
}
