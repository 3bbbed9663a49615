/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters, gauges and histograms for /metrics (Prometheus text format).
 *
 * A series is looked up once and kept; adding to it is one atomic operation.
 * At most ORCH_METRIC_SERIES_MAX series exist; what comes after is counted in
 * orchestrator_metric_series_refused_total and goes nowhere.
 */
#ifndef ORCH_METRIC_H
#define ORCH_METRIC_H
#include <orch/abi.h>
#include "base/buf.h"

#define ORCH_METRIC_SERIES_MAX 1000

struct orch_metric; /* one series */

enum orch_metric_kind {
	ORCH_METRIC_COUNTER = 0,
	ORCH_METRIC_GAUGE,
	ORCH_METRIC_SECONDS /* histogram */
};

struct orch_metric_label {
	const char *name; /* NULL ends the list */
	struct orch_text value;
};

/* The series of NAME with these labels, made if new; never NULL.  HELP is one sentence, taken from the first call. */
struct orch_metric *orch_metric_get(enum orch_metric_kind kind, const char *name, const char *help,
	const struct orch_metric_label *labels);

/* orch_metric(ORCH_METRIC_COUNTER, "orchestrator_x_total", "help", { "source", text }) */
#define orch_metric(kind, series, help, ...)      \
	orch_metric_get((kind), (series), (help), \
		(const struct orch_metric_label[]){ __VA_ARGS__ __VA_OPT__(, ){ .name = NULL } })

/* The one series of NAME, with the value 1: what its labels say now.  Other labels take the place of those before. */
void orch_metric_info(const char *name, const char *help, const struct orch_metric_label *labels);

void orch_metric_add(struct orch_metric *metric, int64_t by);
void orch_metric_set(struct orch_metric *metric, int64_t value);
void orch_metric_observe_ns(
	struct orch_metric *metric, uint64_t ns);            /* buckets from 100 µs to 60 s */
int64_t orch_metric_value(const struct orch_metric *metric); /* a histogram's: its count */

/* For gauges that cost something to know: called before each rendering. */
void orch_metric_on_render(void (*refresh)(void *arg), void *arg);
void orch_metric_forget_render(void (*refresh)(void *arg), void *arg);

void orch_metric_render(struct orch_buf *buf);

#endif
