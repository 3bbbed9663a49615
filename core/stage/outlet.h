/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the lines of the method LOG go: standard error, syslog, or files that
 * are appended to and opened again on request (rotation).
 *
 *   outlet.c          the three ways, and the files
 *   outlet_syslog.c   a socket to /dev/log: syslog(3) does not tell what is lost
 */
#ifndef ORCH_OUTLET_H
#define ORCH_OUTLET_H
#include <orch/abi.h>
#include "base/check.h"

#define ORCH_OUTLET_FILES_MAX 64

struct orch_outlets;

#define ORCH_OUTLET_SYSLOG "/dev/log"

struct orch_outlets_options {
	const char *syslog; /* its socket; NULL: SYSLOG; copied */
};

/* OPTIONS may be NULL.  NULL: no memory. */
struct orch_outlets *orch_outlets_create(const struct orch_outlets_options *options);
void orch_outlets_destroy(struct orch_outlets *outlets);

/* Whether URL is that of a file, and which. */
bool orch_outlet_file(struct orch_text url, struct orch_text *ret_path);

/*
 * URL: "log:stderr", "log:syslog", "log:file/PATH".  One write for the line
 * and its newline; it never waits for a reader.  ORCH_E_AGAIN: not now.
 */
ORCH_MUST_USE int orch_outlets_write(struct orch_outlets *outlets, struct orch_text url,
	struct orch_text line, struct orch_err *err);
void orch_outlets_reopen(struct orch_outlets *outlets);

/* A datagram socket to who keeps the system's log; opened when it is needed.  Not for two threads at once. */
struct orch_outlet_syslog {
	char path[108]; /* as in struct sockaddr_un */
	int fd;         /* -1: not open */
};
/* False: the path is too long. */
bool orch_outlet_syslog_init(struct orch_outlet_syslog *log, const char *path);
void orch_outlet_syslog_close(struct orch_outlet_syslog *log);
/* ORCH_E_AGAIN: nobody is there, or he does not keep up; ORCH_E_LIMIT: too long for him. */
ORCH_MUST_USE int orch_outlet_syslog_write(
	struct orch_outlet_syslog *log, struct orch_text line, struct orch_err *err);

#endif
