/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "command/commands.h"
#include "model/event.h"

#define OUTPUT_BYTES (64 * 1024 * 1024)
#define LIMIT 50
#define PIPELINES_MAX 1000 /* that one event may have gone through */

static const char *const inspections[] = { "inspected", "partly inspected", "uninspected" };

/* Of a row that was changed on the disk nothing is told as if it were true. */
static const char *verdict_of(const struct orch_stored_event *event)
{
	return event->damaged ? "damaged" : orch_verdict_name(event->verdict);
}

static const char *inspection_of(const struct orch_stored_event *event)
{
	return event->damaged ? "damaged" : inspections[event->inspection];
}

static const char *severity_of(const struct orch_stored_finding *stored)
{
	return stored->damaged ? "damaged" : orch_severity_name(stored->finding.severity);
}

/* As the tool wrote it, if that is JSON as it should be. */
static void add_detail_json(struct orch_buf *out, struct orch_text detail)
{
	struct json_object *object = NULL;
	struct orch_err err;

	if (detail.len == 0)
		orch_buf_add_string(out, "null");
	else if (orch_json_parse(detail, &object, &err) == ORCH_OK)
		orch_buf_add_text(out, orch_json_print(object));
	else
		orch_buf_add_json(out, detail);
	json_object_put(object);
}

/* The detail may quote the message: it is sealed, and shown only to REVEAL. */
static void add_finding_json(
	struct orch_buf *out, const struct orch_stored_finding *stored, bool reveal)
{
	const struct orch_finding *finding = &stored->finding;

	orch_buf_add_string(out, "{\"rule\":");
	orch_buf_add_json(out, finding->rule);
	orch_cli_add_json(out, "name", finding->rule_name);
	orch_buf_printf(out, ",\"version\":%u", stored->rule_version);
	orch_cli_add_json(out, "expression", stored->expression);
	orch_cli_add_json(out, "tool", finding->tool);
	orch_buf_printf(out, ",\"severity\":\"%s\",\"confidence\":%u,\"shadow\":%s",
		severity_of(stored), finding->confidence, stored->shadow ? "true" : "false");
	orch_cli_add_json(out, "part", stored->part_name);
	orch_buf_printf(out, ",\"start\":%llu,\"length\":%llu", (unsigned long long)finding->start,
		(unsigned long long)finding->length);
	orch_cli_add_json(out, "excerpt", stored->excerpt);
	orch_cli_add_json(out, "title", finding->title);
	orch_cli_add_json(out, "advice", finding->advice);
	if (reveal) {
		orch_buf_add_string(out, ",\"detail\":");
		add_detail_json(out, finding->detail);
	}
	orch_buf_add_char(out, '}');
}

static struct orch_text state_of(const struct orch_stored_result *result)
{
	return result->damaged ? ORCH_TEXT("damaged") : result->state;
}

static void add_result_json(struct orch_buf *out, const struct orch_stored_result *result)
{
	orch_buf_add_string(out, "{\"action\":");
	orch_buf_add_json(out, result->action);
	orch_cli_add_json(out, "state", state_of(result));
	orch_cli_add_json(out, "outcome", result->outcome);
	orch_cli_add_json(out, "detail", result->detail);
	orch_buf_printf(out, ",\"attempts\":%u,\"at_ms\":%llu}", result->attempts,
		(unsigned long long)result->at_ms);
}

static void add_event_json(struct orch_buf *out, const struct orch_stored_event *event, bool reveal)
{
	orch_buf_add_string(out, "{\"id\":");
	orch_buf_add_json(out, event->id);
	orch_cli_add_json(out, "trace", event->trace);
	orch_cli_add_json(out, "source", event->source);
	orch_cli_add_json(out, "pipeline", event->pipeline);
	orch_cli_add_json(out, "type", event->type);
	orch_cli_add_json(out, "tenant", event->tenant);
	orch_cli_add_json(out, "actor", event->actor);
	orch_buf_printf(out,
		",\"time_ms\":%llu,\"stored_ms\":%llu,\"verdict\":\"%s\",\"enforced\":%s",
		(unsigned long long)event->time_ms, (unsigned long long)event->stored_ms,
		verdict_of(event), event->enforced ? "true" : "false");
	orch_cli_add_json(out, "inspection", orch_text_from(inspection_of(event)));
	orch_cli_add_json(out, "inspection_note", event->inspection_note);
	orch_buf_add_string(out, ",\"fields\":{");
	for (size_t i = 0; i < event->field_count; i++) {
		if (i > 0)
			orch_buf_add_char(out, ',');
		orch_buf_add_json(out, event->fields[i].name);
		orch_buf_add_char(out, ':');
		orch_buf_add_json(out, event->fields[i].value);
	}
	orch_buf_add_string(out, "},\"findings\":[");
	for (size_t i = 0; i < event->finding_count; i++) {
		if (i > 0)
			orch_buf_add_char(out, ',');
		add_finding_json(out, &event->findings[i], reveal);
	}
	orch_buf_add_char(out, ']');
}

static void add_full_json(struct orch_buf *out, const struct orch_stored_event *event,
	const struct orch_stored_result *results, size_t count, bool reveal)
{
	add_event_json(out, event, reveal);
	orch_buf_add_string(out, ",\"actions\":[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			orch_buf_add_char(out, ',');
		add_result_json(out, &results[i]);
	}
	orch_buf_add_char(out, ']');
	if (reveal) {
		orch_buf_add_string(out, ",\"content\":");
		orch_buf_add_text(out, event->content.len > 0 ? event->content : ORCH_TEXT("null"));
	}
	orch_buf_add_string(out, "}\n");
}

static const char *verdict_style(const struct orch_stored_event *event)
{
	return event->verdict == ORCH_BLOCK || event->damaged ? ORCH_CLI_RED
		: event->verdict == ORCH_FLAG                 ? ORCH_CLI_YELLOW
							      : NULL;
}

static void add_row(
	struct orch_cli *cli, struct orch_buf *cells, const struct orch_stored_event *event)
{
	const struct orch_stored_finding *first =
		event->finding_count > 0 ? &event->findings[0] : NULL;

	orch_cli_add_styled(cli, cells, NULL, orch_cli_time(cli, event->stored_ms));
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, verdict_style(event), orch_text_from(verdict_of(event)));
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, NULL,
		first == NULL            ? orch_text_from(inspection_of(event))
			: first->damaged ? ORCH_TEXT("damaged")
					 : first->finding.rule);
	if (event->finding_count > 1)
		orch_buf_printf(cells, " +%zu", event->finding_count - 1);
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, NULL, first != NULL ? first->excerpt : ORCH_TEXT("-"));
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, NULL, event->actor);
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, NULL, event->pipeline);
	orch_buf_add_char(cells, '\t');
	orch_cli_add_styled(cli, cells, ORCH_CLI_DIM, event->id);
	orch_buf_add_char(cells, '\n');
}

static int make_filter(struct orch_cli *cli, struct orch_event_filter *filter)
{
	const char *limit = orch_cli_get(cli, "limit");
	const char *verdict = orch_cli_get(cli, "verdict");
	uint64_t number = LIMIT;

	*filter = (struct orch_event_filter){
		.id = ORCH_TEXT_NONE,
		.rule = orch_text_from(orch_cli_get(cli, "rule")),
		.pipeline = orch_text_from(orch_cli_get(cli, "pipeline")),
		.verdict = verdict == NULL ? -1 : orch_verdict_from(orch_text_from(verdict)),
	};
	if (verdict != NULL && filter->verdict < 0)
		return orch_cli_fail(cli, ORCH_EXIT_USAGE, "--verdict wants pass, flag or block");
	if (limit != NULL &&
		orch_text_to_uint(orch_text_from(limit), 1, 1000000, &number) != ORCH_OK)
		return orch_cli_fail(
			cli, ORCH_EXIT_USAGE, "--limit wants a number from 1 to 1000000");
	filter->limit = (size_t)number;
	return ORCH_EXIT_OK;
}

static int list(struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep)
{
	struct orch_event_filter filter;
	struct orch_stored_event *events;
	struct orch_err err = { "" };
	struct orch_buf cells, out;
	size_t count;
	int rc = make_filter(cli, &filter);

	(void)config;
	if (rc != ORCH_EXIT_OK)
		return rc;
	if (orch_store_events(keep->store, &filter, cli->arena, &events, &count, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_init(&out, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "STORED\tVERDICT\tRULE\tEXCERPT\tACTOR\tPIPELINE\tID\n");
	for (size_t i = 0; i < count; i++) {
		if (cli->json) {
			add_event_json(&out, &events[i], false);
			orch_buf_add_string(&out, "}\n");
		} else {
			add_row(cli, &cells, &events[i]);
		}
	}
	if (!cli->json)
		orch_cli_add_table(cli, &out, orch_buf_text(&cells));
	orch_cli_print(&out);
	orch_buf_fini(&out);
	orch_buf_fini(&cells);
	return ORCH_EXIT_OK;
}

static bool says_the_same(const struct orch_stored_finding *a, const struct orch_stored_finding *b)
{
	return a->rule_version == b->rule_version &&
		orch_text_equal(a->finding.rule, b->finding.rule) &&
		orch_text_equal(a->expression, b->expression) &&
		orch_text_equal(a->finding.title, b->finding.title) &&
		orch_text_equal(a->finding.advice, b->finding.advice);
}

/* What has no room in a column; said once of findings that follow each other. */
static void add_words(
	const struct orch_cli *cli, struct orch_buf *out, const struct orch_stored_event *event)
{
	for (size_t i = 0; i < event->finding_count; i++) {
		const struct orch_stored_finding *stored = &event->findings[i];
		const struct orch_finding *finding = &stored->finding;
		bool is_repeat = i > 0 && says_the_same(stored, stored - 1);

		if (is_repeat && finding->detail.len == 0)
			continue;
		orch_buf_add_char(out, '\n');
		orch_cli_add_line(cli, out, "rule", finding->rule);
		if (!is_repeat) {
			if (!orch_text_equal(finding->title, finding->rule))
				orch_cli_add_filled_line(cli, out, "title", finding->title);
			orch_cli_add_filled_line(cli, out, "advice", finding->advice);
			orch_cli_add_filled_line(cli, out, "expression", stored->expression);
		}
		orch_cli_add_filled_line(cli, out, "detail", finding->detail);
	}
}

static void add_findings(
	struct orch_cli *cli, struct orch_buf *out, const struct orch_stored_event *event)
{
	struct orch_buf cells;

	if (event->finding_count == 0)
		return;
	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "RULE\tVERSION\tSEVERITY\tPART\tSTART\tLENGTH\tEXCERPT\n");
	for (size_t i = 0; i < event->finding_count; i++) {
		const struct orch_stored_finding *stored = &event->findings[i];

		orch_cli_add_styled(cli, &cells, NULL, stored->finding.rule);
		orch_buf_printf(&cells, "%s\t%u\t%s\t", stored->shadow ? " (shadow)" : "",
			stored->rule_version, severity_of(stored));
		orch_cli_add_styled(cli, &cells, NULL, stored->part_name);
		orch_buf_printf(&cells, "\t%llu\t%llu\t", (unsigned long long)stored->finding.start,
			(unsigned long long)stored->finding.length);
		orch_cli_add_styled(cli, &cells, ORCH_CLI_RED, stored->excerpt);
		orch_buf_add_char(&cells, '\n');
	}
	orch_buf_add_char(out, '\n');
	orch_cli_add_table(cli, out, orch_buf_text(&cells));
	orch_buf_fini(&cells);
	add_words(cli, out, event);
}

static void add_results(struct orch_cli *cli, struct orch_buf *out,
	const struct orch_stored_result *results, size_t count)
{
	struct orch_buf cells;

	if (count == 0)
		return;
	orch_buf_init(&cells, OUTPUT_BYTES);
	orch_buf_add_string(&cells, "ACTION\tSTATE\tOUTCOME\tTRIES\tAT\tDETAIL\n");
	for (size_t i = 0; i < count; i++) {
		orch_cli_add_styled(cli, &cells, NULL, results[i].action);
		orch_buf_add_char(&cells, '\t');
		orch_cli_add_styled(cli, &cells, results[i].damaged ? ORCH_CLI_RED : NULL,
			state_of(&results[i]));
		orch_buf_add_char(&cells, '\t');
		orch_cli_add_styled(cli, &cells, ORCH_CLI_GREEN, results[i].outcome);
		orch_buf_printf(&cells, "\t%u\t%.*s\t", results[i].attempts,
			ORCH_TEXT_ARG(orch_cli_time(cli, results[i].at_ms)));
		orch_cli_add_styled(cli, &cells, NULL, results[i].detail);
		orch_buf_add_char(&cells, '\n');
	}
	orch_buf_add_char(out, '\n');
	orch_cli_add_table(cli, out, orch_buf_text(&cells));
	orch_buf_fini(&cells);
}

/* The sealed content, part by part, as it was; shown only on request. */
static void add_content(struct orch_cli *cli, struct orch_buf *out, struct orch_text content)
{
	struct orch_event *event;
	struct orch_err err = { "" };

	if (orch_event_read(content, cli->arena, &event, &err) != ORCH_OK) {
		orch_buf_printf(out, "\nthe content does not open: %s\n", err.text);
		return;
	}
	for (size_t i = 0; i < event->part_count; i++) {
		struct orch_text rest = event->parts[i].bytes, line;

		orch_buf_add_char(out, '\n');
		orch_cli_add_styled(cli, out, ORCH_CLI_BOLD, event->parts[i].name);
		orch_buf_add_char(out, '\n');
		while (rest.len > 0 && orch_text_split(&rest, '\n', &line)) {
			orch_buf_add_string(out, "  ");
			orch_cli_add_styled(cli, out, NULL, line);
			orch_buf_add_char(out, '\n');
		}
	}
}

/* Their names are the plugin's, and may be long. */
static void add_fields(
	const struct orch_cli *cli, struct orch_buf *out, const struct orch_stored_event *event)
{
	size_t width = ORCH_CLI_NAME_COLUMN;

	for (size_t i = 0; i < event->field_count; i++)
		if (event->fields[i].name.len >= width)
			width = event->fields[i].name.len + 1;
	if (event->field_count > 0)
		orch_buf_add_char(out, '\n');
	for (size_t i = 0; i < event->field_count; i++)
		if (event->fields[i].value.len > 0)
			orch_cli_add_pair(
				cli, out, width, event->fields[i].name, event->fields[i].value);
}

static void add_event(
	struct orch_cli *cli, struct orch_buf *out, const struct orch_stored_event *event)
{
	orch_cli_add_filled_line(cli, out, "id", event->id);
	orch_cli_add_filled_line(cli, out, "trace", event->trace);
	orch_cli_add_filled_line(cli, out, "pipeline", event->pipeline);
	orch_cli_add_filled_line(cli, out, "type", event->type);
	orch_cli_add_filled_line(cli, out, "tenant", event->tenant);
	orch_cli_add_filled_line(cli, out, "actor", event->actor);
	orch_cli_add_filled_line(cli, out, "happened", orch_cli_time(cli, event->time_ms));
	orch_cli_add_filled_line(cli, out, "stored", orch_cli_time(cli, event->stored_ms));
	orch_cli_add_filled_line(cli, out, "verdict", orch_text_from(verdict_of(event)));
	if (!event->enforced)
		orch_cli_add_filled_line(
			cli, out, "enforced", ORCH_TEXT("no, the pipeline only monitors"));
	orch_cli_add_filled_line(cli, out, "inspection", orch_text_from(inspection_of(event)));
	orch_cli_add_filled_line(cli, out, "", event->inspection_note);
	add_fields(cli, out, event);
}

static int show_one(struct orch_cli *cli, struct orch_keep *keep, struct orch_buf *out,
	const struct orch_stored_event *event)
{
	bool reveal = orch_cli_get(cli, "reveal") != NULL;
	struct orch_stored_result *results;
	struct orch_err err = { "" };
	size_t all, count = 0;

	if (orch_store_results(keep->store, event->id, cli->arena, &results, &all, &err) != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	for (size_t i = 0; i < all; i++)
		if (orch_text_equal(results[i].pipeline, event->pipeline))
			results[count++] = results[i];
	if (cli->json) {
		add_full_json(out, event, results, count, reveal);
		return ORCH_EXIT_OK;
	}
	add_event(cli, out, event);
	add_findings(cli, out, event);
	add_results(cli, out, results, count);
	if (reveal)
		add_content(cli, out, event->content);
	return ORCH_EXIT_OK;
}

/* What each pipeline made of it. */
static int show_all(struct orch_cli *cli, struct orch_keep *keep,
	const struct orch_stored_event *events, size_t count)
{
	struct orch_buf out;
	int rc = ORCH_EXIT_OK;

	orch_buf_init(&out, OUTPUT_BYTES);
	for (size_t i = 0; rc == ORCH_EXIT_OK && i < count; i++) {
		if (i > 0 && !cli->json)
			orch_buf_add_char(&out, '\n');
		rc = show_one(cli, keep, &out, &events[i]);
	}
	if (rc == ORCH_EXIT_OK)
		orch_cli_print(&out);
	orch_buf_fini(&out);
	return rc;
}

static int show(struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep)
{
	struct orch_event_filter filter = {
		.id = orch_text_from(cli->words[0]),
		.rule = ORCH_TEXT_NONE,
		.pipeline = ORCH_TEXT_NONE,
		.verdict = -1,
		.limit = PIPELINES_MAX,
		.with_content = orch_cli_get(cli, "reveal") != NULL,
	};
	struct orch_stored_event *events;
	struct orch_err err = { "" };
	size_t count;
	int rc = orch_store_events(keep->store, &filter, cli->arena, &events, &count, &err);

	(void)config;
	if (rc == ORCH_E_INVALID)
		return orch_cli_fail(cli, ORCH_EXIT_NOT_THERE, "%s", err.text);
	if (rc != ORCH_OK)
		return orch_cli_fail(cli, ORCH_EXIT_FAILED, "%s", err.text);
	if (count == 0)
		return orch_cli_fail(
			cli, ORCH_EXIT_NOT_THERE, "there is no event %s", cli->words[0]);
	return show_all(cli, keep, events, count);
}

int orch_command_finding_list(struct orch_cli *cli)
{
	return orch_cli_with_keep(cli, list);
}

int orch_command_finding_show(struct orch_cli *cli)
{
	return orch_cli_with_keep(cli, show);
}
