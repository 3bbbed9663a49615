/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to a descriptor behind which may be a pipe that nobody reads: nothing
 * here ever waits.  What cannot be written now is kept and goes out before
 * anything else, so that lines stay whole and in their order.
 *
 * The descriptor is shared with others (standard error), so it is not made
 * non-blocking: a pipe or terminal is opened once more for us alone.  Where
 * that is forbidden we ask before each write, and write no more than a pipe
 * takes when it says that it takes anything.
 *
 * One thread at a time.
 */
#ifndef ORCH_OUTFLOW_H
#define ORCH_OUTFLOW_H
#include <orch/abi.h>
#include "base/check.h"

#define ORCH_OUTFLOW_KEPT_BYTES ((size_t)256 * 1024)

enum orch_outflow_kind {
	ORCH_OUTFLOW_PLAIN = 0, /* a file, or our own opening of a pipe: write() does not wait */
	ORCH_OUTFLOW_SOCKET,
	ORCH_OUTFLOW_ASK, /* write() may wait */
};

struct orch_outflow {
	int fd;
	enum orch_outflow_kind kind;
	bool is_own;       /* FD is ours to close */
	uint64_t lost;     /* lines, so far: no room was left, or nobody is there to read them */
	size_t begin, len; /* of what is kept */
	char kept[ORCH_OUTFLOW_KEPT_BYTES];
};

/* FD stays the caller's. */
void orch_outflow_open(struct orch_outflow *flow, int fd);
void orch_outflow_close(struct orch_outflow *flow);

/* Writes what is kept, as far as that goes. */
void orch_outflow_drain(struct orch_outflow *flow);
/* LINE ends in a newline.  What does not go out now is kept if there is room, or lost. */
void orch_outflow_put(struct orch_outflow *flow, struct orch_text line);
/*
 * For lines that are repeated until they are written.  ORCH_E_AGAIN: not now,
 * or not all of it; then what was begun is brought to an end later.
 */
ORCH_MUST_USE int orch_outflow_write(
	struct orch_outflow *flow, struct orch_text line, struct orch_err *err);
/* Waits for room, at most so long. */
void orch_outflow_finish(struct orch_outflow *flow, uint64_t within_ms);

#endif
