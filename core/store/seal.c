/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seal.h"

#include <assert.h>

#include "base/buf.h"
#include "base/text.h"
#include "store/json.h"

#define ABOUT_BYTES 16384
#define FIELDS_BYTES (4 * 1024 * 1024)

static const struct orch_text proven = { "the key of this database", 24 };

static_assert(ORCH_STORE_PROOF_BYTES == sizeof("the key of this database") - 1 + ORCH_SEAL_OVERHEAD,
	"a proof has room for its text");

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
}

static struct orch_text write_about(struct orch_buf *buf, const struct orch_store_about *about)
{
	orch_buf_init(buf, ABOUT_BYTES);
	orch_buf_printf(buf, "%s %llu %zu %zu ", about->what, (unsigned long long)about->number,
		about->event_id.len, about->pipeline.len);
	orch_buf_add_text(buf, about->event_id);
	orch_buf_add_text(buf, about->pipeline);
	return orch_buf_text(buf);
}

int orch_store_seal(const struct orch_secret *key, struct orch_text plain,
	const struct orch_store_about *about, struct orch_arena *arena,
	struct orch_text *ret_sealed, struct orch_err *err)
{
	struct orch_buf buf;
	struct orch_text text;
	char *sealed;

	if (!key)
		return orch_fail(err, ORCH_E_DENIED, "store: opened without its key");
	if (plain.len > ORCH_STORE_SEALED_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "store: an event of more than %d bytes",
			ORCH_STORE_SEALED_BYTES);
	text = write_about(&buf, about);
	sealed = buf.failed ? NULL : orch_arena_alloc(arena, plain.len + ORCH_SEAL_OVERHEAD);
	if (sealed) {
		orch_seal(key, plain, text, sealed);
		*ret_sealed = (struct orch_text){ sealed, plain.len + ORCH_SEAL_OVERHEAD };
	}
	orch_buf_fini(&buf);
	return sealed ? ORCH_OK : out_of_memory(err);
}

int orch_store_unseal(const struct orch_secret *key, struct orch_text sealed,
	const struct orch_store_about *about, struct orch_arena *arena, struct orch_text *ret_plain)
{
	struct orch_buf buf;
	struct orch_text text;
	size_t len;
	char *plain;
	int code;

	if (sealed.len < ORCH_SEAL_OVERHEAD)
		return ORCH_E_INVALID;
	len = sealed.len - ORCH_SEAL_OVERHEAD;
	plain = orch_arena_alloc(arena, len + 1);
	if (!plain)
		return ORCH_E_NOMEM;
	text = write_about(&buf, about);
	code = buf.failed ? ORCH_E_NOMEM : orch_unseal(key, sealed, text, plain);
	orch_buf_fini(&buf);
	if (code < 0)
		return code;
	plain[len] = '\0';
	*ret_plain = (struct orch_text){ plain, len };
	return ORCH_OK;
}

static struct orch_store_about about(
	const struct orch_stored_event *event, const char *what, uint64_t number)
{
	return (struct orch_store_about){
		.what = what, .event_id = event->id, .pipeline = event->pipeline, .number = number
	};
}

/* As JSON, at the most: each byte may become "\u0000", and has quotes and a comma about it. */
static size_t most_bytes(const struct orch_stored_event *event)
{
	size_t bytes = 2;

	for (size_t i = 0; i < event->field_count && bytes <= FIELDS_BYTES; i++)
		bytes += 6 * (event->fields[i].name.len + event->fields[i].value.len + 1);
	return bytes;
}

static int refuse_fields(const struct orch_stored_event *event, struct orch_err *err)
{
	if (most_bytes(event) <= FIELDS_BYTES)
		return out_of_memory(err);
	return orch_fail(err, ORCH_E_LIMIT, "store: fields of more than %d bytes", FIELDS_BYTES);
}

static int seal_fields(const struct orch_secret *key, const struct orch_stored_event *event,
	struct orch_arena *arena, struct orch_text *ret_fields, struct orch_err *err)
{
	const struct orch_store_about what = about(event, "fields", 0);
	struct orch_buf json;
	int code;

	orch_buf_init(&json, FIELDS_BYTES);
	orch_store_write_fields(&json, event->fields, event->field_count);
	if (json.failed)
		code = refuse_fields(event, err);
	else
		code = orch_store_seal(key, orch_buf_text(&json), &what, arena, ret_fields, err);
	orch_buf_fini(&json);
	return code;
}

int orch_store_seal_event(const struct orch_secret *key, const struct orch_stored_event *event,
	struct orch_arena *arena, struct orch_text *ret_fields, struct orch_text *ret_content,
	struct orch_err *err)
{
	const struct orch_store_about what = about(event, "content", 0);
	int code = seal_fields(key, event, arena, ret_fields, err);

	return code < 0 ? code
			: orch_store_seal(key, event->content, &what, arena, ret_content, err);
}

/* A finding's detail is the tool's JSON, and may quote the message. */
int orch_store_seal_detail(const struct orch_secret *key, const struct orch_stored_event *event,
	size_t number, struct orch_arena *arena, struct orch_text *ret_detail, struct orch_err *err)
{
	const struct orch_store_about what = about(event, "detail", number);
	struct orch_text detail = event->findings[number].finding.detail;

	*ret_detail = ORCH_TEXT_NONE;
	return detail.len == 0 ? ORCH_OK
			       : orch_store_seal(key, detail, &what, arena, ret_detail, err);
}

int orch_store_open_event(const struct orch_secret *key, struct orch_text fields,
	const struct orch_text *content, struct orch_arena *arena, struct orch_stored_event *event,
	struct orch_err *err)
{
	struct orch_store_about what = about(event, "fields", 0);
	struct orch_text json = ORCH_TEXT_NONE;
	int code;

	event->content = ORCH_TEXT_NONE;
	if (!key)
		return ORCH_OK;
	code = orch_store_unseal(key, fields, &what, arena, &json);
	if (code == ORCH_OK)
		orch_store_read_fields(arena, json, &event->fields, &event->field_count);
	what.what = "content";
	if (code == ORCH_OK && content)
		code = orch_store_unseal(key, *content, &what, arena, &event->content);
	if (code == ORCH_E_INVALID)
		event->inspection_note = ORCH_TEXT("damaged: the stored message does not open");
	return code == ORCH_E_NOMEM ? out_of_memory(err) : ORCH_OK;
}

int orch_store_open_detail(const struct orch_secret *key, const struct orch_stored_event *event,
	uint64_t number, struct orch_text sealed, struct orch_arena *arena,
	struct orch_text *ret_detail, struct orch_err *err)
{
	const struct orch_store_about what = about(event, "detail", number);
	int code = key ? orch_store_unseal(key, sealed, &what, arena, ret_detail) : ORCH_E_INVALID;

	if (code < 0)
		*ret_detail = ORCH_TEXT_NONE;
	return code == ORCH_E_NOMEM ? out_of_memory(err) : ORCH_OK;
}

void orch_store_write_proof(const struct orch_secret *key, char ret[ORCH_STORE_PROOF_BYTES])
{
	orch_seal(key, proven, proven, ret);
}

void orch_store_read_proof(
	struct orch_store_proof *proof, const struct orch_secret *key, struct orch_text sealed)
{
	char bytes[ORCH_STORE_PROOF_BYTES];

	proof->count++;
	if (sealed.len == ORCH_STORE_PROOF_BYTES &&
		orch_unseal(key, sealed, proven, bytes) == ORCH_OK)
		proof->opens = true;
}

int orch_store_judge_proof(const struct orch_store_proof *proof, struct orch_err *err)
{
	if (proof->count == 0 || proof->opens)
		return ORCH_OK;
	return orch_fail(err, ORCH_E_DENIED,
		"the store's key is not the one that the database was begun with; give it that "
		"one, or move the database away to begin anew");
}
