/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/keys.h"

#include <string.h>

#include "base/text.h"
#include "sim/jsonx.h"

static void drop(struct aws_key *key)
{
	orch_secret_destroy(key->secret);
	orch_secret_destroy(key->token);
	explicit_bzero(key, sizeof(*key));
}

static void drop_at(struct aws_keys *keys, size_t i)
{
	drop(&keys->list[i]);
	keys->count--;
	memmove(&keys->list[i], &keys->list[i + 1], (keys->count - i) * sizeof(keys->list[0]));
}

void aws_keys_clear(struct aws_keys *keys)
{
	while (keys->count)
		drop_at(keys, keys->count - 1);
}

static bool has_token(const struct aws_key *key, struct orch_text token)
{
	return key->token ? orch_text_equal(orch_secret_text(key->token), token) : token.len == 0;
}

struct aws_key *aws_keys_find(struct aws_keys *keys, struct orch_text id, struct orch_text token)
{
	for (size_t i = keys->count; i-- > 0;)
		if (orch_text_is(id, keys->list[i].id) && has_token(&keys->list[i], token))
			return &keys->list[i];
	return NULL;
}

int aws_keys_add(struct aws_keys *keys, struct orch_text id, struct orch_text secret,
	struct orch_text token, struct orch_err *err)
{
	struct aws_key *old = aws_keys_find(keys, id, token);
	struct aws_key key = { .has_expired = false };

	if (!id.len || id.len >= AWS_KEY_ID_SIZE || !secret.len)
		return orch_fail(err, ORCH_E_INVALID,
			"a credential has an access key of 1 to %d characters and a secret key",
			AWS_KEY_ID_SIZE - 1);
	sim_keep(key.id, sizeof(key.id), id);
	key.secret = orch_secret_create(secret);
	key.token = token.len ? orch_secret_create(token) : NULL;
	if (!key.secret || (token.len && !key.token)) {
		drop(&key);
		return orch_fail(err, ORCH_E_NOMEM, "there is no locked memory for a secret");
	}
	if (old)
		drop_at(keys, (size_t)(old - keys->list));
	else if (keys->count == AWS_KEYS_MAX)
		drop_at(keys, 0);
	keys->list[keys->count++] = key;
	return ORCH_OK;
}

size_t aws_keys_expire(struct aws_keys *keys, struct orch_text id, uint64_t at_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < keys->count; i++) {
		struct aws_key *key = &keys->list[i];

		if (id.len && !orch_text_is(id, key->id))
			continue;
		key->expires_ms = at_ms;
		key->has_expired = at_ms == 0;
		count++;
	}
	return count;
}

bool aws_key_is_over(const struct aws_key *key, uint64_t wall_ms)
{
	return key->has_expired || (key->expires_ms && key->expires_ms <= wall_ms);
}

/* "AWS4" + secret, and then once more for each part of the scope. */
static void derive(
	struct aws_key *key, struct aws_digest *digest, struct orch_text scope, uint8_t *ret)
{
	struct orch_text secret = orch_secret_text(key->secret), part;
	char first[512];
	int len = snprintf(first, sizeof(first), "AWS4%.*s", ORCH_TEXT_ARG(secret));

	if (len < 0 || (size_t)len >= sizeof(first))
		len = (int)sizeof(first) - 1;
	if (orch_text_split(&scope, '/', &part))
		aws_digest_hmac(digest, (struct orch_text){ first, (size_t)len }, part, ret);
	explicit_bzero(first, sizeof(first));
	while (orch_text_split(&scope, '/', &part))
		aws_digest_hmac(digest, (struct orch_text){ (const char *)ret, AWS_SHA256_BYTES },
			part, ret);
}

const uint8_t *aws_key_derive(
	struct aws_key *key, struct aws_digest *digest, struct orch_text scope)
{
	struct aws_derived *derived;

	for (size_t i = 0; i < AWS_DERIVED_MAX; i++)
		if (orch_text_is(scope, key->derived[i].scope))
			return key->derived[i].key;
	derived = &key->derived[key->next_derived++ % AWS_DERIVED_MAX];
	sim_keep(derived->scope, sizeof(derived->scope), scope);
	derive(key, digest, scope, derived->key);
	return derived->key;
}
