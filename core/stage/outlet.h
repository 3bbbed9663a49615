/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the lines of the method LOG go: standard error, syslog, or files that
 * are appended to and opened again on request (rotation).
 */
#ifndef ORCH_OUTLET_H
#define ORCH_OUTLET_H
#include <orch/abi.h>
#include "base/check.h"

#define ORCH_OUTLET_FILES_MAX 64

struct orch_outlets;

struct orch_outlets *orch_outlets_create(void);
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

#endif
