/* SPDX-License-Identifier: Apache-2.0 */
/* One file that all processes hold which work on the same data. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

static int lock(int fd, int how)
{
	int rc;

	do
		rc = flock(fd, how);
	while (rc != 0 && errno == EINTR);
	return rc == 0 ? 0 : errno;
}

int orch_file_share(int fd, struct orch_err *err)
{
	int error = lock(fd, LOCK_SH);

	if (error != 0)
		return orch_fail(
			err, ORCH_E_AGAIN, "a lock cannot be shared: %s", orch_errno_text(error));
	return ORCH_OK;
}

int orch_file_hold(const char *path, int *ret_fd, bool *ret_alone, struct orch_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	int error, rc = ORCH_OK;

	if (fd < 0)
		return orch_fail(err, ORCH_E_AGAIN, "%s: %s", path, orch_errno_text(errno));
	error = lock(fd, LOCK_EX | LOCK_NB);
	if (error == EWOULDBLOCK)
		rc = orch_file_share(fd, err);
	else if (error != 0)
		rc = orch_fail(err, ORCH_E_AGAIN, "%s: %s", path, orch_errno_text(error));
	if (rc != ORCH_OK) {
		(void)close(fd);
		return rc;
	}
	*ret_fd = fd;
	*ret_alone = error == 0;
	return ORCH_OK;
}
