/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as 16 bytes (IPv4 as ::ffff:a.b.c.d), and what kind of network they are of. */
#ifndef ORCH_ADDRESS_H
#define ORCH_ADDRESS_H
#include "net/egress.h"

#define ORCH_ADDRESS_CHARS 64 /* of "[IPv6]:port" and NUL */

/* False for what is neither IPv4 nor IPv6. */
bool orch_address_from(const struct sockaddr *address, uint8_t ret_bytes[16]);
bool orch_network_has(const struct orch_network *network, const uint8_t address[16]);

/*
 * The IPv4 address, mapped, that a translated address (64:ff9b::/96, 2002::/16)
 * leads to; false if there is none.
 */
bool orch_address_embedded(const uint8_t address[16], uint8_t ret_mapped[16]);

/* "private", "loopback", "link-local", … as one word; NULL for a public address. */
const char *orch_address_kind(const uint8_t address[16]);

/* From "127.0.0.1" or "::1". */
bool orch_address_parse(const char *ip, uint16_t port, struct sockaddr_storage *ret_address);
/* "127.0.0.1", "::1"; "unknown" for other families. */
void orch_address_format(const struct sockaddr *address, char ret_text[ORCH_ADDRESS_CHARS]);
/* "127.0.0.1:9000", "[::1]:9000". */
void orch_address_format_port(const struct sockaddr *address, char ret_text[ORCH_ADDRESS_CHARS]);

#endif
