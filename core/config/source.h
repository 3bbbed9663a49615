/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a configuration: the file and all that it includes as one text,
 * with the place that each line comes from.
 *
 * We do this ourselves, because libconfig looks for included files in the
 * current folder, follows them anywhere, and cuts a number that does not fit
 * 32 bits without a word.  So what it is handed is bounded and has no
 * @include left, and long numbers are marked as such.
 */
#ifndef ORCH_CONFIG_SOURCE_H
#define ORCH_CONFIG_SOURCE_H
#include "base/check.h"
#include "config/errors.h"

#define ORCH_CONFIG_INCLUDE_DEPTH_MAX 8
#define ORCH_CONFIG_FILES_MAX 64

struct orch_source {
	struct orch_text text;
	struct orch_where *lines; /* line N of TEXT stands at lines[N - 1] */
	size_t line_count;
	char digest[17];
};

/* All in ARENA.  On failure one entry is added. */
ORCH_MUST_USE int orch_source_read(const char *file, struct orch_arena *arena,
	struct orch_config_errors *errors, struct orch_source *ret_source);

#endif
