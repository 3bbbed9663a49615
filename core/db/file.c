/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the file is one that a durable queue can live in: on a local disk,
 * a plain file of ours, nobody else's to read.
 *
 * An existing file is looked at, never opened here: closing a descriptor of
 * it would drop the locks that SQLite holds on it elsewhere in this process.
 */
#include "db/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/path.h"

#define ORCH_DB_FILE_MODE 0600

static const struct {
	unsigned long type;
	const char *name;
} remote_systems[] = {
	{ 0x6969, "NFS" },
	{ 0x517b, "SMB" },
	{ 0xfe534d42, "SMB" },
	{ 0xff534d42, "CIFS" },
	{ 0x65735546, "FUSE" },
	{ 0x01021997, "9p" },
	{ 0x5346414f, "AFS" },
	{ 0x6b414653, "AFS" },
	{ 0x00c36400, "Ceph" },
	{ 0x73757245, "Coda" },
	{ 0x564c, "NCP" },
	{ 0x7461636f, "OCFS2" },
	{ 0x01161970, "GFS2" },
	{ 0x0bd00bd0, "Lustre" },
};

static int refuse_remote(const char *dir, struct orch_err *err)
{
	struct statfs system;

	if (statfs(dir, &system) < 0)
		return orch_fail(err, ORCH_E_INVALID, "%s: %s", dir, orch_errno_text(errno));
	for (size_t i = 0; i < sizeof(remote_systems) / sizeof(remote_systems[0]); i++) {
		if (((unsigned long)system.f_type & 0xffffffffu) == remote_systems[i].type)
			return orch_fail(err, ORCH_E_INVALID,
				"%s: is on %s, where neither locks nor flushes can be relied on; "
				"choose a local disk",
				dir, remote_systems[i].name);
	}
	return ORCH_OK;
}

static int check_existing(const char *path, const struct stat *status, struct orch_err *err)
{
	if (!S_ISREG(status->st_mode))
		return orch_fail(err, ORCH_E_DENIED, "%s: not a regular file", path);
	if (status->st_nlink != 1)
		return orch_fail(err, ORCH_E_DENIED, "%s: has a second name (hard link)", path);
	if (status->st_mode & 077)
		return orch_fail(err, ORCH_E_DENIED,
			"%s: others may read or write it (mode %03o); it must be 0600", path,
			(unsigned)status->st_mode & 0777u);
	return ORCH_OK;
}

static int create(const char *path, struct orch_err *err)
{
	int fd = orch_path_open(
		path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, ORCH_DB_FILE_MODE);

	/* Another process may just have been quicker. */
	if (fd < 0 && errno != EEXIST)
		return orch_fail(err, ORCH_E_INVALID, "%s: %s", path, orch_errno_text(errno));
	if (fd >= 0)
		close(fd);
	return ORCH_OK;
}

/* SQLite refuses symbolic links anywhere in a path; those above the file are the operator's. */
static char *resolve_dir(const char *path, struct orch_err *err, char *dir)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char resolved[PATH_MAX];
	size_t size;
	char *full;

	(void)snprintf(
		dir, PATH_MAX, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	if (!realpath(dir, resolved)) {
		(void)orch_fail(err, ORCH_E_INVALID, "%s: %s", dir, orch_errno_text(errno));
		return NULL;
	}
	size = strlen(resolved) + strlen(base) + 2;
	full = orch_alloc(size);
	if (full)
		(void)snprintf(full, size, "%s/%s", strcmp(resolved, "/") ? resolved : "", base);
	else
		(void)orch_fail(err, ORCH_E_NOMEM, "%s: out of memory", path);
	return full;
}

int orch_db_prepare_file(const char *path, bool read_only, char **ret_path, struct orch_err *err)
{
	char dir[PATH_MAX];
	struct stat status;
	char *full = resolve_dir(path, err, dir);
	int code;

	if (!full)
		return ORCH_E_INVALID;
	code = refuse_remote(dir, err);
	if (code == ORCH_OK && orch_path_lstat(full, &status) == 0)
		code = check_existing(full, &status, err);
	else if (code == ORCH_OK && read_only)
		code = orch_fail(err, ORCH_E_INVALID, "%s: %s", full, orch_errno_text(errno));
	else if (code == ORCH_OK)
		code = create(full, err);
	if (code < 0) {
		orch_free(full);
		return code;
	}
	*ret_path = full;
	return ORCH_OK;
}
