/* SPDX-License-Identifier: Apache-2.0 */
#include "store/book.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/shared.h"
#include "store/row.h"

static int out_of_memory(struct orch_err *err)
{
	return orch_fail(err, ORCH_E_NOMEM, "store: out of memory");
}

int orch_store_book_open(
	struct orch_store_book *book, struct orch_arena *arena, struct orch_err *err)
{
	*book = (struct orch_store_book){ .arena = arena, .entries = orch_map_create() };
	return book->entries ? ORCH_OK : out_of_memory(err);
}

void orch_store_book_close(struct orch_store_book *book)
{
	orch_map_destroy(book->entries, NULL);
	book->entries = NULL;
}

int orch_store_book_enter(struct orch_store_book *book, const struct orch_stored_rule *rule,
	int64_t place, struct orch_err *err)
{
	struct orch_store_entry *entry = orch_arena_alloc(book->arena, sizeof(*entry));

	if (!entry)
		return out_of_memory(err);
	*entry = (struct orch_store_entry){ .rule = *rule, .place = place };
	if (place > book->last_place)
		book->last_place = place;
	return orch_map_set(book->entries, rule->rule.id, entry) == ORCH_OK ? ORCH_OK
									    : out_of_memory(err);
}

static int check(const struct orch_stored_rule *rule, struct orch_err *err)
{
	const struct orch_text texts[] = { rule->rule.id, rule->rule.name, rule->rule.expression,
		rule->rule.options, rule->tool, rule->description };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].len > ORCH_STORE_TEXT_BYTES)
			return orch_fail(err, ORCH_E_LIMIT,
				"a text of the rule has more than %d bytes", ORCH_STORE_TEXT_BYTES);
	}
	if (rule->rule.name.len == 0 || rule->tool.len == 0)
		return orch_fail(err, ORCH_E_INVALID, "a rule needs a name and a tool");
	return ORCH_OK;
}

/* ENTRY as it now is becomes a version. */
static int record(struct orch_store_book *book, struct orch_store_entry *entry, bool is_named,
	struct orch_err *err)
{
	struct orch_store_change *changes = orch_store_grow(
		book->arena, book->changes, book->count, &book->size, sizeof(*changes));

	if (!changes)
		return out_of_memory(err);
	if (entry->change > 0)
		changes[entry->change - 1].is_last = false;
	changes[book->count] = (struct orch_store_change){
		.rule = entry->rule, .place = entry->place, .is_last = true, .is_named = is_named
	};
	book->changes = changes;
	entry->change = ++book->count;
	return ORCH_OK;
}

static bool has_name(const struct orch_store_entry *entry, const struct orch_stored_rule *rule)
{
	return !entry->rule.damaged && !entry->rule.removed &&
		orch_text_equal(entry->rule.tool, rule->tool) &&
		orch_text_equal(entry->rule.rule.name, rule->rule.name);
}

/* RULE takes ENTRY's place: as a new rule, which may have a history, or as its next version. */
static int write_entry(struct orch_store_book *book, struct orch_store_entry *entry,
	const struct orch_stored_rule *rule, bool is_new, struct orch_text by, struct orch_err *err)
{
	struct orch_stored_rule next = *rule;
	bool is_named = is_new || !has_name(entry, rule);
	uint32_t version = entry->rule.rule.version;
	int code = is_new ? book->highest(book->arg, entry->rule.rule.id, &version, err) : ORCH_OK;

	if (code < 0)
		return code;
	next.rule.id = entry->rule.rule.id;
	next.rule.version = version + 1;
	next.changed_by = by;
	next.changed_ms = orch_clock_now_ms();
	next.created_by = is_new ? by : entry->rule.created_by;
	next.created_ms = is_new ? next.changed_ms : entry->rule.created_ms;
	next.removed = next.damaged = false;
	if (is_new)
		entry->place = ++book->last_place;
	entry->rule = next;
	return record(book, entry, is_named, err);
}

static int add(struct orch_store_book *book, const struct orch_stored_rule *rule,
	struct orch_text by, struct orch_err *err)
{
	struct orch_stored_rule blank = { .rule = { .id = rule->rule.id } };
	int code = rule->rule.id.len > 0
		? orch_store_check_rule_id(rule->rule.id, err)
		: orch_store_book_derive_id(book, rule->rule.name, &blank.rule.id, err);

	if (code < 0)
		return code;
	if (orch_map_get(book->entries, blank.rule.id))
		return orch_fail(err, ORCH_E_INVALID, "there is a rule \"%.*s\" already",
			ORCH_TEXT_ARG(blank.rule.id));
	code = orch_store_book_enter(book, &blank, 0, err);
	if (code < 0)
		return code;
	return write_entry(book, orch_map_get(book->entries, blank.rule.id), rule, true, by, err);
}

static int change(struct orch_store_book *book, const struct orch_stored_rule *rule,
	struct orch_text by, struct orch_err *err)
{
	struct orch_store_entry *entry = orch_map_get(book->entries, rule->rule.id);

	if (!entry)
		return orch_fail(err, ORCH_E_INVALID, "there is no rule \"%.*s\"",
			ORCH_TEXT_ARG(rule->rule.id));
	if (!entry->rule.damaged && entry->rule.rule.version != rule->rule.version)
		return orch_fail(err, ORCH_E_AGAIN,
			"rule \"%.*s\" was changed meanwhile: version %u is not the latest",
			ORCH_TEXT_ARG(rule->rule.id), rule->rule.version);
	return write_entry(book, entry, rule, entry->rule.damaged, by, err);
}

int orch_store_book_save(struct orch_store_book *book, const struct orch_stored_rule *rules,
	size_t count, struct orch_text by, struct orch_err *err)
{
	int code = ORCH_OK;

	for (size_t i = 0; i < count && code == ORCH_OK; i++)
		code = check(&rules[i], err);
	for (size_t i = 0; i < count && code == ORCH_OK; i++)
		code = rules[i].rule.version > 0 ? change(book, &rules[i], by, err)
						 : add(book, &rules[i], by, err);
	return code < 0 ? code : orch_store_book_check_names(book, err);
}

int orch_store_book_remove(struct orch_store_book *book, struct orch_text id, struct orch_text by,
	bool *ret_gone, struct orch_err *err)
{
	struct orch_store_entry *entry = orch_map_get(book->entries, id);

	*ret_gone = entry && entry->rule.damaged;
	if (*ret_gone)
		return ORCH_OK;
	if (!entry || entry->rule.removed)
		return orch_fail(
			err, ORCH_E_INVALID, "there is no rule \"%.*s\"", ORCH_TEXT_ARG(id));
	entry->rule.rule.version++;
	entry->rule.removed = true;
	entry->rule.changed_by = by;
	entry->rule.changed_ms = orch_clock_now_ms();
	return record(book, entry, false, err);
}

int orch_store_book_give(const struct orch_store_book *book, struct orch_arena *arena,
	struct orch_stored_rule *ret_rules, struct orch_err *err)
{
	struct orch_store_value row[ORCH_STORE_RULE_COUNT];
	int code = ORCH_OK;

	for (size_t i = 0; i < book->count && code == ORCH_OK; i++) {
		code = orch_store_rule_to_row(&book->changes[i].rule, arena, row, err);
		orch_store_rule_from_row(row, true, arena, &ret_rules[i]);
	}
	if (code == ORCH_OK && orch_arena_failed(arena))
		return out_of_memory(err);
	return code;
}
