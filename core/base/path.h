/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls by which a path is looked at or opened, for the whole core but
 * base/ itself: the one place where tests can make them fail.  As the C
 * library's of that name, errno included.
 */
#ifndef ORCH_PATH_H
#define ORCH_PATH_H
#include <dirent.h>
#include <sys/stat.h>

int orch_path_open(const char *path, int flags, unsigned mode);
int orch_path_stat(const char *path, struct stat *ret_status);
int orch_path_lstat(const char *path, struct stat *ret_status);
int orch_path_access(const char *path, int mode);
DIR *orch_path_opendir(const char *path);

/* For tests: the Nth of these calls from now fails with ERROR.  0: none. */
void orch_path_fail_at(unsigned n, int error);

#endif
