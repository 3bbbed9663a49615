/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char *const names[] = {
#define X(name, text) text,
	ORCH_AWS_VARIABLES(X)
#undef X
};

static const char *const secret_names[] = {
#define X(name, text) text,
	ORCH_AWS_SECRETS(X)
#undef X
};

const char *orch_aws_env_name(enum orch_aws_variable variable)
{
	return names[variable];
}

bool orch_aws_is_true(struct orch_text value)
{
	return orch_text_equal_nocase(orch_text_trim(value), ORCH_TEXT("true"));
}

static int take_secret(const char *name, struct orch_secret **ret_secret, struct orch_err *err)
{
	char bytes[ORCH_AWS_VALUE_BYTES + 1];
	size_t len;
	int code = orch_secret_take_env(name, bytes, sizeof(bytes), &len);

	if (code == ORCH_E_INVALID) /* not set */
		return ORCH_OK;
	if (code == ORCH_E_LIMIT)
		return orch_fail(err, ORCH_E_INVALID, "%s is longer than %d bytes", name,
			ORCH_AWS_VALUE_BYTES);
	if (code == ORCH_OK) {
		*ret_secret = orch_secret_create((struct orch_text){ bytes, len });
		explicit_bzero(bytes, sizeof(bytes));
	}
	return *ret_secret ? ORCH_OK : orch_fail(err, ORCH_E_NOMEM, "%s: no locked memory", name);
}

static int read_values(struct orch_aws_env *env, struct orch_arena *arena, struct orch_err *err)
{
	for (size_t i = 0; i < ORCH_AWS_ENV_COUNT; i++) {
		struct orch_text value = orch_text_from(getenv(names[i]));

		if (value.len > ORCH_AWS_VALUE_BYTES)
			return orch_fail(err, ORCH_E_INVALID, "%s is longer than %d bytes",
				names[i], ORCH_AWS_VALUE_BYTES);
		env->values[i] = orch_arena_text(arena, value);
	}
	return orch_arena_failed(arena) ? orch_fail(err, ORCH_E_NOMEM, "out of memory") : ORCH_OK;
}

int orch_aws_env_read(struct orch_aws_env *env, struct orch_arena *arena, struct orch_err *err)
{
	int code;

	*env = (struct orch_aws_env){ .secrets = { NULL } };
	code = read_values(env, arena, err);
	for (size_t i = 0; code == ORCH_OK && i < ORCH_AWS_SECRET_COUNT; i++)
		code = take_secret(secret_names[i], &env->secrets[i], err);
	if (code != ORCH_OK)
		orch_aws_env_fini(env);
	return code;
}

void orch_aws_env_fini(struct orch_aws_env *env)
{
	for (size_t i = 0; i < ORCH_AWS_SECRET_COUNT; i++) {
		orch_secret_destroy(env->secrets[i]);
		env->secrets[i] = NULL;
	}
}
