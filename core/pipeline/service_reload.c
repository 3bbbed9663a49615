/* SPDX-License-Identifier: Apache-2.0 */
/* New configurations and new rules while the program runs: whole, or not at all. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/text.h"
#include "net/notify.h"
#include "pipeline/build.h"
#include "pipeline/service_internal.h"

#define REPORT_BYTES (1024 * 1024)

void orch_service_note_config(const struct orch_config *config)
{
	orch_metric_info("orchestrator_config_info", "Which configuration is in force.",
		(const struct orch_metric_label[]){
			{ "digest", orch_text_from(config->digest) }, { .name = NULL } });
	orch_metric_set(
		orch_metric(ORCH_METRIC_GAUGE, "orchestrator_config_loaded_timestamp_seconds",
			"When the configuration in force was loaded."),
		(int64_t)(orch_clock_now_ms() / 1000));
}

static void note_outcome(bool successful)
{
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_config_last_reload_successful",
				"1 if the last reload (or the start) took effect."),
		successful ? 1 : 0);
}

void orch_service_log_report(const struct orch_buf *report)
{
	struct orch_text rest = orch_buf_text(report);
	struct orch_text line;

	while (orch_text_split(&rest, '\n', &line))
		if (line.len > 0)
			orch_log(ORCH_LOG_ERROR, "config.error", ORCH_LOG_TEXT("error", line));
}

static int build_next(
	struct orch_service *service, struct orch_plan **ret_plan, struct orch_rule_gaps *ret_gaps)
{
	struct orch_plan *plan = NULL;
	struct orch_err err = { "" };
	struct orch_buf report;
	int rc;

	orch_buf_init(&report, REPORT_BYTES);
	rc = orch_build(service->options.file, ORCH_BUILD_AGAIN, &report, &plan);
	if (rc != ORCH_OK)
		orch_service_log_report(&report);
	orch_buf_fini(&report);
	if (rc != ORCH_OK)
		return rc;
	rc = orch_build_can_follow(service->plan->config, plan->config, &err);
	if (rc == ORCH_OK)
		rc = orch_plan_load_rules(plan, service->keep.store, ret_gaps, &err);
	if (rc == ORCH_OK)
		rc = orch_accounts_open(
			&service->accounts, plan->config, service->lane, &plan->accounts, &err);
	if (rc != ORCH_OK) {
		orch_log(ORCH_LOG_ERROR, "config.error", ORCH_LOG_STRING("error", err.text));
		orch_plan_unref(plan);
		return rc;
	}
	*ret_plan = plan;
	return ORCH_OK;
}

/* A crew for every station first, so that nothing is half done when one cannot be had. */
static int create_crews(
	struct orch_service *service, struct orch_plan *plan, struct orch_crew **crews)
{
	struct orch_err err = { "" };

	for (size_t i = 0; i < service->station_count; i++) {
		int rc = orch_crew_create(
			plan, orch_station_stage(service->stations[i]), &crews[i], &err);

		if (rc == ORCH_OK)
			continue;
		orch_log(ORCH_LOG_ERROR, "config.error", ORCH_LOG_STRING("error", err.text));
		while (i-- > 0)
			orch_crew_unref(crews[i]);
		return rc;
	}
	return ORCH_OK;
}

static int load_next(struct orch_service *service)
{
	struct orch_crew *crews[ORCH_STATIONS_MAX];
	struct orch_rule_gaps gaps = { 0 };
	struct orch_plan *next;
	int rc = orch_service_try_next(service);

	if (rc == ORCH_OK)
		rc = build_next(service, &next, &gaps);
	if (rc != ORCH_OK)
		return rc;
	rc = create_crews(service, next, crews);
	if (rc != ORCH_OK) {
		orch_plan_unref(next);
		return rc;
	}
	/* From the end of the way to its beginning: what is accepted is known to those behind. */
	for (size_t i = service->station_count; i-- > 0;)
		if (!orch_station_set_crew(service->stations[i], crews[i]))
			orch_log(ORCH_LOG_ALERT, "config.late",
				ORCH_LOG_STRING("lane",
					orch_stage_name(orch_station_stage(service->stations[i]))),
				ORCH_LOG_STRING("why", "it hangs, and follows when it comes back"));
	orch_service_setup_log(service, next->config);
	orch_plan_unref(service->plan);
	service->plan = next;
	orch_service_note_gaps(service, &gaps);
	orch_service_note_config(next->config);
	return ORCH_OK;
}

void orch_service_reload(struct orch_service *service)
{
	int rc;

	if (service->is_draining)
		return;
	orch_notify_reloading();
	orch_outlets_reopen(service->shared.outlets);
	rc = load_next(service);
	note_outcome(rc == ORCH_OK);
	orch_log(rc == ORCH_OK ? ORCH_LOG_INFO : ORCH_LOG_ALERT, "config.reload",
		ORCH_LOG_STRING("result", rc == ORCH_OK ? "loaded" : "refused"),
		ORCH_LOG_STRING("in_force", service->plan->config->digest),
		ORCH_LOG_STRING("file", service->options.file));
	orch_notify("READY=1");
}

void orch_service_rules_changed(void *arg)
{
	struct orch_service *service = arg;
	struct orch_err err = { "" };
	struct orch_rule_gaps gaps = { 0 };
	int rc = orch_plan_load_rules(service->plan, service->keep.store, &gaps, &err);

	service->are_rules_due = rc == ORCH_E_AGAIN;
	if (rc == ORCH_OK)
		orch_service_note_gaps(service, &gaps);
	if (rc == ORCH_OK)
		orch_log(ORCH_LOG_INFO, "rules.loaded");
	else
		orch_log(ORCH_LOG_ALERT, "rules.refused", ORCH_LOG_STRING("error", err.text));
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_rules_last_load_successful",
				"1 if the rules in force are those of the store."),
		rc == ORCH_OK ? 1 : 0);
}
