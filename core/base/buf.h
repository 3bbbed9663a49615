/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing buffer that is born with a limit.
 *
 * Fails softly like an arena: after a failed add nothing more is taken and
 * FAILED stays true, so the caller asks once at the end.
 */
#ifndef ORCH_BUF_H
#define ORCH_BUF_H
#include <orch/abi.h>

struct orch_buf {
	char *ptr; /* NUL behind the last byte; NULL while empty */
	size_t len;
	size_t size;
	size_t limit;
	bool failed;
};

void orch_buf_init(struct orch_buf *buf, size_t limit);
void orch_buf_fini(struct orch_buf *buf);
void orch_buf_reset(struct orch_buf *buf); /* empties it, keeps the memory */
void orch_buf_add(struct orch_buf *buf, const void *bytes, size_t len);
void orch_buf_add_text(struct orch_buf *buf, struct orch_text text);
void orch_buf_add_string(struct orch_buf *buf, const char *string);
void orch_buf_add_char(struct orch_buf *buf, char c);
void orch_buf_printf(struct orch_buf *buf, const char *fmt, ...) ORCH_PRINTF(2, 3);

/* Quoted and escaped as a JSON string, invalid UTF-8 replaced by U+FFFD. */
void orch_buf_add_json(struct orch_buf *buf, struct orch_text text);

/*
 * For people's eyes: what could steer a terminal becomes "?": control characters,
 * what is not UTF-8, and what turns the direction of writing.
 */
void orch_buf_add_printable(struct orch_buf *buf, struct orch_text text);

struct orch_text orch_buf_text(const struct orch_buf *buf); /* lent until the next change */

#endif
