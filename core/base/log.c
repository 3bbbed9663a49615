/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line is built in the logger's own memory under its lock, so that logging
 * needs no memory and lines do not mix.  What is too long is cut.
 *
 * Values are blotted before they are escaped, since a secret with a quote in
 * it looks different afterwards, and the finished line once more.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/metric.h"
#include "base/outflow.h"
#include "base/secret.h"
#include "base/text.h"

#define LINE_BYTES 16384
#define VALUE_BYTES 1024

#define FOLD_LINES 10 /* of one kind are written in FOLD_MS */
#define FOLD_MS 10000
#define FOLD_KINDS 128 /* are watched; beyond that the oldest is forgotten */
#define FOLD_NAME_BYTES 64

/* One kind of line: an event with its "what". */
struct kind {
	uint64_t hash;
	uint64_t since_ms;
	uint64_t folded;
	unsigned lines; /* 0: a free place */
	int level;
	const char *what_key; /* NULL: it has none */
	char event[FOLD_NAME_BYTES];
	char what[FOLD_NAME_BYTES];
};

static struct {
	pthread_mutex_t lock;
	_Atomic int level;
	int fd;
	enum orch_log_format format;
	struct kind kinds[FOLD_KINDS];
	char line[LINE_BYTES];
	char value[LINE_BYTES];
	bool never_waits;
	struct orch_outflow flow;    /* if it never waits */
	struct orch_metric *dropped; /* likewise */
	uint64_t untold;             /* of the dropped: no line has said so yet */
} logger = { .lock = PTHREAD_MUTEX_INITIALIZER, .level = ORCH_LOG_INFO, .fd = STDERR_FILENO };

static const char *level_name(int level)
{
	static const char *const names[] = { "debug", "info", "warn", "error", "alert" };

	return level >= 0 && level <= ORCH_LOG_ALERT ? names[level] : "alert";
}

static bool is_plain(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return text.len > 0;
}

/*
 * A blotted copy of at most MAX bytes, cut between characters.  It is cut after
 * the blotting, lest the first half of a secret be left.
 */
static struct orch_text take_value(struct orch_text text, size_t max)
{
	size_t len = text.len < sizeof(logger.value) ? text.len : sizeof(logger.value);

	if (len > 0)
		memcpy(logger.value, text.ptr, len);
	orch_secret_blot(logger.value, len);
	if (len > max) {
		len = max;
		while (len > 0 && ((unsigned char)logger.value[len] & 0xc0) == 0x80)
			len--;
	}
	return (struct orch_text){ logger.value, len };
}

static void add_value(struct orch_buf *line, struct orch_text text)
{
	struct orch_text value = take_value(text, VALUE_BYTES);

	if (logger.format == ORCH_LOG_LOGFMT && is_plain(value))
		orch_buf_add_text(line, value);
	else
		orch_buf_add_json(line, value);
}

static void add_key(struct orch_buf *line, const char *key)
{
	if (logger.format == ORCH_LOG_JSON)
		orch_buf_printf(line, "%s\"%s\":", line->len == 0 ? "{" : ",", key);
	else
		orch_buf_printf(line, "%s%s=", line->len == 0 ? "" : " ", key);
}

static void add_field(struct orch_buf *line, const struct orch_log_field *field)
{
	add_key(line, field->key);
	if (field->is_number)
		orch_buf_printf(line, "%lld", (long long)field->number);
	else
		add_value(line, field->text);
}

/* Takes as many whole fields as there is room for, and keeps room for the end of the line. */
static void add_fields(struct orch_buf *line, const struct orch_log_field *fields)
{
	for (; fields->key; fields++) {
		size_t len = line->len;

		if (!fields->is_number && fields->text.ptr == NULL)
			continue;
		add_field(line, fields);
		if (line->failed) {
			line->failed = false;
			line->len = len;
			return;
		}
	}
}

/* 0, or the error. */
static int write_and_wait(const char *line, size_t len)
{
	while (len > 0) {
		ssize_t done = write(logger.fd, line, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return errno;
		line += done;
		len -= (size_t)done;
	}
	return 0;
}

static void count_dropped(void)
{
	orch_metric_add(logger.dropped, (int64_t)logger.flow.lost);
	logger.untold += logger.flow.lost;
	logger.flow.lost = 0;
}

static void write_line(const char *line, size_t len)
{
	if (!logger.never_waits) {
		(void)write_and_wait(line, len); /* There is nobody to be told. */
		return;
	}
	orch_outflow_put(&logger.flow, (struct orch_text){ line, len });
	count_dropped();
}

static void add_head(struct orch_buf *line, int level, const char *event)
{
	char now[25];

	orch_clock_format(orch_clock_now_ms(), now);
	add_fields(line,
		(const struct orch_log_field[]){
			ORCH_LOG_STRING("time", now),
			ORCH_LOG_STRING("level", level_name(level)),
			ORCH_LOG_STRING("event", event),
			{ .key = NULL },
		});
}

static void put_line(int level, const char *event, const struct orch_log_field *fields)
{
	struct orch_buf line = {
		.ptr = logger.line, .size = LINE_BYTES, .limit = LINE_BYTES - sizeof("}\n")
	};

	add_head(&line, level, event);
	add_fields(&line, fields);
	orch_secret_blot(line.ptr, line.len);
	line.limit = LINE_BYTES - 1;
	orch_buf_add_string(&line, logger.format == ORCH_LOG_JSON ? "}\n" : "\n");
	write_line(line.ptr, line.len);
}

static void copy_name(char *to, struct orch_text name)
{
	struct orch_text value = take_value(name, FOLD_NAME_BYTES - 1);

	memcpy(to, value.ptr, value.len);
	to[value.len] = '\0';
}

/* The sum of what was folded, if anything was. */
static void put_sum(struct kind *kind)
{
	struct orch_log_field fields[] = {
		ORCH_LOG_INT("repeated", kind->folded),
		ORCH_LOG_STRING(kind->what_key, kind->what),
		{ .key = NULL },
	};

	if (kind->lines > 0 && kind->folded > 0)
		put_line(kind->level, kind->event, fields);
	kind->folded = 0;
}

static const struct orch_log_field *what_of(const struct orch_log_field *fields)
{
	const struct orch_log_field *instance = NULL;

	for (; fields->key; fields++) {
		if (fields->is_number)
			continue;
		if (strcmp(fields->key, "what") == 0)
			return fields;
		if (strcmp(fields->key, "instance") == 0)
			instance = fields;
	}
	return instance;
}

/* The place of the kind HASH; else a free one, else the oldest, whose sum is written. */
static struct kind *place_of(uint64_t hash)
{
	struct kind *place = &logger.kinds[0];

	for (size_t i = 0; i < FOLD_KINDS; i++) {
		struct kind *kind = &logger.kinds[i];

		if (kind->lines > 0 && kind->hash == hash)
			return kind;
		if (place->lines > 0 && (kind->lines == 0 || kind->since_ms < place->since_ms))
			place = kind;
	}
	put_sum(place);
	place->lines = 0;
	return place;
}

static struct kind *kind_of(const char *event, const struct orch_log_field *fields)
{
	const struct orch_log_field *what = what_of(fields);
	uint64_t hash = orch_siphash(orch_text_from(event));
	struct kind *kind;

	if (what)
		hash = hash * 31 + orch_siphash(what->text);
	kind = place_of(hash);
	if (kind->lines == 0) {
		*kind = (struct kind){ .hash = hash, .what_key = what ? what->key : NULL };
		copy_name(kind->event, orch_text_from(event));
		if (what)
			copy_name(kind->what, what->text);
	}
	return kind;
}

/*
 * Lines about one event each (they have a trace) are no repeats, unless they
 * tell of trouble.  Which configuration is in force, and why not another one,
 * is asked for by hand and always told.
 */
static bool is_foldable(int level, const char *event, const struct orch_log_field *fields)
{
	if (strncmp(event, "config.", sizeof("config.") - 1) == 0)
		return false;
	if (level >= ORCH_LOG_WARN)
		return true;
	for (; fields->key; fields++)
		if (strcmp(fields->key, "trace") == 0 && fields->text.ptr != NULL)
			return false;
	return true;
}

/* Counts the line; true if it is one too many.  A clock that jumps, either way, ends the time early. */
static bool fold(int level, const char *event, const struct orch_log_field *fields)
{
	struct kind *kind = kind_of(event, fields);
	uint64_t now_ms = orch_clock_now_ms();

	if (kind->lines == 0 || now_ms - kind->since_ms >= FOLD_MS) {
		put_sum(kind);
		kind->since_ms = now_ms;
		kind->lines = 0;
		kind->level = level;
	}
	if (level > kind->level)
		kind->level = level;
	if (kind->lines < FOLD_LINES) {
		kind->lines++;
		return false;
	}
	kind->folded++;
	return true;
}

void orch_log_write(int level, const char *event, const struct orch_log_field *fields)
{
	int number = errno;

	if (!orch_log_wants(level))
		return;
	(void)pthread_mutex_lock(&logger.lock);
	if (!is_foldable(level, event, fields) || !fold(level, event, fields))
		put_line(level, event, fields);
	(void)pthread_mutex_unlock(&logger.lock);
	errno = number;
}

void orch_log_setup(int fd, enum orch_log_format format, int level)
{
	(void)pthread_mutex_lock(&logger.lock);
	if (logger.never_waits && fd != logger.fd) {
		orch_outflow_close(&logger.flow);
		orch_outflow_open(&logger.flow, fd);
	}
	logger.fd = fd;
	logger.format = format;
	atomic_store(&logger.level, level);
	(void)pthread_mutex_unlock(&logger.lock);
}

bool orch_log_wants(int level)
{
	return level >= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

void orch_log_never_wait(void)
{
	(void)pthread_mutex_lock(&logger.lock);
	if (!logger.never_waits)
		orch_outflow_open(&logger.flow, logger.fd);
	logger.never_waits = true;
	logger.dropped = orch_metric(ORCH_METRIC_COUNTER, "orchestrator_log_lines_dropped_total",
		"Lines of the log that nobody took in time.");
	(void)pthread_mutex_unlock(&logger.lock);
}

int orch_log_pass(struct orch_text line, struct orch_err *err)
{
	int rc = ORCH_OK, error;

	(void)pthread_mutex_lock(&logger.lock);
	if (logger.never_waits) {
		rc = orch_outflow_write(&logger.flow, line, err);
		count_dropped();
	} else {
		error = write_and_wait(line.ptr, line.len);
		if (error != 0)
			rc = orch_fail(err, ORCH_E_AGAIN, "%s", orch_errno_text(error));
	}
	(void)pthread_mutex_unlock(&logger.lock);
	return rc;
}

/* Once there is room again. */
static void tell_dropped(void)
{
	struct orch_log_field fields[] = {
		ORCH_LOG_INT("lines", logger.untold),
		{ .key = NULL },
	};

	if (logger.untold == 0 || logger.flow.len > 0)
		return;
	logger.untold = 0;
	put_line(ORCH_LOG_WARN, "log.dropped", fields);
}

static void flush_kept(void)
{
	if (!logger.never_waits)
		return;
	orch_outflow_drain(&logger.flow);
	count_dropped();
	tell_dropped();
}

/* The sums of what was folded AGE_MS ago and longer. */
static void put_sums(uint64_t age_ms)
{
	uint64_t now_ms = orch_clock_now_ms();

	for (size_t i = 0; i < FOLD_KINDS; i++) {
		struct kind *kind = &logger.kinds[i];

		if (kind->lines > 0 && now_ms - kind->since_ms >= age_ms) {
			put_sum(kind);
			kind->lines = 0;
		}
	}
}

void orch_log_finish(uint64_t within_ms)
{
	(void)pthread_mutex_lock(&logger.lock);
	put_sums(0);
	if (logger.never_waits) {
		orch_outflow_finish(&logger.flow, within_ms);
		count_dropped();
	}
	(void)pthread_mutex_unlock(&logger.lock);
}

void orch_log_flush(void)
{
	(void)pthread_mutex_lock(&logger.lock);
	flush_kept();
	put_sums(FOLD_MS);
	(void)pthread_mutex_unlock(&logger.lock);
}
