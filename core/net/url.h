/* SPDX-License-Identifier: Apache-2.0 */
/* URLs as we accept them: absolute, http, https or smtp(s), no user info, no odd characters. */
#ifndef ORCH_URL_H
#define ORCH_URL_H
#include <orch/abi.h>
#include "base/check.h"

struct orch_url {
	struct orch_text scheme; /* lower-case */
	struct orch_text
		host; /* lower-case name, dotted quad, or IPv6 without brackets; at most 253 bytes */
	uint16_t port;           /* the scheme's default if not given */
	struct orch_text target; /* path and query, "/" at least; no fragment */
	char host_buf[256];
	char scheme_buf[8];
};

/* HOST and SCHEME point into *ret_url, TARGET into TEXT.  Refuses what curl or another parser could read otherwise. */
ORCH_MUST_USE int orch_url_parse(
	struct orch_text text, struct orch_url *ret_url, struct orch_err *err);
uint16_t orch_url_default_port(struct orch_text scheme); /* 0: unknown scheme */

#endif
