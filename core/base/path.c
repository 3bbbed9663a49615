/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

static atomic_uint fail_in; /* calls from now; 0: never */
static atomic_int fail_with;

static bool fails(void)
{
	unsigned left = atomic_load_explicit(&fail_in, memory_order_relaxed);

	while (left != 0)
		if (atomic_compare_exchange_weak(&fail_in, &left, left - 1)) {
			errno = atomic_load(&fail_with);
			return left == 1;
		}
	return false;
}

void orch_path_fail_at(unsigned n, int error)
{
	atomic_store(&fail_with, error);
	atomic_store(&fail_in, n);
}

int orch_path_open(const char *path, int flags, unsigned mode)
{
	return fails() ? -1 : open(path, flags, (mode_t)mode);
}

int orch_path_stat(const char *path, struct stat *ret_status)
{
	return fails() ? -1 : stat(path, ret_status);
}

int orch_path_lstat(const char *path, struct stat *ret_status)
{
	return fails() ? -1 : lstat(path, ret_status);
}

int orch_path_access(const char *path, int mode)
{
	return fails() ? -1 : access(path, mode);
}

DIR *orch_path_opendir(const char *path)
{
	return fails() ? NULL : opendir(path);
}
