/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and host patterns as people write them in the configuration. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/address.h"

#define TEXT_BYTES 1024

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* The C library must know the address too, and the network must hold it, and nothing too far away. */
static void check_network(const char *text)
{
	struct orch_network network;
	struct orch_err err = { "" };
	char address[TEXT_BYTES];
	uint8_t other[16];

	if (orch_network_parse(orch_text_from(text), &network, &err) != ORCH_OK) {
		require(err.text[0] != '\0');
		return;
	}
	(void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(text, "/"), text);
	require(inet_pton(AF_INET, address, other) == 1 ||
		inet_pton(AF_INET6, address, other) == 1);
	require(network.bits <= 128);
	require(orch_network_has(&network, network.address));
	if (network.bits == 0)
		return;
	memcpy(other, network.address, sizeof(other));
	other[(network.bits - 1) / 8] ^= (uint8_t)(0x80 >> (network.bits - 1) % 8);
	require(!orch_network_has(&network, other));
}

static void check_pattern(struct orch_arena *arena, const char *text)
{
	struct orch_host_pattern pattern, again;
	struct orch_err err = { "" };
	char written[TEXT_BYTES + 16];

	if (orch_host_pattern_parse(arena, orch_text_from(text), &pattern, &err) != ORCH_OK) {
		require(err.text[0] != '\0');
		return;
	}
	require(pattern.name.len > 0 && !memchr(pattern.name.ptr, '*', pattern.name.len));
	for (size_t i = 0; i < pattern.name.len; i++)
		require(pattern.name.ptr[i] > ' ' && pattern.name.ptr[i] <= '~' &&
			!(pattern.name.ptr[i] >= 'A' && pattern.name.ptr[i] <= 'Z'));
	(void)snprintf(written, sizeof(written),
		memchr(pattern.name.ptr, ':', pattern.name.len) ? "%s[%.*s]" : "%s%.*s",
		pattern.wildcard ? "*." : "", ORCH_TEXT_ARG(pattern.name));
	if (pattern.port != 0)
		(void)snprintf(written + strlen(written), 8, ":%u", (unsigned)pattern.port);
	require(orch_host_pattern_parse(arena, orch_text_from(written), &again, &err) == ORCH_OK);
	require(orch_text_equal(pattern.name, again.name));
	require(pattern.wildcard == again.wildcard && pattern.port == again.port);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct orch_arena *arena = orch_arena_create(0);
	char text[TEXT_BYTES];

	require(arena != NULL);
	if (len < sizeof(text)) {
		if (len > 0)
			memcpy(text, bytes, len);
		text[len] = '\0';
		check_network(text);
		check_pattern(arena, text);
	}
	orch_arena_destroy(arena);
	return 0;
}
