/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file_io.h"
#include "base/text.h"

struct orch_blob {
	char *dir;
	size_t spill;
	size_t len;
	int fd; /* -1: nothing written yet, or mapped */
	bool is_spilt;
	bool is_mapped;
	void *map; /* LEN + 1 bytes; NULL while not mapped, and of an empty blob */
};

struct orch_blob *orch_blob_create(const char *dir, size_t spill)
{
	struct orch_blob *blob = orch_alloc(sizeof(*blob));

	if (!blob)
		return NULL;
	blob->dir = orch_strdup(dir);
	if (!blob->dir) {
		orch_free(blob);
		return NULL;
	}
	blob->spill = spill;
	blob->fd = -1;
	return blob;
}

void orch_blob_destroy(struct orch_blob *blob)
{
	if (!blob)
		return;
	if (blob->map)
		(void)munmap(blob->map, blob->len + 1);
	if (blob->fd >= 0)
		(void)close(blob->fd);
	orch_free(blob->dir);
	orch_free(blob);
}

static int open_unlinked(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[PATH_MAX];
	int len;

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	/* A file system without O_TMPFILE. */
	len = snprintf(path, sizeof(path), "%s/blob.XXXXXX", dir);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static int copy_to(int to, int from, size_t len)
{
	off_t at = 0;

	while ((size_t)at < len) {
		ssize_t done = sendfile(to, from, &at, len - (size_t)at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = EIO;
		if (done <= 0)
			return -1;
	}
	return 0;
}

/* Moves what was written so far to a file. */
static int spill_over(struct orch_blob *blob)
{
	int fd = open_unlinked(blob->dir);
	int number;

	if (fd < 0)
		return -1;
	if (blob->fd >= 0 && copy_to(fd, blob->fd, blob->len) != 0) {
		number = errno;
		(void)close(fd);
		errno = number;
		return -1;
	}
	if (blob->fd >= 0)
		(void)close(blob->fd);
	blob->fd = fd;
	blob->is_spilt = true;
	return 0;
}

static int open_for(struct orch_blob *blob, size_t len)
{
	if (!blob->is_spilt && len > blob->spill)
		return spill_over(blob);
	if (blob->fd < 0)
		blob->fd = memfd_create("orch-blob", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return blob->fd < 0 ? -1 : 0;
}

int orch_blob_write(struct orch_blob *blob, const void *bytes, size_t len, struct orch_err *err)
{
	orch_assert(!blob->is_mapped);
	if (len == 0)
		return ORCH_OK;
	if (len >= SIZE_MAX / 2 - blob->len)
		return orch_fail(err, ORCH_E_LIMIT, "the blob is too long");
	if (open_for(blob, blob->len + len) != 0)
		return orch_file_fail(err, blob->dir, "open a file for a blob");
	/* What a failed write left behind is overwritten by the next. */
	if (lseek(blob->fd, (off_t)blob->len, SEEK_SET) < 0 ||
		orch_file_write_all(blob->fd, bytes, len) != 0)
		return orch_file_fail(err, blob->dir, "write a blob");
	blob->len += len;
	return ORCH_OK;
}

size_t orch_blob_len(const struct orch_blob *blob)
{
	return blob->len;
}

/* One byte longer than the blob, so that there is a NUL also where a page ends. */
static int seal_and_map(struct orch_blob *blob)
{
	void *map;

	if (ftruncate(blob->fd, (off_t)blob->len) != 0 ||
		ftruncate(blob->fd, (off_t)blob->len + 1) != 0)
		return -1;
	if (!blob->is_spilt &&
		fcntl(blob->fd, F_ADD_SEALS,
			F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		return -1;
	map = mmap(NULL, blob->len + 1, PROT_READ, MAP_PRIVATE, blob->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	blob->map = map;
	(void)close(blob->fd);
	blob->fd = -1;
	return 0;
}

int orch_blob_map(struct orch_blob *blob, struct orch_text *ret_bytes, struct orch_err *err)
{
	if (!blob->is_mapped && blob->len > 0 && seal_and_map(blob) != 0)
		return orch_file_fail(err, blob->dir, "map a blob");
	blob->is_mapped = true;
	*ret_bytes = blob->map ? (struct orch_text){ blob->map, blob->len } : ORCH_TEXT_NONE;
	return ORCH_OK;
}
