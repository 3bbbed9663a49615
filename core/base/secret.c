/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/sodium.h"
#include "base/text.h"

/* Shorter values turn up by chance, and to blot them would spoil the log. */
#define BLOT_LEN_MIN 6

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(ORCH_SEAL_OVERHEAD == NONCE_BYTES + TAG_BYTES, "the overhead is nonce and tag");
_Static_assert(ORCH_SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key's size");

struct orch_secret {
	struct orch_secret *next;
	size_t len;
	char *value; /* locked, read-only, NUL behind it */
};

/* All that live, the longest first: a short one within a longer must not break its match. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct orch_secret *secrets;

static void add_to_known(struct orch_secret *secret)
{
	struct orch_secret **at = &secrets;

	(void)pthread_mutex_lock(&lock);
	while (*at && (*at)->len > secret->len)
		at = &(*at)->next;
	secret->next = *at;
	*at = secret;
	(void)pthread_mutex_unlock(&lock);
}

static void remove_from_known(struct orch_secret *secret)
{
	struct orch_secret **at = &secrets;

	(void)pthread_mutex_lock(&lock);
	while (*at && *at != secret)
		at = &(*at)->next;
	if (*at)
		*at = secret->next;
	(void)pthread_mutex_unlock(&lock);
}

struct orch_secret *orch_secret_create(struct orch_text value)
{
	struct orch_secret *secret = orch_alloc(sizeof(*secret));

	if (!secret)
		return NULL;
	orch_sodium_ready();
	secret->len = value.len;
	secret->value = sodium_malloc(value.len + 1);
	/* sodium_malloc() tries to lock and is silent when it cannot. */
	if (!secret->value || sodium_mlock(secret->value, value.len + 1) != 0) {
		sodium_free(secret->value);
		orch_free(secret);
		return NULL;
	}
	if (value.len > 0)
		memcpy(secret->value, value.ptr, value.len);
	secret->value[value.len] = '\0';
	(void)sodium_mprotect_readonly(secret->value);
	add_to_known(secret);
	return secret;
}

void orch_secret_destroy(struct orch_secret *secret)
{
	if (!secret)
		return;
	remove_from_known(secret);
	sodium_free(secret->value); /* wipes */
	orch_free(secret);
}

struct orch_text orch_secret_text(const struct orch_secret *secret)
{
	return (struct orch_text){ secret->value, secret->len };
}

static void blot_one(char *line, size_t len, const struct orch_secret *secret)
{
	char *at;

	while ((at = memmem(line, len, secret->value, secret->len)) != NULL) {
		memset(at, '*', secret->len);
		len -= (size_t)(at - line) + secret->len;
		line = at + secret->len;
	}
}

void orch_secret_blot(char *line, size_t len)
{
	(void)pthread_mutex_lock(&lock);
	for (const struct orch_secret *s = secrets; s && s->len >= BLOT_LEN_MIN; s = s->next)
		blot_one(line, len, s);
	(void)pthread_mutex_unlock(&lock);
}

void orch_secret_protect_process(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static const unsigned char *key_of(const struct orch_secret *key)
{
	orch_assert(key->len == ORCH_SEAL_KEY_BYTES);
	return (const unsigned char *)key->value;
}

void orch_seal(
	const struct orch_secret *key, struct orch_text plain, struct orch_text about, void *ret)
{
	unsigned char *nonce = ret;

	randombytes_buf(nonce, NONCE_BYTES);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE_BYTES, NULL,
		(const unsigned char *)plain.ptr, plain.len, (const unsigned char *)about.ptr,
		about.len, NULL, nonce, key_of(key));
}

int orch_unseal(
	const struct orch_secret *key, struct orch_text sealed, struct orch_text about, void *ret)
{
	const unsigned char *nonce = (const unsigned char *)sealed.ptr;

	if (sealed.len < ORCH_SEAL_OVERHEAD)
		return ORCH_E_INVALID;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, nonce + NONCE_BYTES,
		    sealed.len - NONCE_BYTES, (const unsigned char *)about.ptr, about.len, nonce,
		    key_of(key)) != 0)
		return ORCH_E_INVALID;
	return ORCH_OK;
}
