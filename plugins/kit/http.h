/* SPDX-License-Identifier: Apache-2.0 */
/* Headers in the form "Name: value\n" each, and the few things a plugin must know of a URL. */
#ifndef KIT_HTTP_H
#define KIT_HTTP_H
#include "kit/text.h"

/* How often NAME stands in HEADERS, in any case of letters; *ret_value is the first, trimmed. */
size_t kit_header(struct orch_text headers, const char *name, struct orch_text *ret_value);

/* The value of a header that must stand there exactly once. */
bool kit_header_once(struct orch_text headers, const char *name, struct orch_text *ret_value);

struct kit_url {
	struct orch_text scheme, host, port; /* port is empty if none is given */
	struct orch_text rest;               /* from the first "/", "?" or "#" on; may be empty */
};

/* Absolute http and https URLs only, without a user, with an ordinary host name or address. */
bool kit_url_parse(struct orch_text url, struct kit_url *ret_url);
bool kit_url_same_origin(const struct kit_url *a, const struct kit_url *b);

#endif
