/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "aws/credentials.h"

static bool is_todays(const struct orch_aws_key *kept, uint64_t generation, const char *date_time)
{
	return kept->key && kept->generation == generation &&
		strncmp(kept->day, date_time, ORCH_AWS_DAY_CHARS) == 0;
}

static int derive(struct orch_aws_key *kept, const struct orch_aws_credentials *credentials,
	const struct orch_aws_scope *scope, struct orch_err *err)
{
	uint8_t key[ORCH_SHA256_BYTES];

	orch_secret_destroy(kept->key);
	orch_aws_signing_key(orch_secret_text(credentials->secret_access_key), scope, key);
	kept->key = orch_secret_create((struct orch_text){ (const char *)key, sizeof(key) });
	explicit_bzero(key, sizeof(key));
	if (!kept->key)
		return orch_fail(err, ORCH_E_NOMEM, "no locked memory for a signing key");
	kept->generation = credentials->generation;
	memcpy(kept->day, scope->date_time, ORCH_AWS_DAY_CHARS);
	return ORCH_OK;
}

int orch_aws_key(struct orch_aws *aws, enum orch_aws_service service,
	const struct orch_aws_credentials *credentials, const struct orch_aws_scope *scope,
	uint8_t ret_key[ORCH_SHA256_BYTES], struct orch_err *err)
{
	struct orch_aws_key *kept = &aws->keys[service];
	int code = ORCH_OK;

	(void)pthread_mutex_lock(&aws->key_lock);
	if (!is_todays(kept, credentials->generation, scope->date_time))
		code = derive(kept, credentials, scope, err);
	if (code == ORCH_OK)
		memcpy(ret_key, orch_secret_text(kept->key).ptr, ORCH_SHA256_BYTES);
	(void)pthread_mutex_unlock(&aws->key_lock);
	return code;
}
