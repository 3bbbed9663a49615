/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/check.h"
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

/* OpenSSL's, for libsodium's takes the same time for all bytes and ten times as long. */
size_t orch_base64_encode(const void *bytes, size_t len, char *ret)
{
	orch_assert(len <= INT_MAX / 2);
	return (size_t)EVP_EncodeBlock((unsigned char *)ret, bytes, (int)len);
}

static size_t count_padding(struct orch_text text)
{
	if (text.ptr[text.len - 1] != '=')
		return 0;
	return text.ptr[text.len - 2] == '=' ? 2 : 1;
}

/* Of one text for the same bytes there is only one: the bits that pad the last of them are 0. */
static bool ends_as_encoded(struct orch_text text, const uint8_t *bytes, size_t len)
{
	size_t groups = text.len / 4;
	char last[5];

	(void)orch_base64_encode(bytes + (groups - 1) * 3, len - (groups - 1) * 3, last);
	return memcmp(last, text.ptr + (groups - 1) * 4, 4) == 0;
}

int orch_base64_decode(struct orch_text text, void *ret, size_t *ret_len)
{
	size_t padding, len;

	*ret_len = 0;
	if (text.len == 0)
		return ORCH_OK;
	if (text.len % 4 != 0 || text.len > INT_MAX)
		return ORCH_E_INVALID;
	padding = count_padding(text);
	len = text.len / 4 * 3;
	if (memchr(text.ptr, '=', text.len - padding) != NULL ||
		EVP_DecodeBlock(ret, (const unsigned char *)text.ptr, (int)text.len) != (int)len ||
		!ends_as_encoded(text, ret, len - padding))
		return ORCH_E_INVALID;
	*ret_len = len - padding;
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
