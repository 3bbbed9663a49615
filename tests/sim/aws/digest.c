/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

struct aws_digest {
	EVP_MD *md5, *sha256;
	EVP_MD_CTX *hashing;
	EVP_MAC *hmac;
	EVP_MAC_CTX *signing;
};

static bool make_parts(struct aws_digest *digest)
{
	char name[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};

	digest->md5 = EVP_MD_fetch(NULL, "MD5", "-fips");
	digest->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	digest->hashing = EVP_MD_CTX_new();
	digest->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	digest->signing = digest->hmac ? EVP_MAC_CTX_new(digest->hmac) : NULL;
	return digest->md5 && digest->sha256 && digest->hashing && digest->signing &&
		EVP_MAC_CTX_set_params(digest->signing, params) == 1;
}

struct aws_digest *aws_digest_create(void)
{
	struct aws_digest *digest = orch_alloc(sizeof(*digest));

	if (digest && !make_parts(digest)) {
		aws_digest_destroy(digest);
		return NULL;
	}
	return digest;
}

void aws_digest_destroy(struct aws_digest *digest)
{
	if (!digest)
		return;
	EVP_MAC_CTX_free(digest->signing);
	EVP_MAC_free(digest->hmac);
	EVP_MD_CTX_free(digest->hashing);
	EVP_MD_free(digest->sha256);
	EVP_MD_free(digest->md5);
	orch_free(digest);
}

static void hash(
	struct aws_digest *digest, const EVP_MD *method, struct orch_text bytes, uint8_t *ret)
{
	int done = EVP_DigestInit_ex2(digest->hashing, method, NULL) == 1 &&
		EVP_DigestUpdate(digest->hashing, bytes.ptr, bytes.len) == 1 &&
		EVP_DigestFinal_ex(digest->hashing, ret, NULL) == 1;

	orch_assert(done);
}

void aws_digest_md5(struct aws_digest *digest, struct orch_text bytes, uint8_t ret[AWS_MD5_BYTES])
{
	hash(digest, digest->md5, bytes, ret);
}

void aws_digest_md5_text(struct aws_digest *digest, struct orch_text bytes, char ret[AWS_MD5_SIZE])
{
	uint8_t md5[AWS_MD5_BYTES];

	hash(digest, digest->md5, bytes, md5);
	orch_hex_encode(md5, sizeof(md5), ret);
}

void aws_digest_sha256(
	struct aws_digest *digest, struct orch_text bytes, uint8_t ret[AWS_SHA256_BYTES])
{
	hash(digest, digest->sha256, bytes, ret);
}

void aws_digest_hmac(struct aws_digest *digest, struct orch_text key, struct orch_text bytes,
	uint8_t ret[AWS_SHA256_BYTES])
{
	const unsigned char *secret = (const unsigned char *)key.ptr;
	const unsigned char *data = (const unsigned char *)bytes.ptr;
	size_t len;
	int done = EVP_MAC_init(digest->signing, secret, key.len, NULL) == 1 &&
		EVP_MAC_update(digest->signing, data, bytes.len) == 1 &&
		EVP_MAC_final(digest->signing, ret, &len, AWS_SHA256_BYTES) == 1;

	orch_assert(done);
}
