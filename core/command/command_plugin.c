/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/path.h"
#include "base/text.h"
#include "command/commands.h"
#include "plugin/loader.h"
#include "plugin/settings.h"
#include "plugin/trial.h"

#define OUTPUT_BYTES (4 * 1024 * 1024)

static void add_plugin_json(
	struct orch_buf *out, const struct orch_plugin *plugin, const char *file)
{
	orch_buf_add_string(out, "{\"name\":");
	orch_buf_add_json(out, orch_text_from(plugin->name));
	orch_cli_add_json(out, "kind", orch_text_from(orch_kind_name(orch_plugin_kind(plugin))));
	orch_cli_add_json(out, "version", orch_text_from(plugin->version));
	orch_buf_printf(out, ",\"abi\":\"%u.%u\"", plugin->abi_major, plugin->abi_minor);
	orch_cli_add_json(out, "summary", orch_text_from(plugin->summary));
	orch_cli_add_json(out, "file", orch_text_from(file));
}

/* What a constructor does to a process it has done to another one first. */
static int load(const char *file, const struct orch_plugin **ret_plugin, struct orch_err *err)
{
	int rc = orch_trial_load(file, err);

	if (rc != ORCH_OK) {
		orch_err_prefix(err, "%.200s", file);
		return rc;
	}
	return orch_plugin_load(file, ret_plugin, err);
}

/* False: it is refused, which has been said. */
static bool list_file(
	struct orch_cli *cli, const char *file, struct orch_buf *cells, struct orch_buf *out)
{
	const struct orch_plugin *plugin;
	struct orch_err err = { "" };

	if (load(file, &plugin, &err) != ORCH_OK) {
		(void)orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
		return false;
	}
	if (cli->json) {
		add_plugin_json(out, plugin, file);
		orch_buf_add_string(out, "}\n");
		return true;
	}
	orch_buf_printf(cells, "%s\t%s\t", plugin->name, orch_kind_name(orch_plugin_kind(plugin)));
	orch_buf_add_printable(cells, orch_text_from(plugin->version));
	orch_buf_add_char(cells, '\t');
	orch_buf_add_printable(cells, orch_text_from(plugin->summary));
	orch_buf_add_char(cells, '\n');
	return true;
}

static int is_plugin(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

/* Where the program looks if nothing is said: not every one of these is everywhere. */
static bool is_default_path(const struct orch_config *config)
{
	struct orch_value *group = orch_value_get(config->root, "plugins");

	return group == NULL || orch_value_get(group, "path") == NULL;
}

/* Where plugins are looked for. */
struct search {
	struct orch_config *config; /* NULL: there is none, and none was asked for */
	struct orch_list path;
	bool is_named; /* by the configuration: then each folder must be there */
};

static int open_search(struct orch_cli *cli, struct search *ret_search)
{
	struct orch_config *config;

	*ret_search = (struct search){ .config = NULL };
	if (!cli->is_file_named && orch_path_access(cli->file, F_OK) != 0) {
		ret_search->path = orch_config_plugin_path(cli->arena);
		return ORCH_EXIT_OK;
	}
	config = orch_cli_config(cli, ORCH_USE_PLUGINS);
	if (config == NULL)
		return ORCH_EXIT_CONFIG;
	*ret_search = (struct search){
		.config = config,
		.path = config->plugin_path,
		.is_named = !is_default_path(config),
	};
	return ORCH_EXIT_OK;
}

static bool list_folder(struct orch_cli *cli, const char *folder, bool may_be_missing,
	struct orch_buf *cells, struct orch_buf *out)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_plugin, alphasort);
	bool all = true;

	if (count < 0 && errno == ENOENT && may_be_missing)
		return true;
	if (count < 0) {
		(void)orch_cli_fail(cli, ORCH_EXIT_FAILED, "plugins.path: %s: %s", folder,
			orch_errno_text(errno));
		return false;
	}
	for (int i = 0; i < count; i++) {
		const char *file =
			orch_arena_printf(cli->arena, "%s/%s", folder, entries[i]->d_name).ptr;

		all = list_file(cli, file, cells, out) && all;
		orch_free(entries[i]);
	}
	orch_free(entries);
	return all;
}

static bool list_all(struct orch_cli *cli, const struct search *search, struct orch_buf *cells,
	struct orch_buf *out)
{
	bool all = true;

	for (size_t i = 0; i < search->path.count; i++)
		all = list_folder(cli, search->path.items[i].ptr, !search->is_named, cells, out) &&
			all;
	return all;
}

int orch_command_plugin_list(struct orch_cli *cli)
{
	struct orch_buf cells, out;
	struct search search;
	bool all;

	if (open_search(cli, &search) != ORCH_EXIT_OK)
		return ORCH_EXIT_CONFIG;
	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "NAME\tKIND\tVERSION\tSUMMARY\n");
	all = list_all(cli, &search, &cells, &out);
	if (!cli->json)
		orch_cli_add_table(cli, &out, orch_buf_text(&cells));
	orch_cli_print(&out);
	orch_buf_fini(&out);
	orch_buf_fini(&cells);
	orch_config_destroy(search.config);
	return all ? ORCH_EXIT_OK : ORCH_EXIT_FAILED;
}

static const char *type_name(uint32_t type)
{
	static const char *const names[] = { "?", "text", "true or false", "number", "size", "time",
		"choice", "list", "credential", "template", "URL", "path" };

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

static void add_options_json(struct orch_buf *out, const struct orch_plugin *plugin)
{
	const struct orch_option *option = plugin->options;

	orch_buf_add_string(out, ",\"options\":[");
	for (bool first = true; option != NULL && option->name != NULL; option++, first = false) {
		orch_buf_add_string(out, first ? "{\"name\":" : ",{\"name\":");
		orch_buf_add_json(out, orch_text_from(option->name));
		orch_cli_add_json(out, "type", orch_text_from(type_name(option->type)));
		if (option->fallback != NULL)
			orch_cli_add_json(out, "default", orch_text_from(option->fallback));
		if (option->choices != NULL)
			orch_cli_add_json(out, "choices", orch_text_from(option->choices));
		orch_cli_add_json(out, "help", orch_text_from(option->help));
		orch_buf_add_char(out, '}');
	}
	orch_buf_add_char(out, ']');
}

static void add_options(
	struct orch_cli *cli, struct orch_buf *out, const struct orch_plugin *plugin)
{
	const struct orch_option *option = plugin->options;
	struct orch_buf cells;

	if (option == NULL || option->name == NULL)
		return;
	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "OPTION\tTYPE\tDEFAULT\tMEANING\n");
	for (; option->name != NULL; option++) {
		orch_buf_printf(&cells, "%s\t%s\t", option->name,
			option->type == ORCH_OPT_CHOICE ? option->choices
							: type_name(option->type));
		orch_cli_add_styled(cli, &cells, option->fallback == NULL ? ORCH_CLI_RED : NULL,
			orch_text_from(option->fallback == NULL       ? "required"
					: option->fallback[0] == '\0' ? "none"
								      : option->fallback));
		orch_buf_add_char(&cells, '\t');
		orch_buf_add_printable(&cells, orch_text_from(option->help));
		orch_buf_add_char(&cells, '\n');
	}
	orch_buf_add_char(out, '\n');
	orch_cli_add_table(cli, out, orch_buf_text(&cells));
	orch_buf_fini(&cells);
}

static void print_plugin(struct orch_cli *cli, const struct orch_plugin *plugin, const char *file)
{
	struct orch_buf out;

	orch_buf_init(&out, OUTPUT_BYTES);
	if (cli->json) {
		add_plugin_json(&out, plugin, file);
		add_options_json(&out, plugin);
		orch_buf_add_string(&out, "}\n");
	} else {
		orch_buf_printf(&out, "%s ", plugin->name);
		orch_buf_add_printable(&out, orch_text_from(plugin->version));
		orch_buf_printf(&out,
			", %s plugin for ABI %u.%u: ", orch_kind_name(orch_plugin_kind(plugin)),
			plugin->abi_major, plugin->abi_minor);
		orch_buf_add_printable(&out, orch_text_from(plugin->summary));
		orch_buf_printf(&out, "\n%s\n", file);
		add_options(cli, &out, plugin);
	}
	orch_cli_print(&out);
	orch_buf_fini(&out);
}

int orch_command_plugin_show(struct orch_cli *cli)
{
	const struct orch_plugin *plugin;
	struct orch_err err = { "" };
	struct search search;
	const char *file;
	int rc = open_search(cli, &search);

	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_plugin_find(search.path, orch_text_from(cli->words[0]), cli->arena, &file, &err) !=
		ORCH_OK)
		rc = orch_cli_fail(cli, ORCH_EXIT_NOT_THERE, "%s", err.text);
	else if (load(file, &plugin, &err) != ORCH_OK)
		rc = orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	else
		print_plugin(cli, plugin, file);
	orch_config_destroy(search.config);
	return rc;
}

static void print_verified(const struct orch_plugin *plugin, const char *file)
{
	struct orch_buf out;

	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_printf(&out, "%s is a sound %s plugin: %s ", file,
		orch_kind_name(orch_plugin_kind(plugin)), plugin->name);
	orch_buf_add_printable(&out, orch_text_from(plugin->version));
	orch_buf_printf(&out, ", ABI %u.%u\n", plugin->abi_major, plugin->abi_minor);
	orch_cli_print(&out);
	orch_buf_fini(&out);
}

int orch_command_plugin_verify(struct orch_cli *cli)
{
	const struct orch_plugin *plugin;
	struct orch_err err = { "" };

	if (load(cli->words[0], &plugin, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	if (cli->json)
		print_plugin(cli, plugin, cli->words[0]);
	else
		print_verified(plugin, cli->words[0]);
	return ORCH_EXIT_OK;
}
