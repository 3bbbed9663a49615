/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load on an HTTP server, from one thread.
 *
 * With a rate the loop is open: requests have a schedule, and a time is
 * measured from when the request was due, so that a server that stands still
 * cannot hide it.  Without one the loop is closed: each connection sends as
 * soon as it has its answer.
 */
#ifndef ORCH_TEST_LOAD_H
#define ORCH_TEST_LOAD_H
#include "base/buf.h"

struct load_options {
	uint16_t port; /* on 127.0.0.1 */
	unsigned connections;
	unsigned rate; /* requests a second; 0: closed loop */
	unsigned seconds;
	/* Appends request NUMBER; it was due at DUE_NS (CLOCK_REALTIME). */
	void (*make)(struct orch_buf *buf, uint64_t number, uint64_t due_ns, void *arg);
	void *arg;
};

struct load_result {
	uint64_t sent, good, bad; /* GOOD: answered 200 */
	double seconds;
	uint32_t *micros; /* sorted; of the good ones; to be freed by load_fini() */
	size_t count;
};

/* Ends the program when it cannot even connect. */
void load_run(const struct load_options *options, struct load_result *ret_result);
void load_fini(struct load_result *result);
/* In milliseconds; FRACTION 0.99 for p99. */
double load_percentile(const struct load_result *result, double fraction);
double percentile_ms(const uint32_t *sorted_micros, size_t count, double fraction);
int compare_micros(const void *a, const void *b);

#endif
