/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file_io.h"
#include "base/hash.h"
#include "base/text.h"

#define READ_BYTES 16384

int orch_file_fail(struct orch_err *err, const char *path, const char *what)
{
	int number = errno;
	int code;

	switch (number) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ELOOP:
	case ENAMETOOLONG:
	case EINVAL:
		code = ORCH_E_INVALID;
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		code = ORCH_E_DENIED;
		break;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		code = ORCH_E_LIMIT;
		break;
	case ENOMEM:
		code = ORCH_E_NOMEM;
		break;
	default:
		code = ORCH_E_AGAIN;
	}
	return orch_fail(err, code, "%s: cannot %s: %s", path, what, orch_errno_text(number));
}

int orch_file_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t done = write(fd, at, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		at += done;
		len -= (size_t)done;
	}
	return 0;
}

/* Up to one byte more than LIMIT, which shows that there is more. */
static int read_all(int fd, size_t limit, struct orch_buf *buf)
{
	char bytes[READ_BYTES];

	while (buf->len <= limit && !buf->failed) {
		size_t left = limit + 1 - buf->len;
		ssize_t got = read(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		orch_buf_add(buf, bytes, (size_t)got);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return 0;
}

static int read_open(int fd, const char *path, size_t limit, struct orch_arena *arena,
	struct orch_text *ret_bytes, struct orch_err *err)
{
	struct orch_text bytes;
	struct orch_buf buf;
	int code = ORCH_OK;

	orch_buf_init(&buf, limit + 1);
	if (read_all(fd, limit, &buf) != 0) {
		code = orch_file_fail(err, path, "read");
	} else if (buf.len > limit) {
		code = orch_fail(err, ORCH_E_LIMIT, "%s: larger than %zu bytes", path, limit);
	} else {
		bytes = orch_arena_text(arena, orch_buf_text(&buf));
		if (buf.failed || orch_arena_failed(arena))
			code = orch_fail(err, ORCH_E_NOMEM, "%s: out of memory", path);
		else
			*ret_bytes = bytes;
	}
	/* It may have been a secret. */
	if (buf.ptr)
		explicit_bzero(buf.ptr, buf.size);
	orch_buf_fini(&buf);
	return code;
}

int orch_file_read(const char *path, size_t limit, struct orch_arena *arena,
	struct orch_text *ret_bytes, struct orch_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int code;

	if (fd < 0)
		return orch_file_fail(err, path, "open");
	code = read_open(fd, path, limit, arena, ret_bytes, err);
	(void)close(fd);
	return code;
}

int orch_file_read_regular(const char *path, size_t limit, struct orch_arena *arena,
	struct orch_text *ret_bytes, struct orch_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat found;
	int code;

	/* A socket cannot be opened at all. */
	if (fd < 0 && errno != ENXIO)
		return orch_file_fail(err, path, "open");
	if (fd < 0 || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
		code = orch_fail(err, ORCH_E_INVALID, "%s: not a regular file", path);
	else
		code = read_open(fd, path, limit, arena, ret_bytes, err);
	if (fd >= 0)
		(void)close(fd);
	return code;
}

/* Makes a rename within the directory of PATH durable. */
static int sync_dir_of(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	int fd;
	int failed;

	if (len >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (len == 0)
		(void)snprintf(dir, sizeof(dir), "%s", slash ? "/" : ".");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	failed = fsync(fd);
	(void)close(fd);
	return failed;
}

static int write_new(const char *path, struct orch_text bytes, unsigned mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int number = 0;

	if (fd < 0)
		return -1;
	if (fchmod(fd, (mode_t)mode) != 0 || orch_file_write_all(fd, bytes.ptr, bytes.len) != 0 ||
		fsync(fd) != 0)
		number = errno;
	if (close(fd) != 0 && number == 0)
		number = errno;
	errno = number;
	return number == 0 ? 0 : -1;
}

/* What is there already stays. */
static int link_in(const char *aside, const char *path)
{
	if (link(aside, path) != 0 && errno != EEXIST)
		return -1;
	(void)unlink(aside);
	return 0;
}

/* Written aside, flushed, put in its place by PLACE. */
static int put_in_place(const char *path, struct orch_text bytes, unsigned mode,
	int (*place)(const char *aside, const char *path), struct orch_err *err)
{
	char aside[PATH_MAX];
	uint8_t random[8];
	char suffix[2 * sizeof(random) + 1];
	int len;
	int code;

	orch_random_bytes(random, sizeof(random));
	orch_hex_encode(random, sizeof(random), suffix);
	len = snprintf(aside, sizeof(aside), "%s.%s", path, suffix);
	if (len < 0 || (size_t)len >= sizeof(aside))
		return orch_fail(err, ORCH_E_INVALID, "the path is too long");
	if (write_new(aside, bytes, mode) != 0 || place(aside, path) != 0) {
		code = orch_file_fail(err, path, "write");
		(void)unlink(aside);
		return code;
	}
	return sync_dir_of(path) == 0 ? ORCH_OK : orch_file_fail(err, path, "flush");
}

int orch_file_write(const char *path, struct orch_text bytes, unsigned mode, struct orch_err *err)
{
	return put_in_place(path, bytes, mode, rename, err);
}

int orch_file_create(const char *path, struct orch_text bytes, unsigned mode, struct orch_err *err)
{
	return put_in_place(path, bytes, mode, link_in, err);
}

int orch_file_check_dir(const char *path, struct orch_err *err)
{
	struct stat found;

	if (stat(path, &found) != 0)
		return orch_file_fail(err, path, "look at the directory");
	if (!S_ISDIR(found.st_mode))
		return orch_fail(err, ORCH_E_INVALID, "%s: not a directory", path);
	if (found.st_uid != geteuid() && found.st_uid != 0)
		return orch_fail(err, ORCH_E_DENIED, "%s: belongs to another user", path);
	if (found.st_mode & (S_IWGRP | S_IWOTH))
		return orch_fail(err, ORCH_E_DENIED, "%s: others may write to it", path);
	return ORCH_OK;
}

int orch_file_make_dir(const char *path, struct orch_err *err)
{
	if (mkdir(path, 0700) == 0)
		return ORCH_OK;
	if (errno != EEXIST)
		return orch_file_fail(err, path, "create the directory");
	return orch_file_check_dir(path, err);
}

int orch_file_free_bytes(const char *path, uint64_t *ret_bytes, struct orch_err *err)
{
	struct statvfs room;

	if (statvfs(path, &room) != 0)
		return orch_file_fail(err, path, "ask for free space");
	*ret_bytes = (uint64_t)room.f_bavail * room.f_frsize;
	return ORCH_OK;
}

struct orch_text orch_file_program_folder(struct orch_arena *arena)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
	const char *slash = length <= 0 ? NULL : memrchr(path, '/', (size_t)length);

	if (slash == NULL)
		return ORCH_TEXT_NONE;
	return orch_arena_text(arena, (struct orch_text){ path, (size_t)(slash - path) });
}

void orch_file_remove(const char *path)
{
	(void)unlink(path);
}
