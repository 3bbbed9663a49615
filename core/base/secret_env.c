/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that came by the environment.  It can be read from outside for as
 * long as the process lives, so what is taken is wiped there, and kept for the
 * next one who asks: a configuration that is loaded again names it again.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/secret.h"
#include "base/text.h"

struct taken {
	struct taken *next;
	struct orch_secret *secret;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct taken *all;

static struct taken *find(const char *name)
{
	struct taken *at = all;

	while (at != NULL && strcmp(at->name, name) != 0)
		at = at->next;
	return at;
}

static struct taken *add(const char *name)
{
	size_t size = strlen(name) + 1;
	struct taken *taken = orch_alloc(sizeof(*taken) + size);

	if (taken == NULL)
		return NULL;
	memcpy(taken->name, name, size);
	taken->next = all;
	all = taken;
	return taken;
}

static int take(const char *name, const char *value)
{
	struct orch_secret *secret = orch_secret_create(orch_text_from(value));
	struct taken *taken = secret == NULL ? NULL : find(name);

	if (secret != NULL && taken == NULL)
		taken = add(name);
	if (taken == NULL) {
		orch_secret_destroy(secret);
		return ORCH_E_NOMEM;
	}
	orch_secret_destroy(taken->secret);
	taken->secret = secret;
	explicit_bzero((char *)(uintptr_t)value, strlen(value));
	(void)unsetenv(name);
	return ORCH_OK;
}

int orch_secret_take_env(const char *name, char *bytes, size_t size, size_t *ret_len)
{
	const char *value;
	struct taken *taken;
	int code = ORCH_OK;

	(void)pthread_mutex_lock(&lock);
	value = getenv(name);
	if (value != NULL && strlen(value) >= size)
		code = ORCH_E_LIMIT;
	else if (value != NULL && value[0] != '\0')
		code = take(name, value);
	taken = find(name);
	if (code == ORCH_OK && taken == NULL)
		code = ORCH_E_INVALID;
	if (code == ORCH_OK) {
		struct orch_text text = orch_secret_text(taken->secret);

		memcpy(bytes, text.ptr, text.len);
		*ret_len = text.len;
	}
	(void)pthread_mutex_unlock(&lock);
	return code;
}
