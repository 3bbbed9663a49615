/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"
#include "base/text.h"
#include "store/sqlite.h"

#define ABOUT_BYTES 16384

static struct orch_text write_about(struct orch_buf *buf, const struct orch_store_about *about)
{
	orch_buf_init(buf, ABOUT_BYTES);
	orch_buf_printf(buf, "%s %llu %zu %zu ", about->what, (unsigned long long)about->number,
		about->event_id.len, about->pipeline.len);
	orch_buf_add_text(buf, about->event_id);
	orch_buf_add_text(buf, about->pipeline);
	return orch_buf_text(buf);
}

int orch_store_sqlite_seal(const struct orch_secret *key, struct orch_text plain,
	const struct orch_store_about *about, struct orch_text *ret_sealed, struct orch_err *err)
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
	sealed = orch_alloc(plain.len + ORCH_SEAL_OVERHEAD);
	if (sealed && !buf.failed) {
		orch_seal(key, plain, text, sealed);
		*ret_sealed = (struct orch_text){ sealed, plain.len + ORCH_SEAL_OVERHEAD };
		orch_buf_fini(&buf);
		return ORCH_OK;
	}
	orch_free(sealed);
	orch_buf_fini(&buf);
	return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
}

int orch_store_sqlite_unseal(const struct orch_secret *key, struct orch_text sealed,
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
	code = buf.failed ? ORCH_E_INVALID : orch_unseal(key, sealed, text, plain);
	orch_buf_fini(&buf);
	if (code < 0)
		return ORCH_E_INVALID;
	plain[len] = '\0';
	*ret_plain = (struct orch_text){ plain, len };
	return ORCH_OK;
}
