/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests come from OpenSSL, whose contexts each thread keeps: to make one
 * costs more than to hash a message.  Where OpenSSL has no memory, libsodium
 * does the same work on the stack, so that hashing never fails.
 */
#include "base/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sodium.h"
#include "base/text.h"

struct contexts {
	EVP_MD_CTX *sha256;
	EVP_MAC_CTX *hmac;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_thread_end;
static EVP_MD *sha256_method;
static EVP_MAC *hmac_method;
static unsigned char siphash_key[crypto_shorthash_KEYBYTES];

static _Thread_local struct contexts *kept;

static void drop_contexts(void *arg)
{
	struct contexts *contexts = arg;

	EVP_MD_CTX_free(contexts->sha256);
	EVP_MAC_CTX_free(contexts->hmac);
	orch_free(contexts);
	kept = NULL;
}

static void make_ready(void)
{
	orch_sodium_ready();
	randombytes_buf(siphash_key, sizeof(siphash_key));
	sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
	hmac_method = EVP_MAC_fetch(NULL, "HMAC", NULL);
	(void)pthread_key_create(&at_thread_end, drop_contexts);
}

static EVP_MAC_CTX *make_hmac(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *context = hmac_method ? EVP_MAC_CTX_new(hmac_method) : NULL;

	if (context && EVP_MAC_CTX_set_params(context, params) != 1) {
		EVP_MAC_CTX_free(context);
		return NULL;
	}
	return context;
}

/* This thread's contexts; NULL without memory. */
static struct contexts *contexts_of_thread(void)
{
	struct contexts *contexts = kept;

	if (contexts)
		return contexts;
	(void)pthread_once(&once, make_ready);
	contexts = orch_alloc(sizeof(*contexts));
	if (!contexts)
		return NULL;
	contexts->sha256 = EVP_MD_CTX_new();
	contexts->hmac = make_hmac();
	if (!contexts->sha256 || !contexts->hmac || !sha256_method ||
		pthread_setspecific(at_thread_end, contexts) != 0) {
		drop_contexts(contexts);
		return NULL;
	}
	kept = contexts;
	return contexts;
}

static const void *bytes_of(struct orch_text text)
{
	return text.len == 0 ? "" : text.ptr;
}

static bool sha256_openssl(struct orch_text bytes, uint8_t *ret_digest)
{
	struct contexts *own = contexts_of_thread();

	return own && EVP_DigestInit_ex2(own->sha256, sha256_method, NULL) == 1 &&
		EVP_DigestUpdate(own->sha256, bytes_of(bytes), bytes.len) == 1 &&
		EVP_DigestFinal_ex(own->sha256, ret_digest, NULL) == 1;
}

void orch_sha256(struct orch_text bytes, uint8_t ret_digest[ORCH_SHA256_BYTES])
{
	if (!sha256_openssl(bytes, ret_digest))
		(void)crypto_hash_sha256(ret_digest, bytes_of(bytes), bytes.len);
}

static bool hmac_openssl(
	struct orch_text key, const struct orch_text *pieces, size_t count, uint8_t *ret_mac)
{
	struct contexts *own = contexts_of_thread();
	size_t len;

	if (!own || EVP_MAC_init(own->hmac, bytes_of(key), key.len, NULL) != 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (EVP_MAC_update(own->hmac, bytes_of(pieces[i]), pieces[i].len) != 1)
			return false;
	}
	return EVP_MAC_final(own->hmac, ret_mac, &len, ORCH_SHA256_BYTES) == 1;
}

static void hmac_sodium(
	struct orch_text key, const struct orch_text *pieces, size_t count, uint8_t *ret_mac)
{
	crypto_auth_hmacsha256_state state;

	(void)crypto_auth_hmacsha256_init(&state, bytes_of(key), key.len);
	for (size_t i = 0; i < count; i++)
		(void)crypto_auth_hmacsha256_update(&state, bytes_of(pieces[i]), pieces[i].len);
	(void)crypto_auth_hmacsha256_final(&state, ret_mac);
	sodium_memzero(&state, sizeof(state));
}

void orch_hmac_sha256(struct orch_text key, const struct orch_text *pieces, size_t count,
	uint8_t ret_mac[ORCH_SHA256_BYTES])
{
	if (!hmac_openssl(key, pieces, count, ret_mac))
		hmac_sodium(key, pieces, count, ret_mac);
}

bool orch_equal_constant_time(const void *a, const void *b, size_t len)
{
	return len == 0 || sodium_memcmp(a, b, len) == 0;
}

void orch_random_bytes(void *ret, size_t len)
{
	orch_sodium_ready();
	randombytes_buf(ret, len);
}

uint64_t orch_random_below(uint64_t bound)
{
	uint64_t value;
	uint64_t uneven;

	orch_assert(bound > 0);
	/* The lowest 2^64 mod BOUND values would make small results likelier. */
	uneven = (0 - bound) % bound;
	do {
		orch_random_bytes(&value, sizeof(value));
	} while (value < uneven);
	return value % bound;
}

uint64_t orch_siphash(struct orch_text text)
{
	unsigned char digest[crypto_shorthash_BYTES];
	uint64_t value;

	(void)pthread_once(&once, make_ready);
	(void)crypto_shorthash(digest, bytes_of(text), text.len, siphash_key);
	memcpy(&value, digest, sizeof(value));
	return value;
}
