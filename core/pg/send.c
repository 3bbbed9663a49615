/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A statement on its way: its parameters in PostgreSQL's binary formats.
 *
 * Texts that are well-formed go as they lie; the others, and arrays, are made
 * in a buffer that is used again for each statement.
 */
#include <endian.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "pg/internal.h"

#define STATEMENT_BYTES 64         /* what it costs without its values */
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void orch_pg_begin(struct orch_pg_sender *sender, const char *sql)
{
	sender->sql = sql;
	sender->count = 0;
	sender->code = ORCH_OK;
	orch_buf_reset(&sender->scratch);
	sender->scratch.limit = ORCH_PG_VALUE_BYTES;
}

static void fail(struct orch_pg_sender *sender, int code, const char *why)
{
	if (sender->code == ORCH_OK)
		sender->code = orch_fail(&sender->err, code, "PostgreSQL: %s", why);
}

/* PTR NULL: from AT of the buffer on. */
static void add(struct orch_pg_sender *sender, Oid type, const char *ptr, size_t at, size_t len)
{
	if (sender->count == ORCH_PG_PARAMETERS)
		fail(sender, ORCH_E_LIMIT, "a statement has too many parameters");
	else if (len > ORCH_PG_VALUE_BYTES)
		fail(sender, ORCH_E_LIMIT, "a value is too large");
	else
		sender->parameters[sender->count++] = (struct orch_pg_parameter){
			.type = type, .ptr = ptr, .at = at, .len = len
		};
}

static void add_made(struct orch_pg_sender *sender, Oid type, size_t at)
{
	add(sender, type, NULL, at, sender->scratch.len - at);
}

static void put(struct orch_pg_sender *sender, const void *bytes, size_t len)
{
	if (len > sender->scratch.limit - sender->scratch.len) {
		fail(sender, ORCH_E_LIMIT, "a value is too large");
		return;
	}
	orch_buf_add(&sender->scratch, bytes, len);
	if (sender->scratch.failed)
		fail(sender, ORCH_E_NOMEM, "out of memory");
}

static void put_int(struct orch_pg_sender *sender, int64_t value)
{
	uint64_t wire = htobe64((uint64_t)value);

	put(sender, &wire, sizeof(wire));
}

static void put_length(struct orch_pg_sender *sender, size_t value)
{
	uint32_t wire = htobe32((uint32_t)value);

	put(sender, &wire, sizeof(wire));
}

static bool is_clean(struct orch_text text)
{
	return orch_text_is_utf8(text) && (text.len == 0 || !memchr(text.ptr, '\0', text.len));
}

static void put_mended(struct orch_pg_sender *sender, struct orch_text text)
{
	while (text.len > 0 && sender->code == ORCH_OK) {
		size_t len = *text.ptr ? orch_text_utf8_len(text) : 0;

		if (len > 0)
			put(sender, text.ptr, len);
		else
			put(sender, REPLACEMENT, strlen(REPLACEMENT));
		text.ptr += len > 0 ? len : 1;
		text.len -= len > 0 ? len : 1;
	}
}

void orch_pg_null(struct orch_pg_sender *sender)
{
	add(sender, 0, NULL, 0, 0);
}

void orch_pg_int(struct orch_pg_sender *sender, int64_t value)
{
	size_t at = sender->scratch.len;

	put_int(sender, value);
	add_made(sender, ORCH_PG_INT8, at);
}

void orch_pg_bool(struct orch_pg_sender *sender, bool value)
{
	add(sender, ORCH_PG_BOOL, value ? "\1" : "\0", 0, 1);
}

void orch_pg_bytes(struct orch_pg_sender *sender, struct orch_text bytes)
{
	add(sender, ORCH_PG_BYTEA, bytes.ptr ? bytes.ptr : "", 0, bytes.len);
}

void orch_pg_text(struct orch_pg_sender *sender, struct orch_text text)
{
	size_t at = sender->scratch.len;

	if (is_clean(text)) {
		add(sender, ORCH_PG_TEXT, text.ptr ? text.ptr : "", 0, text.len);
		return;
	}
	put_mended(sender, text);
	add_made(sender, ORCH_PG_TEXT, at);
}

/* One dimension that begins at 1, without NULLs; none if it is empty. */
static void put_array_head(struct orch_pg_sender *sender, Oid type, size_t count)
{
	put_length(sender, count > 0 ? 1 : 0);
	put_length(sender, 0);
	put_length(sender, type);
	if (count == 0)
		return;
	put_length(sender, count);
	put_length(sender, 1);
}

void orch_pg_ints(struct orch_pg_sender *sender, const int64_t *values, size_t count)
{
	size_t at = sender->scratch.len;

	put_array_head(sender, ORCH_PG_INT8, count);
	for (size_t i = 0; i < count && sender->code == ORCH_OK; i++) {
		put_length(sender, sizeof(values[i]));
		put_int(sender, values[i]);
	}
	add_made(sender, ORCH_PG_INT8S, at);
}

static void put_element(struct orch_pg_sender *sender, struct orch_text text, bool as_text)
{
	size_t at = sender->scratch.len;
	uint32_t wire;

	put_length(sender, text.len);
	if (!as_text || is_clean(text)) {
		put(sender, text.ptr, text.len);
		return;
	}
	put_mended(sender, text);
	if (sender->code < 0)
		return;
	wire = htobe32((uint32_t)(sender->scratch.len - at - sizeof(wire)));
	memcpy(sender->scratch.ptr + at, &wire, sizeof(wire));
}

static void put_array(
	struct orch_pg_sender *sender, const struct orch_text *texts, size_t count, bool as_text)
{
	size_t at = sender->scratch.len;

	put_array_head(sender, as_text ? ORCH_PG_TEXT : ORCH_PG_BYTEA, count);
	for (size_t i = 0; i < count && sender->code == ORCH_OK; i++)
		put_element(sender, texts[i], as_text);
	add_made(sender, as_text ? ORCH_PG_TEXTS : ORCH_PG_BYTEAS, at);
}

void orch_pg_texts(struct orch_pg_sender *sender, const struct orch_text *texts, size_t count)
{
	put_array(sender, texts, count, true);
}

void orch_pg_byteses(struct orch_pg_sender *sender, const struct orch_text *bytes, size_t count)
{
	put_array(sender, bytes, count, false);
}

bool orch_pg_note_sent(struct orch_pg_link *link, const struct orch_pg_sent *sent)
{
	if (link->sent_count == link->sent_size) {
		size_t size = link->sent_size ? link->sent_size * 2 : 64;
		struct orch_pg_sent *more = orch_realloc(link->sent, size * sizeof(*more));

		if (!more)
			return false;
		link->sent = more;
		link->sent_size = size;
	}
	link->sent[link->sent_count++] = *sent;
	return true;
}

/* libpq has no memory, or the connection is gone; both end it. */
static int fail_broken(struct orch_pg_sender *sender, struct orch_err *err)
{
	sender->link->is_broken = true;
	return orch_fail(err, ORCH_E_AGAIN, "PostgreSQL: nothing can be sent");
}

static int send_parse(
	struct orch_pg_sender *sender, struct orch_pg_statement *statement, struct orch_err *err)
{
	const struct orch_pg_sent sent = {
		.kind = ORCH_PG_SENT_PARSE, .group = sender->group, .statement = statement
	};

	if (statement->is_known || statement->is_sent)
		return ORCH_OK;
	if (!orch_pg_note_sent(sender->link, &sent) ||
		!PQsendPrepare(sender->link->conn, statement->name, statement->sql,
			(int)statement->count, statement->types))
		return fail_broken(sender, err);
	statement->is_sent = true;
	sender->has_sent = true;
	return ORCH_OK;
}

static int note_statement(struct orch_pg_sender *sender, struct orch_err *err)
{
	const struct orch_pg_sent sent = { .kind = ORCH_PG_SENT_STATEMENT,
		.group = sender->group,
		.op = sender->op,
		.ops = sender->ops,
		.op_count = sender->op_count,
		.number = sender->number++ };

	sender->has_sent = true;
	return orch_pg_note_sent(sender->link, &sent) ? ORCH_OK : fail_broken(sender, err);
}

static int send_statement(struct orch_pg_sender *sender, const struct orch_pg_statement *statement,
	struct orch_err *err)
{
	const char *values[ORCH_PG_PARAMETERS];
	int lengths[ORCH_PG_PARAMETERS], formats[ORCH_PG_PARAMETERS];

	for (unsigned i = 0; i < sender->count; i++) {
		const struct orch_pg_parameter *parameter = &sender->parameters[i];

		values[i] = parameter->ptr;
		if (!parameter->ptr && parameter->type != 0)
			values[i] = sender->scratch.ptr + parameter->at;
		lengths[i] = (int)parameter->len;
		formats[i] = 1;
	}
	if (note_statement(sender, err) < 0 ||
		!PQsendQueryPrepared(sender->link->conn, statement->name, (int)sender->count,
			values, lengths, formats, 1))
		return fail_broken(sender, err);
	return ORCH_OK;
}

static int check(struct orch_pg_sender *sender, struct orch_err *err)
{
	size_t bytes = STATEMENT_BYTES;

	for (unsigned i = 0; i < sender->count; i++)
		bytes += sender->parameters[i].len;
	sender->bytes += bytes;
	if (sender->bytes > ORCH_PG_GROUP_BYTES)
		fail(sender, ORCH_E_LIMIT, "a group's values are too large");
	if (sender->code < 0)
		*err = sender->err;
	return sender->code;
}

int orch_pg_end(struct orch_pg_sender *sender, struct orch_err *err)
{
	struct orch_pg_statement *statement;
	int code = check(sender, err);

	if (code < 0)
		return code;
	statement = orch_pg_statement_find(sender->link, sender);
	if (!statement)
		return orch_fail(err, ORCH_E_INTERNAL, "PostgreSQL: more than %d statements",
			ORCH_PG_STATEMENTS);
	code = send_parse(sender, statement, err);
	return code < 0 ? code : send_statement(sender, statement, err);
}

void orch_pg_sender_fini(struct orch_pg_sender *sender)
{
	orch_buf_fini(&sender->scratch);
}
