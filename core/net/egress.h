/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one gate through which anything leaves.
 *
 * An address is judged at the moment of connecting, on the very address that
 * is connected to, so no second look-up can change the answer.  Private,
 * loopback, link-local, carrier, multicast and mapped addresses are refused
 * unless the configuration's egress.allow names their network.
 */
#ifndef ORCH_EGRESS_H
#define ORCH_EGRESS_H
#include <sys/socket.h>
#include <orch/abi.h>
#include "base/arena.h"
#include "base/check.h"
#include "base/secret.h"
#include "net/url.h"

struct orch_network {        /* a CIDR block */
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;       /* of 128 */
};
ORCH_MUST_USE int orch_network_parse(
	struct orch_text text, struct orch_network *ret_network, struct orch_err *err);

/* A host that a credential may go to: "slack.com", "*.slack.com", "127.0.0.1:9000". */
struct orch_host_pattern {
	struct orch_text name; /* lower-case, without "*." */
	bool wildcard;         /* sub-domains, not the name itself */
	uint16_t
		port; /* 0: the scheme's default, or that of a configured service URL of this host */
};
ORCH_MUST_USE int orch_host_pattern_parse(struct orch_arena *arena, struct orch_text text,
	struct orch_host_pattern *ret_pattern, struct orch_err *err);

enum orch_scheme {
	ORCH_SCHEME_NONE = 0,
	ORCH_SCHEME_BEARER,
	ORCH_SCHEME_BASIC,
	ORCH_SCHEME_HEADER
};

struct orch_credential_entry {
	struct orch_text name;
	enum orch_scheme scheme;
	struct orch_text header; /* for SCHEME_HEADER: its name */
	struct orch_host_pattern *hosts;
	size_t host_count;
	const struct orch_secret *secret; /* NULL: not loaded (a command that does not need it) */
};

/* The origin of a service URL that the configuration names. */
struct orch_origin {
	struct orch_text scheme, host;
	uint16_t port;
};

struct orch_egress {
	const struct orch_network *allowed;
	size_t allowed_count;
	const struct orch_credential_entry *credentials; /* orch_credential N is entry N - 1 */
	size_t credential_count;
	const struct orch_origin *origins;
	size_t origin_count;
};

/* May this address be connected to? */
bool orch_egress_allows(const struct orch_egress *egress, const struct sockaddr *address);
/* NULL if so; else what it is, as one word: "private", "loopback", "link-local", … */
const char *orch_egress_refusal(const struct orch_egress *egress, const struct sockaddr *address);

/* May this be the name of a header (RFC 9110 5.6.2)? */
bool orch_egress_is_token(struct orch_text text);
/* NULL: there is none of this number. */
const struct orch_credential_entry *orch_egress_credential(
	const struct orch_egress *egress, orch_credential credential);

/*
 * May this credential go to this URL?  Its host must be in the credential's
 * list; the port must be the pattern's, the scheme's default, or that of a
 * configured origin with this host; clear-text http only for a configured
 * http origin.  On refusal ERR says why, without the secret.
 */
ORCH_MUST_USE int orch_egress_check_credential(const struct orch_egress *egress,
	orch_credential credential, const struct orch_url *url, struct orch_err *err);

/* The header line ("Authorization: Bearer …"), in RET of SIZE bytes; the caller wipes it. */
ORCH_MUST_USE int orch_egress_header(const struct orch_egress *egress, orch_credential credential,
	char *ret, size_t size, struct orch_err *err);

#endif
