/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that are made of names, and names that no other rule of the tool has. */
#include <stdio.h>

#include "base/buf.h"
#include "base/text.h"
#include "store/book.h"

#define RULE_ID_TRIES 10000
#define SLUG_BYTES (ORCH_STORE_RULE_ID_BYTES - 4) /* and "-9999", and NUL */

/* "To match Maestro (EU)" becomes "to-match-maestro-eu". */
static size_t write_slug(struct orch_text name, char *ret, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < name.len && len < size - 1; i++) {
		char c = name.ptr[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			ret[len++] = c;
		else if (len > 0 && ret[len - 1] != '-')
			ret[len++] = '-';
	}
	while (len > 0 && ret[len - 1] == '-')
		len--;
	ret[len] = '\0';
	return len;
}

/* Ids of removed rules stay theirs: findings name them. */
int orch_store_book_derive_id(const struct orch_store_book *book, struct orch_text name,
	struct orch_text *ret_id, struct orch_err *err)
{
	char slug[SLUG_BYTES], derived[SLUG_BYTES + 16];
	struct orch_text id = ORCH_TEXT_NONE;
	bool taken = true;

	if (write_slug(name, slug, sizeof(slug)) == 0)
		(void)snprintf(slug, sizeof(slug), "rule");
	for (unsigned i = 1; i < RULE_ID_TRIES && taken; i++) {
		if (i == 1)
			(void)snprintf(derived, sizeof(derived), "%s", slug);
		else
			(void)snprintf(derived, sizeof(derived), "%s-%u", slug, i);
		id = orch_text_from(derived);
		taken = orch_map_get(book->entries, id) != NULL;
	}
	if (taken)
		return orch_fail(err, ORCH_E_LIMIT, "too many rules are called \"%s\"", slug);
	*ret_id = orch_arena_text(book->arena, id);
	return orch_arena_failed(book->arena) ? orch_fail(err, ORCH_E_NOMEM, "store: out of memory")
					      : ORCH_OK;
}

/* Who has one name of one tool. */
struct holders {
	struct orch_text first, last; /* by id; the same if it is one */
};

static struct orch_text key_of(struct orch_buf *buf, const struct orch_stored_rule *rule)
{
	orch_buf_reset(buf);
	orch_buf_printf(buf, "%zu ", rule->tool.len);
	orch_buf_add_text(buf, rule->tool);
	orch_buf_add_text(buf, rule->rule.name);
	return orch_buf_text(buf);
}

static bool add_holder(const struct orch_store_book *book, struct orch_map *names,
	struct orch_buf *buf, const struct orch_stored_rule *rule)
{
	struct orch_text key = key_of(buf, rule), id = rule->rule.id;
	struct holders *holders = orch_map_get(names, key);

	if (holders) {
		if (orch_text_compare(id, holders->first) < 0)
			holders->first = id;
		if (orch_text_compare(id, holders->last) > 0)
			holders->last = id;
		return true;
	}
	holders = orch_arena_alloc(book->arena, sizeof(*holders));
	if (!holders || buf->failed)
		return false;
	*holders = (struct holders){ id, id };
	return orch_map_set(names, key, holders) == ORCH_OK;
}

static bool collect(
	const struct orch_store_book *book, struct orch_map *names, struct orch_buf *buf)
{
	struct orch_text id;
	size_t cursor = 0;
	void *value;

	while (orch_map_next(book->entries, &cursor, &id, &value)) {
		const struct orch_stored_rule *rule = &((struct orch_store_entry *)value)->rule;

		if (!rule->damaged && !rule->removed && !add_holder(book, names, buf, rule))
			return false;
	}
	return true;
}

static int compare(const struct orch_store_book *book, const struct orch_map *names,
	struct orch_buf *buf, struct orch_err *err)
{
	for (size_t i = 0; i < book->count; i++) {
		const struct orch_stored_rule *rule = &book->changes[i].rule;
		const struct holders *holders;
		struct orch_text other;

		if (!book->changes[i].is_named)
			continue;
		holders = orch_map_get(names, key_of(buf, rule));
		if (!holders || orch_text_equal(holders->first, holders->last))
			continue;
		other = orch_text_equal(rule->rule.id, holders->first) ? holders->last
								       : holders->first;
		return orch_fail(err, ORCH_E_INVALID,
			"the name \"%.*s\" is taken by the rule %.*s; change that one, or choose "
			"another name",
			ORCH_TEXT_ARG(rule->rule.name), ORCH_TEXT_ARG(other));
	}
	return ORCH_OK;
}

int orch_store_book_check_names(const struct orch_store_book *book, struct orch_err *err)
{
	struct orch_map *names = orch_map_create();
	struct orch_buf buf;
	int code;

	orch_buf_init(&buf, 3 * ORCH_STORE_TEXT_BYTES);
	if (names && collect(book, names, &buf))
		code = compare(book, names, &buf, err);
	else
		code = orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
	orch_buf_fini(&buf);
	orch_map_destroy(names, NULL);
	return code;
}
