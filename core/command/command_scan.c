/* SPDX-License-Identifier: Apache-2.0 */
/* Scans files, folders or standard input with the configured tools and the rules of the store. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "command/commands.h"
#include "model/event.h"
#include "pipeline/rulecheck.h"
#include "pipeline/rulefile.h"
#include "stage/crew.h"

#define LINE_BYTES (256 * 1024)

struct scanning {
	struct orch_cli *cli;
	struct orch_plan *plan;
	struct orch_crew *crew;
	struct orch_buf out;
	uint64_t files, found, unseen;
};

static void add_finding(struct scanning *scanning, const char *path, struct orch_text text,
	const struct orch_ruleset *set, const struct orch_finding *finding,
	struct orch_arena *arena)
{
	const struct orch_stored_rule *rule = orch_ruleset_rule(set, finding->rule);
	struct orch_text name = rule == NULL ? finding->rule : rule->rule.name;
	struct orch_text bytes = ORCH_TEXT_NONE;
	struct orch_buf *out = &scanning->out;

	if (finding->start <= text.len && finding->length <= text.len - finding->start)
		bytes = (struct orch_text){ text.ptr + finding->start, (size_t)finding->length };
	bytes = orch_mask_excerpt(arena, bytes);
	if (scanning->cli->json) {
		orch_buf_add_string(out, "{\"path\":");
		orch_buf_add_json(out, orch_text_from(path));
		orch_buf_add_string(out, ",\"rule\":");
		orch_buf_add_json(out, finding->rule);
		orch_buf_add_string(out, ",\"name\":");
		orch_buf_add_json(out, name);
		orch_buf_printf(out,
			",\"severity\":\"%s\",\"start\":%llu,\"length\":%llu,\"excerpt\":",
			orch_severity_name(finding->severity), (unsigned long long)finding->start,
			(unsigned long long)finding->length);
		orch_buf_add_json(out, bytes);
		orch_buf_add_string(out, "}\n");
		return;
	}
	orch_cli_add_styled(scanning->cli, out, ORCH_CLI_BOLD, orch_text_from(path));
	orch_buf_add_char(out, '\t');
	orch_cli_add_styled(scanning->cli, out,
		finding->severity >= ORCH_HIGH ? ORCH_CLI_RED : ORCH_CLI_YELLOW, finding->rule);
	orch_buf_printf(out, "\t%llu\t%llu\t", (unsigned long long)finding->start,
		(unsigned long long)finding->length);
	orch_cli_add_styled(scanning->cli, out, ORCH_CLI_DIM, bytes);
	orch_buf_add_char(out, '\n');
}

static void note_unseen(struct scanning *scanning, const char *path, const char *why)
{
	scanning->unseen++;
	orch_cli_progress_end(scanning->cli);
	(void)orch_cli_fail(scanning->cli, ORCH_EXIT_PARTLY, "%s: not examined: %s", path, why);
}

static void scan_with(struct scanning *scanning, size_t index, const char *path,
	struct orch_text text, struct orch_arena *arena)
{
	struct orch_plan_instance *tool = &scanning->plan->tools[index];
	struct orch_ruleset *set = orch_plan_rules(tool);
	struct orch_finding *findings = NULL;
	struct orch_text unseen = ORCH_TEXT_NONE;
	struct orch_err err = { "" };
	size_t count = 0;
	int rc = orch_rulecheck_scan(tool, scanning->crew->tools[index], set, ORCH_TEXT("text"),
		text, &scanning->plan->limits, arena, &findings, &count, &unseen, &err);

	if (rc != ORCH_OK)
		note_unseen(scanning, path, err.text);
	else if (unseen.len > 0)
		note_unseen(scanning, path, unseen.ptr);
	for (size_t i = 0; rc == ORCH_OK && i < count; i++)
		add_finding(scanning, path, text, set, &findings[i], arena);
	scanning->found += count;
	orch_ruleset_unref(set);
	orch_cli_print(&scanning->out);
}

static void scan_text(struct scanning *scanning, const char *path, struct orch_text text)
{
	struct orch_arena *arena = orch_arena_create(0);

	if (arena == NULL) {
		note_unseen(scanning, path, "out of memory");
		return;
	}
	for (size_t i = 0; i < scanning->plan->config->tool_count; i++)
		scan_with(scanning, i, path, text, arena);
	orch_arena_destroy(arena);
	if (++scanning->files % 64 == 0)
		orch_cli_progress(scanning->cli, "files", scanning->files, 0);
}

static void scan_file(struct scanning *scanning, const char *path)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err = { "out of memory" };
	struct orch_text text;

	if (arena == NULL ||
		orch_file_read(path, scanning->plan->config->part_bytes, arena, &text, &err) !=
			ORCH_OK)
		note_unseen(scanning, path, err.text);
	else
		scan_text(scanning, path, text);
	orch_arena_destroy(arena);
}

static void scan_stdin(struct scanning *scanning)
{
	struct orch_buf buf;
	char piece[65536];
	ssize_t got;

	orch_buf_init(&buf, scanning->plan->config->part_bytes);
	while ((got = read(STDIN_FILENO, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			orch_buf_add(&buf, piece, (size_t)got);
	if (got < 0)
		note_unseen(scanning, "-", orch_errno_text(errno));
	else if (buf.failed)
		note_unseen(scanning, "-", "it is larger than limits.part_bytes");
	else
		scan_text(scanning, "-", orch_buf_text(&buf));
	orch_buf_fini(&buf);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void scan_path(struct scanning *scanning, char *path)
{
	char *paths[] = { path, NULL };
	FTSENT *entry;
	FTS *tree;

	if (strcmp(path, "-") == 0) {
		scan_stdin(scanning);
		return;
	}
	tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	while (tree != NULL && (entry = fts_read(tree)) != NULL) {
		if (entry->fts_info == FTS_F)
			scan_file(scanning, entry->fts_path);
		else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
			entry->fts_info == FTS_NS)
			note_unseen(scanning, entry->fts_path, orch_errno_text(entry->fts_errno));
	}
	if (tree == NULL || fts_close(tree) != 0)
		note_unseen(scanning, path, orch_errno_text(errno));
}

static int scan_paths(struct orch_cli *cli, struct orch_plan *plan)
{
	struct scanning scanning = { .cli = cli, .plan = plan };
	struct orch_err err = { "" };

	if (orch_crew_create(plan, ORCH_STAGE_SCAN, &scanning.crew, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_CONFIG, "%s", err.text);
	orch_buf_init(&scanning.out, LINE_BYTES * 64);
	for (size_t i = 0; i < cli->word_count; i++)
		scan_path(&scanning, cli->words[i]);
	orch_cli_progress_end(cli);
	orch_buf_fini(&scanning.out);
	orch_crew_unref(scanning.crew);
	if (scanning.unseen > 0)
		return ORCH_EXIT_PARTLY;
	return scanning.found > 0 ? ORCH_EXIT_FAILED : ORCH_EXIT_OK;
}

static int load_rules(struct orch_cli *cli, struct orch_plan *plan)
{
	struct orch_err err = { "" };
	struct orch_keep keep;
	int rc = orch_cli_keep(cli, plan->config, &keep);

	if (rc != ORCH_EXIT_OK)
		return rc;
	rc = orch_rulefile_first_import(plan, keep.store, &err);
	if (rc == ORCH_OK)
		rc = orch_plan_load_rules(plan, keep.store, &err);
	orch_keep_close(&keep);
	return rc == ORCH_OK ? ORCH_EXIT_OK : orch_cli_fail(cli, ORCH_EXIT_CONFIG, "%s", err.text);
}

int orch_command_scan(struct orch_cli *cli)
{
	struct orch_plan *plan = orch_cli_plan(cli);
	int rc;

	if (plan == NULL)
		return ORCH_EXIT_CONFIG;
	rc = load_rules(cli, plan);
	if (rc == ORCH_EXIT_OK)
		rc = scan_paths(cli, plan);
	orch_plan_unref(plan);
	return rc;
}
