/* SPDX-License-Identifier: Apache-2.0 */
/* Scans files, folders or standard input with the configured tools and the rules of the store. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
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

/* What is found, where, and by which rule. */
struct hit {
	const char *path;
	const struct orch_finding *finding;
	const struct orch_stored_rule *rule; /* NULL: not a rule of the store */
	struct orch_text excerpt;
};

static void add_hit_json(struct orch_buf *out, const struct hit *hit)
{
	bool shadow = hit->rule != NULL && hit->rule->state == ORCH_RULE_SHADOW;

	orch_buf_add_string(out, "{\"path\":");
	orch_buf_add_json(out, orch_text_from(hit->path));
	orch_cli_add_json(out, "rule", hit->finding->rule);
	orch_cli_add_json(
		out, "name", hit->rule == NULL ? hit->finding->rule : hit->rule->rule.name);
	orch_buf_printf(out, ",\"severity\":\"%s\",\"shadow\":%s,\"start\":%llu,\"length\":%llu",
		orch_severity_name(hit->finding->severity), shadow ? "true" : "false",
		(unsigned long long)hit->finding->start, (unsigned long long)hit->finding->length);
	orch_cli_add_json(out, "excerpt", hit->excerpt);
	orch_buf_add_string(out, "}\n");
}

static void add_hit(const struct orch_cli *cli, struct orch_buf *out, const struct hit *hit)
{
	orch_cli_add_styled(cli, out, ORCH_CLI_BOLD, orch_text_from(hit->path));
	orch_buf_add_char(out, '\t');
	orch_cli_add_styled(cli, out,
		hit->finding->severity >= ORCH_HIGH ? ORCH_CLI_RED : ORCH_CLI_YELLOW,
		hit->finding->rule);
	orch_buf_printf(out, "\t%llu\t%llu\t", (unsigned long long)hit->finding->start,
		(unsigned long long)hit->finding->length);
	orch_cli_add_styled(cli, out, ORCH_CLI_DIM, hit->excerpt);
	orch_buf_add_char(out, '\n');
}

static void add_finding(struct scanning *scanning, const char *path, struct orch_text text,
	const struct orch_ruleset *set, const struct orch_finding *finding,
	struct orch_arena *arena)
{
	struct hit hit = {
		.path = path, .finding = finding, .rule = orch_ruleset_rule(set, finding->rule)
	};
	struct orch_text bytes = ORCH_TEXT_NONE;

	if (finding->start <= text.len && finding->length <= text.len - finding->start)
		bytes = (struct orch_text){ text.ptr + finding->start, (size_t)finding->length };
	hit.excerpt = orch_mask_excerpt(arena, bytes);
	if (scanning->cli->json)
		add_hit_json(&scanning->out, &hit);
	else
		add_hit(scanning->cli, &scanning->out, &hit);
	orch_cli_progress_end(scanning->cli);
	/* A line at a time, so that the number of findings needs no memory. */
	orch_cli_print(&scanning->out);
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
	int rc =
		orch_rulecheck_scan(tool, scanning->crew->tools[index].self, set, ORCH_TEXT("text"),
			text, &scanning->plan->limits, arena, &findings, &count, &unseen, &err);

	if (rc != ORCH_OK)
		note_unseen(scanning, path, err.text);
	else if (unseen.len > 0)
		note_unseen(scanning, path, unseen.ptr);
	else if (orch_plan_is_blind(tool, set))
		note_unseen(scanning, path, "the tool has no rules");
	for (size_t i = 0; rc == ORCH_OK && i < count; i++)
		add_finding(scanning, path, text, set, &findings[i], arena);
	scanning->found += count;
	orch_ruleset_unref(set);
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
	orch_cli_progress(scanning->cli, "files", ++scanning->files, 0);
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

/* Standard input, or a pipe that was named. */
static void scan_stream(struct scanning *scanning, const char *path, int fd)
{
	struct orch_buf buf;
	char piece[65536];
	ssize_t got;

	orch_buf_init(&buf, scanning->plan->config->part_bytes);
	while ((got = read(fd, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			orch_buf_add(&buf, piece, (size_t)got);
	if (got < 0)
		note_unseen(scanning, path, orch_errno_text(errno));
	else if (buf.failed)
		note_unseen(scanning, path, "it is larger than limits.part_bytes");
	else
		scan_text(scanning, path, orch_buf_text(&buf));
	orch_buf_fini(&buf);
}

/* Something named that is no plain file: a pipe can be read, <(…) is one. */
static void scan_special(struct scanning *scanning, const FTSENT *entry)
{
	int fd;

	if (!S_ISFIFO(entry->fts_statp->st_mode)) {
		note_unseen(scanning, entry->fts_path, "it is no file");
		return;
	}
	fd = orch_path_open(entry->fts_accpath, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) {
		note_unseen(scanning, entry->fts_path, orch_errno_text(errno));
		return;
	}
	scan_stream(scanning, entry->fts_path, fd);
	(void)close(fd);
}

/* Within folders links are not followed, and what is no file has no content. */
static void scan_entry(struct scanning *scanning, const FTSENT *entry)
{
	bool is_named = entry->fts_level == FTS_ROOTLEVEL;

	switch (entry->fts_info) {
	case FTS_F:
		scan_file(scanning, entry->fts_path);
		break;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		note_unseen(scanning, entry->fts_path, orch_errno_text(entry->fts_errno));
		break;
	case FTS_SLNONE:
		note_unseen(scanning, entry->fts_path, "the link leads nowhere");
		break;
	case FTS_DEFAULT:
		if (is_named)
			scan_special(scanning, entry);
		break;
	default:
		break;
	}
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
		scan_stream(scanning, "-", STDIN_FILENO);
		return;
	}
	/* Which fts would pass over without a word. */
	if (path[0] == '\0') {
		note_unseen(scanning, "\"\"", "the path is empty");
		return;
	}
	tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	errno = 0;
	while (tree != NULL && (entry = fts_read(tree)) != NULL) {
		scan_entry(scanning, entry);
		errno = 0;
	}
	if (errno != 0)
		note_unseen(scanning, path, orch_errno_text(errno));
	if (tree != NULL)
		(void)fts_close(tree);
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
	struct orch_rule_gaps gaps;
	struct orch_err err = { "" };
	struct orch_keep keep;
	int rc = orch_cli_keep(cli, plan->config, &keep);

	if (rc != ORCH_EXIT_OK)
		return rc;
	rc = orch_rulefile_first_import(plan, keep.store, &err);
	if (rc == ORCH_OK)
		rc = orch_plan_load_rules(plan, keep.store, &gaps, &err);
	orch_keep_close(&keep);
	return rc == ORCH_OK ? ORCH_EXIT_OK : orch_cli_fail(cli, ORCH_EXIT_CONFIG, "%s", err.text);
}

int orch_command_scan(struct orch_cli *cli)
{
	struct orch_plan *plan = orch_cli_plan(cli);
	int rc;

	if (plan == NULL)
		return ORCH_EXIT_CONFIG;
	/* Nothing would be found, which is not the same as clean. */
	rc = plan->config->tool_count == 0
		? orch_cli_fail(
			  cli, ORCH_EXIT_CONFIG, "%s has no tools; add a block to tools", cli->file)
		: load_rules(cli, plan);
	if (rc == ORCH_EXIT_OK)
		rc = scan_paths(cli, plan);
	orch_plan_unref(plan);
	return rc;
}
