/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured logs: one line an entry, a stable event name, ids from arrival
 * to action; known secrets are blotted out; repeats are folded: of one event
 * name with one "what" (or "instance") 10 lines are written in 10 s, the rest
 * is counted and summed up in one line.  Lines below WARN that name an event
 * by its "trace" are no repeats.
 *
 * The logger is one of the two globals of this program.
 */
#ifndef ORCH_LOG_H
#define ORCH_LOG_H
#include <orch/abi.h>
#include "base/check.h"

struct orch_log_field {
	const char *key;       /* NULL ends the list */
	struct orch_text text; /* left out if its ptr is NULL */
	int64_t number;
	bool is_number;
};

#define ORCH_LOG_TEXT(name, value)             \
	{                                      \
		.key = (name), .text = (value) \
	}
#define ORCH_LOG_STRING(name, value)                         \
	{                                                    \
		.key = (name), .text = orch_text_from(value) \
	}
#define ORCH_LOG_INT(name, value)                                            \
	{                                                                    \
		.key = (name), .number = (int64_t)(value), .is_number = true \
	}

/* orch_log(ORCH_LOG_INFO, "event.accepted", ORCH_LOG_TEXT("trace", id), ORCH_LOG_INT("events", 1)); */
#define orch_log(level, event, ...)      \
	orch_log_write((level), (event), \
		(const struct orch_log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ .key = NULL } })

void orch_log_write(int level, const char *event, const struct orch_log_field *fields);

enum orch_log_format { ORCH_LOG_LOGFMT = 0, ORCH_LOG_JSON };

/* FD is where lines go (2 at first).  Lines below LEVEL (enum orch_log_level) are not written. */
void orch_log_setup(int fd, enum orch_log_format format, int level);
bool orch_log_wants(int level);

/*
 * From now on nobody waits for those who read the log: what they do not take
 * is kept, and what is more than 256 KiB is lost and counted in
 * orchestrator_log_lines_dropped_total.
 */
void orch_log_never_wait(void);

/* Writes what was kept and the sums of folded repeats that are due; call it now and then. */
void orch_log_flush(void);
/* Before the end: all sums are written, and what is kept gets as much time. */
void orch_log_finish(uint64_t within_ms);

/*
 * A line as it is, between those of the log, for one who repeats it until it
 * is written: never lost, never kept.  LINE ends in a newline.
 */
ORCH_MUST_USE int orch_log_pass(struct orch_text line, struct orch_err *err);

#endif
