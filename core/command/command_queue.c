/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "command/commands.h"

#define OUTPUT_BYTES (64 * 1024 * 1024)
#define NAMES_BYTES 4096 /* of queues in an error */
#define LIMIT 50
#define PART 1000 /* dead letters that are changed at once */

static void add_stats_json(struct orch_buf *out, const struct orch_queue_stats *stats)
{
	orch_buf_add_string(out, "{\"queue\":");
	orch_buf_add_json(out, orch_text_from(stats->name));
	orch_buf_printf(out,
		",\"waiting\":%llu,\"leased\":%llu,\"delayed\":%llu,\"dead\":%llu,\"oldest_ms\":%"
		"llu}\n",
		(unsigned long long)stats->waiting, (unsigned long long)stats->leased,
		(unsigned long long)stats->delayed, (unsigned long long)stats->dead,
		(unsigned long long)stats->oldest_ms);
}

static void add_stats_row(
	struct orch_cli *cli, struct orch_buf *cells, const struct orch_queue_stats *stats)
{
	struct orch_text dead =
		orch_arena_printf(cli->arena, "%llu", (unsigned long long)stats->dead);

	orch_cli_add_styled(cli, cells, NULL, orch_text_from(stats->name));
	orch_buf_printf(cells, "\t%llu\t%llu\t%llu\t", (unsigned long long)stats->waiting,
		(unsigned long long)stats->leased, (unsigned long long)stats->delayed);
	orch_cli_add_styled(cli, cells, stats->dead > 0 ? ORCH_CLI_RED : NULL, dead);
	orch_buf_printf(cells, "\t%.*s\n", ORCH_TEXT_ARG(orch_cli_age(cli, stats->oldest_ms)));
}

static void add_ledger(struct orch_cli *cli, struct orch_buf *out, const struct orch_ledger *sum)
{
	if (cli->json) {
		orch_buf_printf(out,
			"{\"ledger\":{\"accepted\":%llu,\"done\":%llu,\"dropped\":%llu,\"dead\":%"
			"llu,"
			"\"in_flight\":%llu,\"duplicates\":%llu,\"damaged\":%llu,\"imbalance\":%"
			"lld}}\n",
			(unsigned long long)sum->accepted, (unsigned long long)sum->done,
			(unsigned long long)sum->dropped, (unsigned long long)sum->dead,
			(unsigned long long)sum->in_flight, (unsigned long long)sum->duplicates,
			(unsigned long long)sum->damaged, (long long)sum->imbalance);
		return;
	}
	orch_buf_printf(out,
		"\naccepted %llu = done %llu + dropped %llu + dead %llu + in flight %llu%s\n",
		(unsigned long long)sum->accepted, (unsigned long long)sum->done,
		(unsigned long long)sum->dropped, (unsigned long long)sum->dead,
		(unsigned long long)sum->in_flight,
		sum->imbalance == 0 ? "" : "   (DOES NOT BALANCE: this is a bug)");
	if (sum->dead > 0)
		orch_buf_add_string(out, "orchestrator queue peek --dead says why they died\n");
}

static int list(struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep)
{
	struct orch_queue_stats *stats;
	struct orch_ledger *ledgers;
	struct orch_err err = { "" };
	struct orch_buf cells, out;
	size_t count, ledger_count;

	(void)config;
	if (orch_queue_stats(keep->queue, cli->arena, &stats, &count, &err) != ORCH_OK ||
		orch_queue_ledger(keep->queue, cli->arena, &ledgers, &ledger_count, &err) !=
			ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "QUEUE\tWAITING\tLEASED\tDELAYED\tDEAD\tOLDEST\n");
	for (size_t i = 0; i < count; i++) {
		if (cli->json)
			add_stats_json(&out, &stats[i]);
		else
			add_stats_row(cli, &cells, &stats[i]);
	}
	if (!cli->json)
		orch_cli_add_table(cli, &out, orch_buf_text(&cells));
	if (ledger_count > 0)
		add_ledger(cli, &out, &ledgers[0]);
	orch_cli_print(&out);
	orch_buf_fini(&out);
	orch_buf_fini(&cells);
	return ORCH_EXIT_OK;
}

static int make_filter(struct orch_cli *cli, struct orch_queue_filter *filter)
{
	const char *limit = orch_cli_get(cli, "limit");
	uint64_t number = LIMIT;

	*filter = (struct orch_queue_filter){
		.queue = cli->word_count > 0 ? orch_text_from(cli->words[0]) : ORCH_TEXT_NONE,
		.id = orch_text_from(orch_cli_get(cli, "id")),
		.dead = orch_cli_get(cli, "dead") != NULL,
		.with_body = orch_cli_get(cli, "reveal") != NULL,
	};
	if (limit != NULL &&
		orch_text_to_uint(orch_text_from(limit), 1, 1000000, &number) != ORCH_OK)
		return orch_cli_fail(
			cli, ORCH_EXIT_USAGE, "--limit wants a number from 1 to 1000000");
	filter->limit = (size_t)number;
	return ORCH_EXIT_OK;
}

/* A queue that was there once, or that the configuration makes. */
static bool is_queue(const struct orch_config *config, const struct orch_queue_stats *stats,
	size_t count, struct orch_text name)
{
	const struct orch_text act = ORCH_TEXT("act.");

	for (size_t i = 0; i < count; i++)
		if (orch_text_is(name, stats[i].name))
			return true;
	if (orch_text_starts_with(name, act))
		for (size_t i = 0; i < config->action_count; i++)
			if (orch_text_equal(config->actions[i].name,
				    (struct orch_text){ name.ptr + act.len, name.len - act.len }))
				return true;
	return orch_text_is(name, "scan");
}

static void add_names(struct orch_buf *names, const struct orch_config *config,
	const struct orch_queue_stats *stats, size_t count)
{
	orch_buf_add_string(names, "scan");
	for (size_t i = 0; i < config->action_count; i++)
		orch_buf_printf(names, ", act.%.*s", ORCH_TEXT_ARG(config->actions[i].name));
	for (size_t i = 0; i < count; i++) {
		struct orch_text name = orch_text_from(stats[i].name);

		/* One of an action that is not in the configuration any more. */
		if (!is_queue(config, NULL, 0, name))
			orch_buf_printf(names, ", %s", stats[i].name);
	}
}

static int refuse_unknown(struct orch_cli *cli, const struct orch_config *config,
	struct orch_keep *keep, struct orch_text name)
{
	struct orch_queue_stats *stats;
	struct orch_err err = { "" };
	struct orch_buf names;
	size_t count;
	int rc;

	if (name.len == 0)
		return ORCH_EXIT_OK;
	if (orch_queue_stats(keep->queue, cli->arena, &stats, &count, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	if (is_queue(config, stats, count, name))
		return ORCH_EXIT_OK;
	orch_buf_init(&names, NAMES_BYTES);
	add_names(&names, config, stats, count);
	rc = orch_cli_fail(cli, ORCH_EXIT_NOT_THERE, "there is no queue \"%.*s\"; there are %s",
		ORCH_TEXT_ARG(name), names.len > 0 ? names.ptr : "none");
	orch_buf_fini(&names);
	return rc;
}

static void add_entry_json(
	struct orch_buf *out, const struct orch_queue_entry *entry, bool with_body)
{
	orch_buf_printf(out, "{\"row\":%llu", (unsigned long long)entry->row);
	orch_cli_add_json(out, "queue", entry->queue);
	orch_cli_add_json(out, "id", entry->id);
	orch_cli_add_json(out, "pipeline", entry->pipeline);
	orch_cli_add_json(out, "tenant", entry->tenant);
	orch_cli_add_json(out, "trace", entry->trace);
	orch_cli_add_json(out, "state", entry->state);
	orch_cli_add_json(out, "reason", entry->reason);
	orch_cli_add_json(out, "detail", entry->detail);
	orch_buf_printf(out, ",\"receives\":%u,\"attempts\":%u,\"put_ms\":%llu,\"ended_ms\":%llu",
		entry->receives, entry->attempts, (unsigned long long)entry->put_ms,
		(unsigned long long)entry->ended_ms);
	if (with_body)
		orch_cli_add_json(out, "body", entry->body);
	orch_buf_add_string(out, "}\n");
}

static void add_entry_row(struct orch_cli *cli, struct orch_buf *cells,
	const struct orch_queue_entry *entry, bool with_body)
{
	uint64_t now = orch_clock_now_ms();

	orch_cli_add_styled(cli, cells, NULL, entry->id);
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, NULL, entry->queue);
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, NULL, entry->state);
	orch_buf_printf(cells, "\t%u\t%.*s\t", entry->receives,
		ORCH_TEXT_ARG(orch_cli_age(cli, now > entry->put_ms ? now - entry->put_ms : 0)));
	orch_cli_add_styled(cli, cells, ORCH_CLI_RED, entry->reason);
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, NULL, entry->detail);
	if (with_body) {
		orch_buf_add_char(cells, '\t');
		orch_cli_add_styled(cli, cells, ORCH_CLI_DIM, entry->body);
	}
	orch_buf_add_char(cells, '\n');
}

static int peek(struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep)
{
	struct orch_queue_filter filter;
	struct orch_queue_entry *entries;
	struct orch_err err = { "" };
	struct orch_buf cells, out;
	size_t count;
	int rc = make_filter(cli, &filter);

	if (rc == ORCH_EXIT_OK)
		rc = refuse_unknown(cli, config, keep, filter.queue);
	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_queue_peek(keep->queue, &filter, cli->arena, &entries, &count, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "ID\tQUEUE\tSTATE\tRECEIVES\tAGE\tREASON\tDETAIL");
	orch_buf_add_string(&cells, filter.with_body ? "\tBODY\n" : "\n");
	for (size_t i = 0; i < count; i++) {
		if (cli->json)
			add_entry_json(&out, &entries[i], filter.with_body);
		else
			add_entry_row(cli, &cells, &entries[i], filter.with_body);
	}
	if (!cli->json)
		orch_cli_add_table(cli, &out, orch_buf_text(&cells));
	orch_cli_print(&out);
	orch_buf_fini(&out);
	orch_buf_fini(&cells);
	return ORCH_EXIT_OK;
}

typedef int change_fn(struct orch_queue *queue, const struct orch_queue_filter *filter,
	struct orch_queue_swept *ret_swept, struct orch_err *err);

static uint64_t count_dead(
	struct orch_cli *cli, struct orch_queue *queue, const struct orch_queue_filter *filter)
{
	struct orch_queue_stats *stats;
	struct orch_err err;
	uint64_t dead = 0;
	size_t count;

	if (orch_queue_stats(queue, cli->arena, &stats, &count, &err) != ORCH_OK)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (filter->queue.len == 0 || orch_text_is(filter->queue, stats[i].name))
			dead += stats[i].dead;
	return dead < filter->limit ? dead : filter->limit;
}

/* A part at a time, which is how the queue does it anyway, to tell how far it is. */
static int change_all(struct orch_cli *cli, struct orch_queue *queue,
	const struct orch_queue_filter *filter, change_fn *work, struct orch_queue_swept *all,
	struct orch_err *err)
{
	uint64_t total = count_dead(cli, queue, filter);
	struct orch_queue_filter part = *filter;
	int rc;

	do {
		size_t room = filter->limit - (size_t)all->changed;
		struct orch_queue_swept swept;

		part.limit = room < PART ? room : PART;
		part.after_row = all->after_row;
		rc = work(queue, &part, &swept, err);
		if (rc != ORCH_OK)
			break;
		swept.changed += all->changed;
		swept.left += all->left;
		*all = swept;
		orch_cli_progress(cli, "dead letters", all->changed + all->left, total);
	} while (!all->is_over && all->changed < filter->limit);
	orch_cli_progress_end(cli);
	return rc;
}

/* Of all that were meant, or there is something to be seen to. */
static int tell_change(struct orch_cli *cli, const struct orch_queue_swept *swept, const char *done)
{
	unsigned long long changed = swept->changed, left = swept->left;

	if (cli->json)
		printf("{\"%s\":%llu,\"left\":%llu}\n", done, changed, left);
	else
		printf("%llu %s\n", changed, done);
	if (left == 0)
		return ORCH_EXIT_OK;
	return orch_cli_fail(cli, ORCH_EXIT_FAILED,
		"%llu cannot go back and stay where they are: damaged, no message of ours, or in "
		"the queue again; queue peek --dead shows them, queue discard drops them",
		left);
}

static int change(struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep,
	change_fn *work, const char *done)
{
	struct orch_queue_filter filter;
	struct orch_queue_swept swept = { .changed = 0 };
	struct orch_err err = { "" };
	int rc = make_filter(cli, &filter);

	if (rc != ORCH_EXIT_OK)
		return rc;
	if (filter.queue.len == 0 && filter.id.len == 0 && orch_cli_get(cli, "all") == NULL)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "say which: QUEUE, --id ID or --all");
	rc = refuse_unknown(cli, config, keep, filter.queue);
	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_cli_get(cli, "limit") == NULL)
		filter.limit = SIZE_MAX;
	filter.dead = true;
	if (change_all(cli, keep->queue, &filter, work, &swept, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	if (swept.changed + swept.left == 0 && filter.id.len > 0)
		return orch_cli_fail(cli, ORCH_EXIT_NOT_THERE,
			"there is no dead letter of the id %.*s; see queue peek --dead",
			ORCH_TEXT_ARG(filter.id));
	return tell_change(cli, &swept, done);
}

static int redrive(struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep)
{
	return change(cli, config, keep, orch_queue_redrive, "redriven");
}

static int discard(struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep)
{
	return change(cli, config, keep, orch_queue_discard, "discarded");
}

int orch_command_queue_list(struct orch_cli *cli)
{
	return orch_cli_with_keep(cli, list);
}

int orch_command_queue_peek(struct orch_cli *cli)
{
	return orch_cli_with_keep(cli, peek);
}

int orch_command_queue_redrive(struct orch_cli *cli)
{
	return orch_cli_with_keep(cli, redrive);
}

int orch_command_queue_discard(struct orch_cli *cli)
{
	return orch_cli_with_keep(cli, discard);
}
