/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/elsewhere.h"

#include <string.h>

#include "base/text.h"

/* By name, so that a key that nobody knows, which may be a misspelt one of these, is never elsewhere. */
static const char *const unused[][18] = {
	[ORCH_USE_STORE] = { "inputs", "tools", "actions", "pipelines", "http", "console",
		"threads", "log", "limits", "egress", "plugins", "rules", "accounts", NULL },
	[ORCH_USE_TOOLS] = { "inputs", "actions", "pipelines", "http", "console", "threads", "log",
		NULL },
	[ORCH_USE_PLUGINS] = { "inputs", "tools", "actions", "pipelines", "http", "console",
		"threads", "log", "limits", "egress", "rules", "queue", "store", "state_dir",
		"credentials", "accounts", NULL },
};

/* "inputs", "inputs[0].name" and "inputs.slack" are of "inputs". */
static bool is_of(struct orch_text path, const char *block)
{
	size_t len = strlen(block);

	return path.len >= len && memcmp(path.ptr, block, len) == 0 &&
		(path.len == len || path.ptr[len] == '.' || path.ptr[len] == '[');
}

static bool is_elsewhere(struct orch_text path, const struct orch_config *config, enum orch_use use)
{
	for (const char *const *block = unused[use]; *block != NULL; block++)
		if (is_of(path, *block))
			return true;
	/* One of them may be the store's key. */
	return use == ORCH_USE_STORE && config->store_key.len == 0 && is_of(path, "credentials");
}

size_t orch_elsewhere_take(
	struct orch_config_errors *errors, const struct orch_config *config, enum orch_use use)
{
	size_t left = 0, before = errors->count;

	for (size_t i = 0; i < before; i++)
		if (!is_elsewhere(errors->items[i].path, config, use))
			errors->items[left++] = errors->items[i];
	errors->count = left;
	return before - left;
}
