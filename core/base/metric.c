/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Series hang on their family (the name), families in the order of their
 * names.  Neither ever goes away, so a series can be kept and added to without
 * the lock.
 */
#include "base/metric.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/text.h"

#define LABELS_BYTES 1024
#define LABEL_VALUE_BYTES 128
#define REFRESHERS_MAX 64

static const struct bucket {
	uint64_t ns;
	const char *seconds;
} buckets[] = {
	{ UINT64_C(100000), "0.0001" },
	{ UINT64_C(250000), "0.00025" },
	{ UINT64_C(500000), "0.0005" },
	{ UINT64_C(1000000), "0.001" },
	{ UINT64_C(2500000), "0.0025" },
	{ UINT64_C(5000000), "0.005" },
	{ UINT64_C(10000000), "0.01" },
	{ UINT64_C(25000000), "0.025" },
	{ UINT64_C(50000000), "0.05" },
	{ UINT64_C(100000000), "0.1" },
	{ UINT64_C(250000000), "0.25" },
	{ UINT64_C(500000000), "0.5" },
	{ UINT64_C(1000000000), "1" },
	{ UINT64_C(2000000000), "2" },
	{ UINT64_C(3000000000), "3" },
	{ UINT64_C(5000000000), "5" },
	{ UINT64_C(10000000000), "10" },
	{ UINT64_C(30000000000), "30" },
	{ UINT64_C(60000000000), "60" },
};

#define BUCKETS (sizeof(buckets) / sizeof(buckets[0]))

struct histogram {
	_Atomic uint64_t counts[BUCKETS + 1]; /* each for itself; the last is beyond all */
	_Atomic uint64_t sum_ns;
};

struct orch_metric {
	struct orch_metric *next;
	_Atomic int64_t value;
	struct histogram *histogram; /* of ORCH_METRIC_SECONDS */
	char *labels;                /* a="x",b="y", escaped; may be empty */
};

struct family {
	struct family *next;
	enum orch_metric_kind kind;
	char *name;
	char *help;
	struct orch_metric *series;
};

struct refresher {
	void (*refresh)(void *arg);
	void *arg;
};

static struct {
	pthread_mutex_t lock;
	struct family *families;
	size_t count;
	_Atomic uint64_t refused;
	/* Held while refreshers run, so that none runs once it is forgotten. */
	pthread_mutex_t refresh_lock;
	struct refresher refreshers[REFRESHERS_MAX];
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER, .refresh_lock = PTHREAD_MUTEX_INITIALIZER };

/* Where what is refused goes. */
static struct orch_metric nowhere;

static void destroy_series(struct orch_metric *series)
{
	if (!series)
		return;
	orch_free(series->histogram);
	orch_free(series->labels);
	orch_free(series);
}

static struct orch_metric *create_series(enum orch_metric_kind kind, const char *labels)
{
	struct orch_metric *series = orch_alloc(sizeof(*series));

	if (!series)
		return NULL;
	series->labels = orch_strdup(labels);
	if (kind == ORCH_METRIC_SECONDS)
		series->histogram = orch_alloc(sizeof(*series->histogram));
	if (!series->labels || (kind == ORCH_METRIC_SECONDS && !series->histogram)) {
		destroy_series(series);
		return NULL;
	}
	return series;
}

static struct family *create_family(enum orch_metric_kind kind, const char *name, const char *help)
{
	struct family *family = orch_alloc(sizeof(*family));

	if (!family)
		return NULL;
	family->kind = kind;
	family->name = orch_strdup(name);
	family->help = orch_strdup(help);
	if (!family->name || !family->help) {
		orch_free(family->name);
		orch_free(family->help);
		orch_free(family);
		return NULL;
	}
	return family;
}

/* The family of NAME, made if new; NULL without memory. */
static struct family *family_of(enum orch_metric_kind kind, const char *name, const char *help)
{
	struct family **at = &registry.families;
	struct family *family;

	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	if (*at && strcmp((*at)->name, name) == 0) {
		orch_assert((*at)->kind == kind);
		return *at;
	}
	family = create_family(kind, name, help);
	if (!family)
		return NULL;
	family->next = *at;
	*at = family;
	return family;
}

/* The series of LABELS, made if new; NULL without memory or room. */
static struct orch_metric *series_of(struct family *family, const char *labels)
{
	struct orch_metric **at = &family->series;
	struct orch_metric *series;

	while (*at && strcmp((*at)->labels, labels) != 0)
		at = &(*at)->next;
	if (*at)
		return *at;
	if (registry.count >= ORCH_METRIC_SERIES_MAX)
		return NULL;
	series = create_series(family->kind, labels);
	if (!series)
		return NULL;
	*at = series;
	registry.count++;
	return series;
}

/* How many bytes at the start stand for themselves. */
static size_t plain_run(struct orch_text text)
{
	size_t len = 0;

	while (len < text.len && text.ptr[len] > ' ' && text.ptr[len] < 0x7f &&
		text.ptr[len] != '"' && text.ptr[len] != '\\')
		len++;
	return len;
}

static void add_escaped(struct orch_buf *buf, struct orch_text text)
{
	size_t max = text.len < LABEL_VALUE_BYTES ? text.len : LABEL_VALUE_BYTES;

	for (size_t at = 0; at < max;) {
		struct orch_text rest = { text.ptr + at, max - at };
		size_t len = plain_run(rest);

		if (len == 0)
			len = orch_text_utf8_len(rest);
		if (len == 0)
			orch_buf_add(buf, "\xef\xbf\xbd", 3);
		else if (*rest.ptr == '\n')
			orch_buf_add(buf, "\\n", 2);
		else if (*rest.ptr == '"' || *rest.ptr == '\\')
			orch_buf_printf(buf, "\\%c", *rest.ptr);
		else if ((unsigned char)*rest.ptr < 0x20)
			orch_buf_add_char(buf, ' ');
		else
			orch_buf_add(buf, rest.ptr, len);
		at += len == 0 ? 1 : len;
	}
}

static void add_labels(struct orch_buf *buf, const struct orch_metric_label *labels)
{
	for (; labels->name; labels++) {
		if (buf->len > 0)
			orch_buf_add_char(buf, ',');
		orch_buf_add_string(buf, labels->name);
		orch_buf_add(buf, "=\"", 2);
		add_escaped(buf, labels->value);
		orch_buf_add_char(buf, '"');
	}
}

struct orch_metric *orch_metric_get(enum orch_metric_kind kind, const char *name, const char *help,
	const struct orch_metric_label *labels)
{
	struct orch_metric *series = NULL;
	struct family *family;
	char space[LABELS_BYTES + 1] = "";
	struct orch_buf text = { .ptr = space, .size = sizeof(space), .limit = LABELS_BYTES };

	add_labels(&text, labels);
	(void)pthread_mutex_lock(&registry.lock);
	family = text.failed ? NULL : family_of(kind, name, help);
	if (family)
		series = series_of(family, orch_buf_text(&text).ptr);
	(void)pthread_mutex_unlock(&registry.lock);
	if (series)
		return series;
	atomic_fetch_add(&registry.refused, 1);
	return &nowhere;
}

/* The series stays, lest somebody hold it; only what it is called changes, which is read under the lock. */
static bool rename_series(struct family *family, const char *labels)
{
	char *copy = family->series ? orch_strdup(labels) : NULL;

	if (!copy)
		return !family->series && series_of(family, labels);
	orch_free(family->series->labels);
	family->series->labels = copy;
	return true;
}

void orch_metric_info(const char *name, const char *help, const struct orch_metric_label *labels)
{
	struct family *family;
	char space[LABELS_BYTES + 1] = "";
	struct orch_buf text = { .ptr = space, .size = sizeof(space), .limit = LABELS_BYTES };
	bool done = false;

	add_labels(&text, labels);
	(void)pthread_mutex_lock(&registry.lock);
	family = text.failed ? NULL : family_of(ORCH_METRIC_GAUGE, name, help);
	if (family && rename_series(family, orch_buf_text(&text).ptr)) {
		orch_metric_set(family->series, 1);
		done = true;
	}
	(void)pthread_mutex_unlock(&registry.lock);
	if (!done)
		atomic_fetch_add(&registry.refused, 1);
}

void orch_metric_add(struct orch_metric *metric, int64_t by)
{
	atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

void orch_metric_set(struct orch_metric *metric, int64_t value)
{
	atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void orch_metric_observe_ns(struct orch_metric *metric, uint64_t ns)
{
	struct histogram *histogram = metric->histogram;
	size_t i = 0;

	orch_assert(histogram || metric == &nowhere);
	if (!histogram)
		return;
	while (i < BUCKETS && ns > buckets[i].ns)
		i++;
	atomic_fetch_add_explicit(&histogram->counts[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_ns, ns, memory_order_relaxed);
	orch_metric_add(metric, 1);
}

int64_t orch_metric_value(const struct orch_metric *metric)
{
	return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

void orch_metric_on_render(void (*refresh)(void *arg), void *arg)
{
	size_t i = 0;

	(void)pthread_mutex_lock(&registry.refresh_lock);
	while (i < REFRESHERS_MAX && registry.refreshers[i].refresh)
		i++;
	orch_assert(i < REFRESHERS_MAX);
	registry.refreshers[i] = (struct refresher){ refresh, arg };
	(void)pthread_mutex_unlock(&registry.refresh_lock);
}

void orch_metric_forget_render(void (*refresh)(void *arg), void *arg)
{
	(void)pthread_mutex_lock(&registry.refresh_lock);
	for (size_t i = 0; i < REFRESHERS_MAX; i++) {
		struct refresher *refresher = &registry.refreshers[i];

		if (refresher->refresh == refresh && refresher->arg == arg)
			refresher->refresh = NULL;
	}
	(void)pthread_mutex_unlock(&registry.refresh_lock);
}

static void refresh_all(void)
{
	(void)pthread_mutex_lock(&registry.refresh_lock);
	for (size_t i = 0; i < REFRESHERS_MAX; i++) {
		if (registry.refreshers[i].refresh)
			registry.refreshers[i].refresh(registry.refreshers[i].arg);
	}
	(void)pthread_mutex_unlock(&registry.refresh_lock);
}

static void render_value(
	struct orch_buf *buf, const struct family *family, const struct orch_metric *series)
{
	orch_buf_add_string(buf, family->name);
	if (series->labels[0] != '\0')
		orch_buf_printf(buf, "{%s}", series->labels);
	orch_buf_printf(buf, " %lld\n", (long long)orch_metric_value(series));
}

static void render_bucket(struct orch_buf *buf, const struct family *family,
	const struct orch_metric *series, const char *le, uint64_t count)
{
	orch_buf_printf(buf, "%s_bucket{%s%sle=\"%s\"} %llu\n", family->name, series->labels,
		series->labels[0] == '\0' ? "" : ",", le, (unsigned long long)count);
}

static void render_histogram(
	struct orch_buf *buf, const struct family *family, const struct orch_metric *series)
{
	const char *open = series->labels[0] == '\0' ? "" : "{";
	const char *close = series->labels[0] == '\0' ? "" : "}";
	struct histogram *histogram = series->histogram;
	uint64_t sum_ns = atomic_load(&histogram->sum_ns);
	uint64_t count = 0;

	for (size_t i = 0; i <= BUCKETS; i++) {
		count += atomic_load(&histogram->counts[i]);
		render_bucket(
			buf, family, series, i < BUCKETS ? buckets[i].seconds : "+Inf", count);
	}
	orch_buf_printf(buf, "%s_sum%s%s%s %llu.%09llu\n", family->name, open, series->labels,
		close, (unsigned long long)(sum_ns / 1000000000),
		(unsigned long long)(sum_ns % 1000000000));
	orch_buf_printf(buf, "%s_count%s%s%s %llu\n", family->name, open, series->labels, close,
		(unsigned long long)count);
}

/* HELP texts are our own; only what would break the line is replaced. */
static void add_help(struct orch_buf *buf, const char *help)
{
	for (; *help; help++)
		orch_buf_add_char(buf, *help == '\n' || *help == '\\' ? ' ' : *help);
}

static void render_head(struct orch_buf *buf, const char *name, const char *help, const char *type)
{
	orch_buf_printf(buf, "# HELP %s ", name);
	add_help(buf, help);
	orch_buf_printf(buf, "\n# TYPE %s %s\n", name, type);
}

static void render_family(struct orch_buf *buf, const struct family *family)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	render_head(buf, family->name, family->help, types[family->kind]);
	for (const struct orch_metric *series = family->series; series; series = series->next) {
		if (family->kind == ORCH_METRIC_SECONDS)
			render_histogram(buf, family, series);
		else
			render_value(buf, family, series);
	}
}

void orch_metric_render(struct orch_buf *buf)
{
	static const char refused[] = "orchestrator_metric_series_refused_total";

	refresh_all();
	(void)pthread_mutex_lock(&registry.lock);
	for (const struct family *family = registry.families; family; family = family->next)
		render_family(buf, family);
	(void)pthread_mutex_unlock(&registry.lock);
	render_head(buf, refused, "Series that were not made, for there were too many.", "counter");
	orch_buf_printf(
		buf, "%s %llu\n", refused, (unsigned long long)atomic_load(&registry.refused));
}
