/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules as they stand, in memory, and what may be done to them.
 *
 * An engine enters what it has, has it changed, and writes down what was
 * changed, all in one transaction.  A change names the version that it was made
 * from, so that nobody overwrites what he has not seen; every version stays in
 * the history.
 */
#ifndef ORCH_STORE_BOOK_H
#define ORCH_STORE_BOOK_H
#include "base/map.h"
#include "store/store.h"

#define ORCH_STORE_TEXT_BYTES (64 * 1024) /* one text of a rule */

/* One rule as it stands. */
struct orch_store_entry {
	struct orch_stored_rule rule;
	int64_t place; /* in the order of creation */
	size_t change; /* the last that was made to it, from 1; 0: none */
};

/* One version that was made. */
struct orch_store_change {
	struct orch_stored_rule rule;
	int64_t place;
	bool is_last;  /* of its rule */
	bool is_named; /* it is called now as it was not before */
};

struct orch_store_book {
	struct orch_arena *arena;
	struct orch_map *entries; /* by id */
	int64_t last_place;
	struct orch_store_change *changes; /* in their order */
	size_t count, size;
	/* The engine's: the highest sound version in the history of ID; 0: none. */
	int (*highest)(void *arg, struct orch_text id, uint32_t *ret_version, struct orch_err *err);
	void *arg;
};

/* ARENA holds what the book makes, and must outlive it. */
ORCH_MUST_USE int orch_store_book_open(
	struct orch_store_book *book, struct orch_arena *arena, struct orch_err *err);
void orch_store_book_close(struct orch_store_book *book);
/* RULE's texts are lent. */
ORCH_MUST_USE int orch_store_book_enter(struct orch_store_book *book,
	const struct orch_stored_rule *rule, int64_t place, struct orch_err *err);

/* See orch_store_rules_save(); one change is made for each.  RULES and BY are lent. */
ORCH_MUST_USE int orch_store_book_save(struct orch_store_book *book,
	const struct orch_stored_rule *rules, size_t count, struct orch_text by,
	struct orch_err *err);
/* See orch_store_rule_remove(): a change is made, or the row must go for good. */
ORCH_MUST_USE int orch_store_book_remove(struct orch_store_book *book, struct orch_text id,
	struct orch_text by, bool *ret_gone, struct orch_err *err);

/* Copies the versions that were made. */
ORCH_MUST_USE int orch_store_book_give(const struct orch_store_book *book, struct orch_arena *arena,
	struct orch_stored_rule *ret_rules, struct orch_err *err);

/* book_name.c */
/* An id for a rule that was given none, which no other has or had. */
ORCH_MUST_USE int orch_store_book_derive_id(const struct orch_store_book *book,
	struct orch_text name, struct orch_text *ret_id, struct orch_err *err);
/*
 * Refuses a name that two rules of a tool have, if one of them got it anew: two
 * may have changed theirs with each other.  What stood so before is let alone,
 * and a damaged row has none.
 */
ORCH_MUST_USE int orch_store_book_check_names(
	const struct orch_store_book *book, struct orch_err *err);

#endif
