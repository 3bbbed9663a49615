/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"

#define MAPPED 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
#define V4_BITS 96 /* of the prefix of mapped addresses */

struct range {
	struct orch_network network;
	const char *kind;
};

/* RFC 6890 and its successors: what is not the public internet. */
static const struct range ipv4_ranges[] = {
	{ { { MAPPED, 0 }, V4_BITS + 8 }, "unspecified" },
	{ { { MAPPED, 10 }, V4_BITS + 8 }, "private" },
	{ { { MAPPED, 100, 64 }, V4_BITS + 10 }, "carrier-private" },
	{ { { MAPPED, 127 }, V4_BITS + 8 }, "loopback" },
	{ { { MAPPED, 169, 254 }, V4_BITS + 16 }, "link-local" },
	{ { { MAPPED, 172, 16 }, V4_BITS + 12 }, "private" },
	{ { { MAPPED, 192, 0, 0 }, V4_BITS + 24 }, "reserved" },
	{ { { MAPPED, 192, 0, 2 }, V4_BITS + 24 }, "reserved" },
	{ { { MAPPED, 192, 168 }, V4_BITS + 16 }, "private" },
	{ { { MAPPED, 198, 18 }, V4_BITS + 15 }, "reserved" },
	{ { { MAPPED, 198, 51, 100 }, V4_BITS + 24 }, "reserved" },
	{ { { MAPPED, 203, 0, 113 }, V4_BITS + 24 }, "reserved" },
	{ { { MAPPED, 224 }, V4_BITS + 4 }, "multicast" },
	{ { { MAPPED, 240 }, V4_BITS + 4 }, "reserved" },
};

static const struct range ipv6_ranges[] = {
	{ { { 0 }, 128 }, "unspecified" },
	{ { { [15] = 1 }, 128 }, "loopback" },
	{ { { 0xfe, 0x80 }, 10 }, "link-local" },
	{ { { 0xfc }, 7 }, "private" },
	{ { { 0xff }, 8 }, "multicast" },
	{ { { 0x20, 0x01, 0, 0 }, 32 }, "reserved" }, /* Teredo: IPv4 in disguise */
	{ { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, "reserved" },
	{ { { 0x3f, 0xff, 0 }, 20 }, "reserved" },
};

/* Everything that was ever given out as public lies in here. */
static const struct orch_network ipv6_public = { { 0x20 }, 3 };
static const struct orch_network mapped = { { MAPPED }, V4_BITS };
static const struct orch_network nat64 = { { 0, 0x64, 0xff, 0x9b }, 96 };
static const struct orch_network six_to_four = { { 0x20, 0x02 }, 16 };

bool orch_network_has(const struct orch_network *network, const uint8_t address[16])
{
	size_t bytes = network->bits / 8;
	unsigned rest = network->bits % 8;
	unsigned mask = 0xff00u >> rest & 0xffu;

	if (memcmp(network->address, address, bytes) != 0)
		return false;
	return rest == 0 || ((unsigned)(network->address[bytes] ^ address[bytes]) & mask) == 0;
}

static void map_ipv4(const uint8_t ipv4[4], uint8_t ret_bytes[16])
{
	memcpy(ret_bytes, mapped.address, 12);
	memcpy(ret_bytes + 12, ipv4, 4);
}

bool orch_address_from(const struct sockaddr *address, uint8_t ret_bytes[16])
{
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	if (address->sa_family == AF_INET) {
		memcpy(&ipv4, address, sizeof(ipv4));
		map_ipv4((const uint8_t *)&ipv4.sin_addr, ret_bytes);
		return true;
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&ipv6, address, sizeof(ipv6));
	memcpy(ret_bytes, &ipv6.sin6_addr, 16);
	return true;
}

bool orch_address_parse(const char *ip, uint16_t port, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET, ip, &ipv4.sin_addr) == 1)
		memcpy(ret_address, &ipv4, sizeof(ipv4));
	else if (inet_pton(AF_INET6, ip, &ipv6.sin6_addr) == 1)
		memcpy(ret_address, &ipv6, sizeof(ipv6));
	else
		return false;
	return true;
}

bool orch_address_embedded(const uint8_t address[16], uint8_t ret_mapped[16])
{
	uint8_t ipv4[4];

	if (orch_network_has(&nat64, address))
		memcpy(ipv4, address + 12, 4);
	else if (orch_network_has(&six_to_four, address))
		memcpy(ipv4, address + 2, 4);
	else
		return false;
	map_ipv4(ipv4, ret_mapped);
	return true;
}

static const char *find_kind(const struct range *ranges, size_t count, const uint8_t address[16])
{
	for (size_t i = 0; i < count; i++) {
		if (orch_network_has(&ranges[i].network, address))
			return ranges[i].kind;
	}
	return NULL;
}

const char *orch_address_kind(const uint8_t address[16])
{
	uint8_t embedded[16];
	const char *kind;

	if (orch_address_embedded(address, embedded))
		address = embedded;
	if (orch_network_has(&mapped, address))
		return find_kind(
			ipv4_ranges, sizeof(ipv4_ranges) / sizeof(ipv4_ranges[0]), address);
	kind = find_kind(ipv6_ranges, sizeof(ipv6_ranges) / sizeof(ipv6_ranges[0]), address);
	if (!kind && !orch_network_has(&ipv6_public, address))
		kind = "reserved";
	return kind;
}

static bool format_ip(const struct sockaddr *address, char *ret_text, uint16_t *ret_port)
{
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	if (address->sa_family == AF_INET) {
		memcpy(&ipv4, address, sizeof(ipv4));
		*ret_port = ntohs(ipv4.sin_port);
		return inet_ntop(AF_INET, &ipv4.sin_addr, ret_text, INET6_ADDRSTRLEN) != NULL;
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&ipv6, address, sizeof(ipv6));
	*ret_port = ntohs(ipv6.sin6_port);
	return inet_ntop(AF_INET6, &ipv6.sin6_addr, ret_text, INET6_ADDRSTRLEN) != NULL;
}

void orch_address_format(const struct sockaddr *address, char ret_text[ORCH_ADDRESS_CHARS])
{
	uint16_t port;

	if (!format_ip(address, ret_text, &port))
		(void)snprintf(ret_text, ORCH_ADDRESS_CHARS, "unknown");
}

void orch_address_format_port(const struct sockaddr *address, char ret_text[ORCH_ADDRESS_CHARS])
{
	char ip[INET6_ADDRSTRLEN];
	bool is_ipv6 = address->sa_family == AF_INET6;
	uint16_t port;

	if (!format_ip(address, ip, &port))
		(void)snprintf(ret_text, ORCH_ADDRESS_CHARS, "unknown");
	else
		(void)snprintf(ret_text, ORCH_ADDRESS_CHARS, is_ipv6 ? "[%s]:%u" : "%s:%u", ip,
			(unsigned)port);
}

static int parse_address(struct orch_text text, uint8_t ret_bytes[16], bool *ret_is_ipv4)
{
	char string[INET6_ADDRSTRLEN] = { 0 };
	uint8_t ipv4[4];

	if (text.len == 0 || text.len >= sizeof(string) || memchr(text.ptr, '\0', text.len))
		return ORCH_E_INVALID;
	memcpy(string, text.ptr, text.len);
	*ret_is_ipv4 = inet_pton(AF_INET, string, ipv4) == 1;
	if (*ret_is_ipv4)
		map_ipv4(ipv4, ret_bytes);
	else if (inet_pton(AF_INET6, string, ret_bytes) != 1)
		return ORCH_E_INVALID;
	return ORCH_OK;
}

/* Is there a bit behind the first BITS? */
static bool has_host_bits(const struct orch_network *network)
{
	for (unsigned bit = network->bits; bit < 128; bit++) {
		if (network->address[bit / 8] & (0x80u >> bit % 8))
			return true;
	}
	return false;
}

int orch_network_parse(
	struct orch_text text, struct orch_network *ret_network, struct orch_err *err)
{
	struct orch_network network;
	struct orch_text rest = text, address = { "", 0 };
	uint64_t bits;
	bool is_ipv4;

	if (!orch_text_split(&rest, '/', &address) ||
		parse_address(address, network.address, &is_ipv4) != ORCH_OK)
		return orch_fail(err, ORCH_E_INVALID,
			"not a network; write it as \"10.0.0.0/8\" or \"fd00::/8\"");
	bits = is_ipv4 ? 32 : 128;
	if (address.len < text.len) {
		rest = (struct orch_text){ text.ptr + address.len + 1, text.len - address.len - 1 };
		if (orch_text_to_uint(rest, 0, bits, &bits) != ORCH_OK)
			return orch_fail(err, ORCH_E_INVALID,
				"what follows the \"/\" must be a number from 0 to %d",
				is_ipv4 ? 32 : 128);
	}
	network.bits = (unsigned)bits + (is_ipv4 ? V4_BITS : 0);
	if (has_host_bits(&network))
		return orch_fail(err, ORCH_E_INVALID,
			"the address has bits behind the first %u; for the one host write /%d",
			(unsigned)bits, is_ipv4 ? 32 : 128);
	*ret_network = network;
	return ORCH_OK;
}
