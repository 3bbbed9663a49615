/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/text.h"
#include "command/commands.h"

#define OUTPUT_BYTES (64 * 1024)

static void add_part_json(struct orch_buf *out, const struct orch_pg_migrated *part, bool only_look)
{
	orch_buf_add_string(out, "{\"part\":");
	orch_buf_add_json(out, orch_text_from(part->part));
	orch_buf_printf(out, ",\"from\":%u,\"to\":%u,\"done\":%s}\n", part->from, part->to,
		only_look && part->from != part->to ? "false" : "true");
}

static const char *what_of(const struct orch_pg_migrated *part, bool only_look)
{
	if (part->from == part->to)
		return "up to date";
	return only_look ? "to be done" : "done";
}

static void print_parts(
	struct orch_cli *cli, const struct orch_pg_migrated *parts, size_t count, bool only_look)
{
	struct orch_buf cells, out;

	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "PART\tFROM\tTO\tWHAT\n");
	for (size_t i = 0; i < count; i++) {
		if (cli->json)
			add_part_json(&out, &parts[i], only_look);
		else
			orch_buf_printf(&cells, "%s\t%u\t%u\t%s\n", parts[i].part, parts[i].from,
				parts[i].to, what_of(&parts[i], only_look));
	}
	if (!cli->json)
		orch_cli_add_table(cli, &out, orch_buf_text(&cells));
	orch_cli_print(&out);
	orch_buf_fini(&out);
	orch_buf_fini(&cells);
}

static int migrate(struct orch_cli *cli, struct orch_config *config)
{
	bool only_look = orch_cli_get(cli, "dry-run") != NULL;
	struct orch_pg_migrated parts[ORCH_KEEP_PARTS];
	struct orch_config_errors errors;
	struct orch_err err = { "" };
	size_t count = 0;

	if (!orch_text_is(config->store_driver, "postgres"))
		return orch_cli_fail(cli, ORCH_EXIT_USAGE,
			"store.driver is \"%.*s\", which is brought up to date by itself when it "
			"is opened; this is for \"postgres\"",
			ORCH_TEXT_ARG(config->store_driver));
	orch_config_errors_init(&errors, cli->arena);
	orch_config_load_credentials(config, &errors);
	if (orch_keep_migrate(config, only_look, parts, &count, &err) != ORCH_OK) {
		/* A password that could not be read may be why. */
		if (errors.count > 0)
			fprintf(stderr, "%s", orch_config_errors_print(&errors, cli->arena).ptr);
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	}
	print_parts(cli, parts, count, only_look);
	return ORCH_EXIT_OK;
}

int orch_command_store_migrate(struct orch_cli *cli)
{
	struct orch_config *config = orch_cli_config(cli, ORCH_USE_STORE);
	int rc;

	if (config == NULL)
		return ORCH_EXIT_CONFIG;
	rc = migrate(cli, config);
	orch_config_destroy(config);
	return rc;
}
