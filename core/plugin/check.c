/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/check.h"

#include <orch/action.h>
#include <orch/input.h>
#include <orch/tool.h>
#include <string.h>

#include "base/text.h"
#include "plugin/loader.h"

#define NAME_BYTES 48
#define HEADER_BYTES (offsetof(struct orch_plugin, size) + sizeof(uint32_t))
#define ALL_TRANSPORTS (ORCH_HTTP | ORCH_QUEUE | ORCH_LINES | ORCH_WEBSOCKET)

/* The three numbers that say whether the rest may be read. */
static int check_versions(const struct orch_plugin *plugin, size_t bytes, struct orch_err *err)
{
	if (bytes < HEADER_BYTES)
		return orch_fail(err, ORCH_E_INVALID,
			"its orch_plugin has only %zu bytes; must be a struct orch_plugin", bytes);
	if (plugin->abi_major != ORCH_ABI_MAJOR)
		return orch_fail(err, ORCH_E_INVALID,
			"it was built for ABI %u.%u, this program has %u.%u; %s", plugin->abi_major,
			plugin->abi_minor, ORCH_ABI_MAJOR, ORCH_ABI_MINOR,
			plugin->abi_major < ORCH_ABI_MAJOR
				? "rebuild the plugin with this program's headers"
				: "use a newer program, or rebuild the plugin with this one's "
				  "headers");
	if (plugin->abi_minor > ORCH_ABI_MINOR)
		return orch_fail(err, ORCH_E_INVALID,
			"it needs ABI %u.%u, this program has only %u.%u; use a newer program, or "
			"rebuild the plugin with this one's headers",
			plugin->abi_major, plugin->abi_minor, ORCH_ABI_MAJOR, ORCH_ABI_MINOR);
	if (!ORCH_HAS(plugin, action))
		return orch_fail(err, ORCH_E_INVALID,
			"its orch_plugin says it has %u bytes; must be sizeof(struct orch_plugin), "
			"at least %zu",
			plugin->size, sizeof(*plugin));
	if (plugin->size > bytes)
		return orch_fail(err, ORCH_E_INVALID,
			"its orch_plugin says it has %u bytes, but has %zu; must be sizeof(struct "
			"orch_plugin)",
			plugin->size, bytes);
	return ORCH_OK;
}

static int check_name(const struct orch_plugin *plugin, struct orch_text name, struct orch_err *err)
{
	size_t length;

	if (plugin->name == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"its name is NULL; must be \"%.*s\", like the file's", ORCH_TEXT_ARG(name));
	length = strnlen(plugin->name, NAME_BYTES + 1);
	if (length > NAME_BYTES)
		return orch_fail(
			err, ORCH_E_INVALID, "its name is longer than %d characters", NAME_BYTES);
	if (!orch_text_is(name, plugin->name))
		return orch_fail(err, ORCH_E_INVALID,
			"it calls itself \"%s\"; must be \"%.*s\", like the file's", plugin->name,
			(int)(name.len > NAME_BYTES ? NAME_BYTES : name.len), name.ptr);
	return ORCH_OK;
}

int orch_plugin_check_descriptor(
	const struct orch_plugin *plugin, size_t bytes, struct orch_text name, struct orch_err *err)
{
	int kinds, rc = check_versions(plugin, bytes, err);

	if (rc == ORCH_OK)
		rc = check_name(plugin, name, err);
	if (rc != ORCH_OK)
		return rc;
	if (plugin->version == NULL)
		return orch_fail(
			err, ORCH_E_INVALID, "its version is NULL; must be a text such as \"1.0\"");
	if (plugin->summary == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"its summary is NULL; must be one line that says what it does");
	kinds = (plugin->input != NULL) + (plugin->tool != NULL) + (plugin->action != NULL);
	if (kinds == 0)
		return orch_fail(err, ORCH_E_INVALID,
			"it is no input, no tool and no action; must set one of the three");
	if (kinds > 1)
		return orch_fail(err, ORCH_E_INVALID,
			"it is %d kinds at once; must be one of input, tool and action", kinds);
	if (plugin->settings_size > ORCH_PLUGIN_SETTINGS_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "its settings_size is %u; must be at most %d",
			plugin->settings_size, ORCH_PLUGIN_SETTINGS_BYTES);
	return ORCH_OK;
}

static int refuse_hook(const char *kind, const char *hook, struct orch_err *err)
{
	return orch_fail(
		err, ORCH_E_INVALID, "its %s() is missing; every %s must have one", hook, kind);
}

static int refuse_size(const char *kind, uint32_t size, size_t wanted, struct orch_err *err)
{
	return orch_fail(err, ORCH_E_INVALID,
		"its table of hooks says it has %u bytes; must be sizeof(struct orch_%s_ops), at "
		"least %zu",
		size, kind, wanted);
}

static int check_input(const struct orch_input_ops *ops, struct orch_err *err)
{
	if (!ORCH_HAS(ops, destroy))
		return refuse_size("input", ops->size, sizeof(*ops), err);
	if (ops->transports == 0)
		return orch_fail(err, ORCH_E_INVALID,
			"it names no transport; must or together those of enum orch_transport that "
			"it understands");
	if ((ops->transports & ~(uint32_t)ALL_TRANSPORTS) != 0)
		return orch_fail(err, ORCH_E_INVALID,
			"it names unknown transports (0x%x); must be of enum orch_transport",
			ops->transports & ~(uint32_t)ALL_TRANSPORTS);
	if (ops->create == NULL)
		return refuse_hook("input", "create", err);
	if (ops->receive == NULL)
		return refuse_hook("input", "receive", err);
	if (ops->destroy == NULL)
		return refuse_hook("input", "destroy", err);
	return ORCH_OK;
}

static int check_tool(const struct orch_tool_ops *ops, struct orch_err *err)
{
	if (!ORCH_HAS(ops, destroy))
		return refuse_size("tool", ops->size, sizeof(*ops), err);
	if (ops->create == NULL)
		return refuse_hook("tool", "create", err);
	if (ops->scan == NULL)
		return refuse_hook("tool", "scan", err);
	if (ops->destroy == NULL)
		return refuse_hook("tool", "destroy", err);
	if (ops->compile != NULL && ops->release == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"it has compile() but no release(); must have both or neither");
	if (ops->release != NULL && ops->compile == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"it has release() but no compile(); must have both or neither");
	if (ops->tick != NULL && ops->tick_ms == 0)
		return orch_fail(
			err, ORCH_E_INVALID, "it has tick() but tick_ms is 0; must say how often");
	return ORCH_OK;
}

static int check_action(const struct orch_action_ops *ops, struct orch_err *err)
{
	if (!ORCH_HAS(ops, destroy))
		return refuse_size("action", ops->size, sizeof(*ops), err);
	if (ops->create == NULL)
		return refuse_hook("action", "create", err);
	if (ops->act == NULL)
		return refuse_hook("action", "act", err);
	if (ops->destroy == NULL)
		return refuse_hook("action", "destroy", err);
	return ORCH_OK;
}

int orch_plugin_check_ops(const struct orch_plugin *plugin, struct orch_err *err)
{
	if (plugin->input != NULL)
		return check_input(plugin->input, err);
	if (plugin->tool != NULL)
		return check_tool(plugin->tool, err);
	return check_action(plugin->action, err);
}
