/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be counted as it happens: depths, ages, the ledger. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/text.h"
#include "pipeline/service_internal.h"

#define TEND_EVERY_MS 60000
#define SHARE 100 /* counting row by row has one part in so many of our time, or the server's */
#define REST_MOST_MS 300000 /* even if the machine stood still during a count */
#define REST_GROWTH 4       /* at once: one count may have waited for something else */
#define REST_FIRST_MS 1000
#define REST_FAILED_MS 5000 /* so that the gauges are right again soon after all else is */

static void set_queue_gauges(const struct orch_queue_stats *stats)
{
	struct orch_text name = orch_text_from(stats->name);

	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_queue_depth",
				"Messages that wait, by queue.", { "queue", name }),
		(int64_t)(stats->waiting + stats->delayed));
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_queue_in_flight",
				"Messages that are leased, by queue.", { "queue", name }),
		(int64_t)stats->leased);
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_queue_dead",
				"Dead letters, by queue.", { "queue", name }),
		(int64_t)stats->dead);
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_queue_oldest_age_seconds",
				"Age of the oldest message, by queue.", { "queue", name }),
		(int64_t)(stats->oldest_ms / 1000));
}

/* Tasks of an action that has left the configuration: no desk of ours would ever look at them. */
static void tend_strays(struct orch_service *service, const struct orch_queue_stats *stats)
{
	struct orch_text rest = orch_text_from(stats->name), stage;

	if (stats->waiting == 0 || service->is_draining || !orch_text_split(&rest, '.', &stage) ||
		!orch_text_is(stage, "act") || orch_plan_find_action(service->plan, rest) >= 0)
		return;
	for (size_t i = 0; i < service->station_count; i++)
		if (orch_station_stage(service->stations[i]) == ORCH_STAGE_ACT) {
			orch_station_note_stray(service->stations[i], rest.ptr);
			return;
		}
}

static void set_ledger_gauge(struct orch_text queue, const char *state, uint64_t value)
{
	orch_metric_set(
		orch_metric(ORCH_METRIC_GAUGE, "orchestrator_ledger_messages",
			"Messages by queue and by what became of them, since the store began.",
			{ "queue", queue }, { "state", orch_text_from(state) }),
		(int64_t)value);
}

static void set_ledger_gauges(const struct orch_ledger *ledger)
{
	struct orch_text queue = orch_text_from(ledger->name);

	set_ledger_gauge(queue, "accepted", ledger->accepted);
	set_ledger_gauge(queue, "done", ledger->done);
	set_ledger_gauge(queue, "dropped", ledger->dropped);
	set_ledger_gauge(queue, "dead", ledger->dead);
	set_ledger_gauge(queue, "in_flight", ledger->in_flight);
	set_ledger_gauge(queue, "duplicate", ledger->duplicates);
	set_ledger_gauge(queue, "damaged", ledger->damaged);
}

static void set_imbalance(int64_t imbalance)
{
	orch_metric_set(
		orch_metric(ORCH_METRIC_GAUGE, "orchestrator_ledger_imbalance",
			"accepted - done - dropped - dead - in flight; anything but 0 is a bug."),
		imbalance);
	if (imbalance != 0)
		orch_log(ORCH_LOG_ALERT, "ledger.imbalance", ORCH_LOG_INT("messages", imbalance));
}

/* A row that did not open was set aside; somebody should look at the disk. */
static void report_damage(struct orch_service *service, uint64_t damaged)
{
	if (damaged > service->damaged)
		orch_log(ORCH_LOG_ALERT, "queue.damaged",
			ORCH_LOG_INT("rows", damaged - service->damaged),
			ORCH_LOG_STRING("see", "orchestrator queue peek --dead"));
	service->damaged = damaged;
}

static void set_gaps_gauge(const char *name, const char *help, size_t count)
{
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, name, help), (int64_t)count);
}

/* A program that misses rules goes on with the others, and does not look well. */
void orch_service_note_gaps(struct orch_service *service, const struct orch_rule_gaps *gaps)
{
	char flaw[256];
	bool is_flawed = gaps->damaged + gaps->refused + gaps->bare > 0;

	service->gaps = *gaps;
	set_gaps_gauge("orchestrator_store_damaged_rows",
		"Rules that are left out because their rows were changed on the disk.",
		gaps->damaged);
	set_gaps_gauge("orchestrator_rules_refused",
		"Rules that are left out because they do not compile.", gaps->refused);
	set_gaps_gauge("orchestrator_tools_without_rules",
		"Tools that work by rules and have no live one.", gaps->bare);
	(void)snprintf(flaw, sizeof(flaw),
		"rules left out: %zu damaged, %zu that do not compile; tools without a live rule: "
		"%zu",
		gaps->damaged, gaps->refused, gaps->bare);
	orch_health_set_flaw(service->health, is_flawed ? flaw : NULL);
}

/* What has BEGUN took longer, the longer the backlog. */
static uint64_t rest_after(uint64_t begun)
{
	uint64_t rest = SHARE * (orch_clock_mono_ms() - begun);

	return rest < REST_MOST_MS ? rest : REST_MOST_MS;
}

void orch_service_tend_queue(struct orch_service *service)
{
	struct orch_err err = { "" };
	uint64_t now = orch_clock_mono_ms(), mended = 0;

	if (now < service->tend_at_ms)
		return;
	if (orch_queue_tend(service->keep.queue, &mended, &err) != ORCH_OK)
		orch_log(ORCH_LOG_ALERT, "queue.unreadable", ORCH_LOG_STRING("error", err.text));
	else if (mended > 0)
		orch_log(ORCH_LOG_ALERT, "queue.mended", ORCH_LOG_INT("rows", mended));
	orch_metric_add(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_queue_mended_rows_total",
				"Rows that were damaged so that no receive would have found them."),
		(int64_t)mended);
	service->tend_at_ms = orch_clock_mono_ms() + rest_after(now) + TEND_EVERY_MS;
}

static void show_survey(struct orch_service *service, const struct orch_queue_survey *survey)
{
	for (size_t i = 0; i < survey->stats_count; i++) {
		set_queue_gauges(&survey->stats[i]);
		tend_strays(service, &survey->stats[i]);
	}
	for (size_t i = 0; i < survey->ledger_count; i++) {
		if (i > 0) {
			set_ledger_gauges(&survey->ledgers[i]);
			continue;
		}
		set_imbalance(survey->ledgers[0].imbalance);
		report_damage(service, survey->ledgers[0].damaged);
	}
}

static void set_rest(struct orch_service *service, bool has_failed)
{
	uint64_t rest = rest_after(service->survey_begun_ms);
	uint64_t most =
		has_failed ? REST_FAILED_MS : REST_FIRST_MS + REST_GROWTH * service->survey_rest_ms;

	if (rest > most)
		rest = most;
	if (!has_failed)
		service->survey_rest_ms = rest;
	service->survey_at_ms = orch_clock_mono_ms() + rest;
}

static void end_survey(struct orch_queue_survey *survey)
{
	struct orch_service *service = survey->user;

	service->is_surveying = false;
	if (survey->code == ORCH_OK)
		show_survey(service, survey);
	set_rest(service, survey->code != ORCH_OK);
	orch_arena_destroy(survey->arena);
	survey->arena = NULL;
}

static void begin_survey(struct orch_service *service)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_err err;
	int rc;

	if (arena == NULL)
		return;
	service->survey = (struct orch_queue_survey){
		.lane = service->lane, .arena = arena, .done = end_survey, .user = service
	};
	service->survey_begun_ms = orch_clock_mono_ms();
	service->is_surveying = true;
	rc = orch_queue_survey(service->keep.queue, &service->survey, &err);
	if (rc != ORCH_OK) {
		service->survey.code = rc;
		end_survey(&service->survey);
	}
}

void orch_service_refresh_gauges(struct orch_service *service)
{
	if (!service->is_surveying && orch_clock_mono_ms() >= service->survey_at_ms)
		begin_survey(service);
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_limit_keys_paused",
				"Rate limits that are being sat out."),
		(int64_t)orch_pauses_count(service->shared.pauses));
}
