/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "command/commands.h"
#include "plugin/loader.h"
#include "plugin/settings.h"

#define OUTPUT_BYTES (4 * 1024 * 1024)
#define TRIAL_S 10 /* so long a file may take to load */

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

/* False: it is refused, which has been said. */
static bool list_file(
	struct orch_cli *cli, const char *file, struct orch_buf *cells, struct orch_buf *out)
{
	const struct orch_plugin *plugin;
	struct orch_err err = { "" };

	if (orch_plugin_load(file, &plugin, &err) != ORCH_OK) {
		(void)orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
		return false;
	}
	if (cli->json) {
		add_plugin_json(out, plugin, file);
		orch_buf_add_string(out, "}\n");
		return true;
	}
	orch_buf_printf(cells, "%s\t%s\t%s\t", plugin->name,
		orch_kind_name(orch_plugin_kind(plugin)), plugin->version);
	orch_cli_add_styled(cli, cells, NULL, orch_text_from(plugin->summary));
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

int orch_command_plugin_list(struct orch_cli *cli)
{
	struct orch_config *config = orch_cli_config(cli, ORCH_USE_PLUGINS);
	struct orch_buf cells, out;
	bool all = true;

	if (config == NULL)
		return ORCH_EXIT_CONFIG;
	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "NAME\tKIND\tVERSION\tSUMMARY\n");
	for (size_t i = 0; i < config->plugin_path.count; i++)
		all = list_folder(cli, config->plugin_path.items[i].ptr, is_default_path(config),
			      &cells, &out) &&
			all;
	if (!cli->json)
		orch_cli_add_table(cli, &out, orch_buf_text(&cells));
	orch_cli_print(&out);
	orch_buf_fini(&out);
	orch_buf_fini(&cells);
	orch_config_destroy(config);
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
		orch_buf_printf(&cells, "\t%s\n", option->help == NULL ? "" : option->help);
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
		orch_buf_printf(&out, "%s %s, %s plugin for ABI %u.%u: %s\n%s\n", plugin->name,
			plugin->version, orch_kind_name(orch_plugin_kind(plugin)),
			plugin->abi_major, plugin->abi_minor, plugin->summary, file);
		add_options(cli, &out, plugin);
	}
	orch_cli_print(&out);
	orch_buf_fini(&out);
}

int orch_command_plugin_show(struct orch_cli *cli)
{
	struct orch_config *config = orch_cli_config(cli, ORCH_USE_PLUGINS);
	const struct orch_plugin *plugin;
	struct orch_err err = { "" };
	const char *file;
	int rc = ORCH_EXIT_OK;

	if (config == NULL)
		return ORCH_EXIT_CONFIG;
	if (orch_plugin_find(config->plugin_path, orch_text_from(cli->words[0]), cli->arena, &file,
		    &err) != ORCH_OK)
		rc = orch_cli_fail(cli, ORCH_EXIT_NOT_THERE, "%s", err.text);
	else if (orch_plugin_load(file, &plugin, &err) != ORCH_OK)
		rc = orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	else
		print_plugin(cli, plugin, file);
	orch_config_destroy(config);
	return rc;
}

enum { TRIAL_RETURNED = 77 }; /* no code that a plugin is likely to exit with */

/* A constructor can do anything; it does it to a child first. */
static int try_load(const char *file, struct orch_err *err)
{
	const struct orch_plugin *plugin;
	pid_t child = fork();
	int status;

	if (child < 0)
		return orch_fail(err, ORCH_E_INTERNAL, "no process to load it in: %s",
			orch_errno_text(errno));
	if (child == 0) {
		int ignored; /* the parent finds the same, and says it */

		(void)alarm(TRIAL_S);
		ignored = orch_plugin_load(file, &plugin, err);
		(void)ignored;
		_exit(TRIAL_RETURNED);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return orch_fail(err, ORCH_E_INTERNAL, "%s", orch_errno_text(errno));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return orch_fail(err, ORCH_E_INVALID, "%.200s: it was not loaded within %d s", file,
			TRIAL_S);
	if (WIFSIGNALED(status))
		return orch_fail(err, ORCH_E_INVALID,
			"%.200s: it crashed while it was loaded (signal %d)", file,
			WTERMSIG(status));
	if (WEXITSTATUS(status) != TRIAL_RETURNED)
		return orch_fail(err, ORCH_E_INVALID,
			"%.200s: it ended the program while it was loaded (exit %d)", file,
			WEXITSTATUS(status));
	return ORCH_OK;
}

int orch_command_plugin_verify(struct orch_cli *cli)
{
	const struct orch_plugin *plugin;
	struct orch_err err = { "" };

	if (try_load(cli->words[0], &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	if (orch_plugin_load(cli->words[0], &plugin, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	if (cli->json)
		print_plugin(cli, plugin, cli->words[0]);
	else
		printf("%s is a sound %s plugin: %s %s, ABI %u.%u\n", cli->words[0],
			orch_kind_name(orch_plugin_kind(plugin)), plugin->name, plugin->version,
			plugin->abi_major, plugin->abi_minor);
	return ORCH_EXIT_OK;
}
