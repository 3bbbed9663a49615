/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/sodium.h"

#define UUID_BYTES 16

/* Names of this program live in this namespace; to change it is to rename everything. */
static const uint8_t namespace_uuid[UUID_BYTES] = { 0x6f, 0x72, 0x63, 0x68, 0x1d, 0x5a, 0x4c, 0x0e,
	0x9b, 0x21, 0x3e, 0x77, 0xa4, 0x58, 0xc2, 0x90 };

void orch_hex_encode(const void *bytes, size_t len, char *ret)
{
	(void)sodium_bin2hex(ret, len * 2 + 1, bytes, len);
}

int orch_hex_decode(struct orch_text hex, void *ret, size_t len)
{
	size_t got;

	if (hex.len != len * 2)
		return ORCH_E_INVALID;
	if (len == 0)
		return ORCH_OK;
	if (sodium_hex2bin(ret, len, hex.ptr, hex.len, NULL, &got, NULL) != 0 || got != len)
		return ORCH_E_INVALID;
	return ORCH_OK;
}

size_t orch_base64_encode(const void *bytes, size_t len, char *ret)
{
	size_t size = (len + 2) / 3 * 4 + 1;

	(void)sodium_bin2base64(ret, size, bytes, len, sodium_base64_VARIANT_ORIGINAL);
	return size - 1;
}

int orch_base64_decode(struct orch_text text, void *ret, size_t *ret_len)
{
	size_t len;

	if (text.len == 0) {
		*ret_len = 0;
		return ORCH_OK;
	}
	if (sodium_base642bin(ret, text.len / 4 * 3 + 3, text.ptr, text.len, NULL, &len, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0)
		return ORCH_E_INVALID;
	*ret_len = len;
	return ORCH_OK;
}

static void add_length(SHA_CTX *sha, uint64_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(len >> (56 - 8 * i));
	(void)SHA1_Update(sha, bytes, sizeof(bytes));
}

/* Digits by fours, with hyphens behind the 4th, 6th, 8th and 10th byte. */
static void format_uuid(const uint8_t *bytes, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*ret++ = '-';
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 0xf];
	}
	*ret = '\0';
}

/*
 * SHA-1 by its plain functions: they need no memory and no provider, so a name
 * can always be derived.  Nothing here rests on SHA-1 being strong.
 */
void orch_uuid5(const struct orch_text *pieces, size_t count, char ret[ORCH_UUID_CHARS + 1])
{
	uint8_t digest[SHA_DIGEST_LENGTH];
	SHA_CTX sha;

	(void)SHA1_Init(&sha);
	(void)SHA1_Update(&sha, namespace_uuid, sizeof(namespace_uuid));
	for (size_t i = 0; i < count; i++) {
		add_length(&sha, pieces[i].len);
		if (pieces[i].len > 0)
			(void)SHA1_Update(&sha, pieces[i].ptr, pieces[i].len);
	}
	(void)SHA1_Final(digest, &sha);
	digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50);
	digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
	format_uuid(digest, ret);
}
