/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that touches the file system outside of SQLite. */
#ifndef ORCH_FILE_H
#define ORCH_FILE_H
#include <orch/abi.h>
#include "base/arena.h"
#include "base/check.h"

/* The whole file, at most LIMIT bytes, in ARENA. */
ORCH_MUST_USE int orch_file_read(const char *path, size_t limit, struct orch_arena *arena,
	struct orch_text *ret_bytes, struct orch_err *err);
/* The same, but what is no regular file (a pipe would hold us up) is refused. */
ORCH_MUST_USE int orch_file_read_regular(const char *path, size_t limit, struct orch_arena *arena,
	struct orch_text *ret_bytes, struct orch_err *err);
/* Written aside, flushed, renamed in. */
ORCH_MUST_USE int orch_file_write(
	const char *path, struct orch_text bytes, unsigned mode, struct orch_err *err);
/* The same, but what is there already stays. */
ORCH_MUST_USE int orch_file_create(
	const char *path, struct orch_text bytes, unsigned mode, struct orch_err *err);
/* A directory of ours or root's that nobody else may write to? */
ORCH_MUST_USE int orch_file_check_dir(const char *path, struct orch_err *err);
/* Creates PATH (0700) if it is not there; refuses one that others may write to. */
ORCH_MUST_USE int orch_file_make_dir(const char *path, struct orch_err *err);
/*
 * Holds PATH (created if it is not there) as one of those who use what it
 * stands for.  *ret_alone: nobody else holds it, and nobody gets it before
 * orch_file_share() is called.  The hold ends when *ret_fd is closed.
 */
ORCH_MUST_USE int orch_file_hold(
	const char *path, int *ret_fd, bool *ret_alone, struct orch_err *err);
ORCH_MUST_USE int orch_file_share(int fd, struct orch_err *err);

void orch_file_remove(const char *path); /* if it is there */

/* The folder that the running program lies in; empty if that is not to be known. */
struct orch_text orch_file_program_folder(struct orch_arena *arena);

/* What an unprivileged user may still use. */
ORCH_MUST_USE int orch_file_free_bytes(const char *path, uint64_t *ret_bytes, struct orch_err *err);

/*
 * Bytes too many for the heap: written once, then sealed and mapped.
 * Lives in a memfd up to SPILL bytes, in an unlinked file of DIR beyond.
 */
struct orch_blob;
struct orch_blob *orch_blob_create(const char *dir, size_t spill);
void orch_blob_destroy(struct orch_blob *blob); /* accepts NULL; unmaps */
ORCH_MUST_USE int orch_blob_write(
	struct orch_blob *blob, const void *bytes, size_t len, struct orch_err *err);
size_t orch_blob_len(const struct orch_blob *blob);
/* No more writes.  The bytes stay until destroy; NUL behind them. */
ORCH_MUST_USE int orch_blob_map(
	struct orch_blob *blob, struct orch_text *ret_bytes, struct orch_err *err);

#endif
