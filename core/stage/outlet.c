/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "base/text.h"

struct outlet {
	char *path;
	int fd;
};

struct orch_outlets {
	pthread_mutex_t lock;
	struct orch_outlet_syslog syslog;
	struct outlet files[ORCH_OUTLET_FILES_MAX];
	size_t count;
};

struct orch_outlets *orch_outlets_create(const struct orch_outlets_options *options)
{
	struct orch_outlets *outlets = orch_alloc(sizeof(*outlets));
	bool is_given = options != NULL && options->syslog != NULL;

	if (outlets == NULL)
		return NULL;
	(void)pthread_mutex_init(&outlets->lock, NULL);
	/* One that is too long is one that cannot be reached. */
	(void)orch_outlet_syslog_init(
		&outlets->syslog, is_given ? options->syslog : ORCH_OUTLET_SYSLOG);
	return outlets;
}

void orch_outlets_destroy(struct orch_outlets *outlets)
{
	if (outlets == NULL)
		return;
	orch_outlets_reopen(outlets);
	for (size_t i = 0; i < outlets->count; i++)
		orch_free(outlets->files[i].path);
	(void)pthread_mutex_destroy(&outlets->lock);
	orch_free(outlets);
}

static int write_line(int fd, struct orch_text line)
{
	char newline = '\n';
	union {
		const char *in;
		void *out;
	} bytes = { .in = line.ptr }; /* writev() does not write to what iov_base points at */
	struct iovec pieces[] = { { bytes.out, line.len }, { &newline, 1 } };
	ssize_t written;

	do
		written = writev(fd, pieces, 2);
	while (written < 0 && errno == EINTR);
	if (written < 0)
		return errno;
	return (size_t)written == line.len + 1 ? 0 : ENOSPC;
}

static int refuse_kind(const char *path, struct orch_err *err)
{
	return orch_fail(err, ORCH_E_INVALID,
		"%s: is a folder, a pipe, a socket or a device; must be a file", path);
}

/* Whoever opened a pipe or a device could be made to wait for good. */
static int open_file(struct outlet *file, struct orch_err *err)
{
	struct stat found;
	int fd;

	if (file->fd >= 0)
		return ORCH_OK;
	fd = orch_path_open(file->path,
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0 && (errno == EISDIR || errno == ENXIO))
		return refuse_kind(file->path, err);
	if (fd < 0)
		return orch_fail(err, ORCH_E_AGAIN, "%s: %s", file->path, orch_errno_text(errno));
	if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
		(void)close(fd);
		return refuse_kind(file->path, err);
	}
	file->fd = fd;
	return ORCH_OK;
}

static int get_file(struct orch_outlets *outlets, struct orch_text path, struct outlet **ret_file,
	struct orch_err *err)
{
	struct outlet *file;

	for (size_t i = 0; i < outlets->count; i++)
		if (orch_text_is(path, outlets->files[i].path)) {
			*ret_file = &outlets->files[i];
			return open_file(*ret_file, err);
		}
	if (outlets->count == ORCH_OUTLET_FILES_MAX)
		return orch_fail(
			err, ORCH_E_LIMIT, "more than %d log files", ORCH_OUTLET_FILES_MAX);
	file = &outlets->files[outlets->count];
	file->path = orch_alloc(path.len + 1);
	if (file->path == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for a log file");
	memcpy(file->path, path.ptr, path.len);
	file->fd = -1;
	outlets->count++;
	*ret_file = file;
	return open_file(file, err);
}

static int write_file(struct orch_outlets *outlets, struct orch_text path, struct orch_text line,
	struct orch_err *err)
{
	struct outlet *file = NULL;
	int rc, error = 0;

	pthread_mutex_lock(&outlets->lock);
	rc = get_file(outlets, path, &file, err);
	if (rc == ORCH_OK)
		error = write_line(file->fd, line);
	if (error != 0)
		rc = orch_fail(err, ORCH_E_AGAIN, "%s: %s", file->path, orch_errno_text(error));
	pthread_mutex_unlock(&outlets->lock);
	return rc;
}

static int write_stderr(struct orch_text line, struct orch_err *err)
{
	struct orch_buf buf;
	int rc;

	orch_buf_init(&buf, line.len + 1);
	orch_buf_add_text(&buf, line);
	orch_buf_add_char(&buf, '\n');
	rc = buf.failed ? orch_fail(err, ORCH_E_AGAIN, "out of memory")
			: orch_log_pass(orch_buf_text(&buf), err);
	orch_buf_fini(&buf);
	if (rc != ORCH_OK)
		orch_err_prefix(err, "stderr");
	return rc;
}

bool orch_outlet_file(struct orch_text url, struct orch_text *ret_path)
{
	static const char prefix[] = "log:file/";
	size_t len = sizeof(prefix) - 1;

	if (!orch_text_starts_with(url, ORCH_TEXT(prefix)) || url.len == len)
		return false;
	*ret_path = (struct orch_text){ url.ptr + len, url.len - len };
	return true;
}

static int write_syslog(struct orch_outlets *outlets, struct orch_text line, struct orch_err *err)
{
	int rc;

	pthread_mutex_lock(&outlets->lock);
	rc = orch_outlet_syslog_write(&outlets->syslog, line, err);
	pthread_mutex_unlock(&outlets->lock);
	return rc;
}

int orch_outlets_write(struct orch_outlets *outlets, struct orch_text url, struct orch_text line,
	struct orch_err *err)
{
	struct orch_text path;

	if (orch_text_is(url, "log:syslog"))
		return write_syslog(outlets, line, err);
	if (orch_outlet_file(url, &path))
		return write_file(outlets, path, line, err);
	if (!orch_text_is(url, "log:stderr"))
		return orch_fail(err, ORCH_E_INVALID,
			"a log goes to log:stderr, log:syslog or log:file/PATH");
	return write_stderr(line, err);
}

void orch_outlets_reopen(struct orch_outlets *outlets)
{
	pthread_mutex_lock(&outlets->lock);
	orch_outlet_syslog_close(&outlets->syslog);
	for (size_t i = 0; i < outlets->count; i++)
		if (outlets->files[i].fd >= 0) {
			(void)close(outlets->files[i].fd);
			outlets->files[i].fd = -1;
		}
	pthread_mutex_unlock(&outlets->lock);
}
