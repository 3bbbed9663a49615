/* SPDX-License-Identifier: Apache-2.0 */
/* What file.c and blob.c share. */
#ifndef ORCH_FILE_IO_H
#define ORCH_FILE_IO_H
#include <orch/abi.h>

/*
 * Notes "PATH: cannot WHAT: " and the text of errno.  ORCH_E_INVALID: the path
 * is wrong; DENIED: not allowed; LIMIT: no space; NOMEM; AGAIN: anything else.
 */
int orch_file_fail(struct orch_err *err, const char *path, const char *what);

/* 0, or -1 with errno set. */
int orch_file_write_all(int fd, const void *bytes, size_t len);

#endif
