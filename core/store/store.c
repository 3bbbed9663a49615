/* SPDX-License-Identifier: Apache-2.0 */
/* Every call goes to the implementation that was opened. */
#include "store/store.h"

#include <string.h>

#include "base/text.h"
#include "store/backend.h"

#define ID_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

int orch_store_rules(struct orch_store *store, struct orch_text tool, bool with_removed,
	struct orch_arena *arena, struct orch_stored_rule **ret_rules, size_t *ret_count,
	struct orch_err *err)
{
	return store->backend->rules(store, tool, with_removed, arena, ret_rules, ret_count, err);
}

/* An id counts before a name, and finds a removed rule as well. */
int orch_store_rule(struct orch_store *store, struct orch_text id_or_name, struct orch_arena *arena,
	struct orch_stored_rule *ret_rule, struct orch_err *err)
{
	const struct orch_stored_rule *found = NULL;
	struct orch_stored_rule *rules;
	size_t count = 0;
	size_t named = 0;
	int code = orch_store_rules(store, ORCH_TEXT_NONE, true, arena, &rules, &count, err);

	if (code < 0)
		return code;
	for (size_t i = 0; i < count; i++) {
		if (orch_text_equal(rules[i].rule.id, id_or_name)) {
			*ret_rule = rules[i];
			return ORCH_OK;
		}
		if (!rules[i].removed && orch_text_equal(rules[i].rule.name, id_or_name)) {
			found = &rules[i];
			named++;
		}
	}
	if (named == 0)
		return orch_fail(err, ORCH_E_INVALID, "there is no rule \"%.*s\"",
			ORCH_TEXT_ARG(id_or_name));
	if (named > 1)
		return orch_fail(err, ORCH_E_INVALID,
			"%zu rules have the name \"%.*s\"; say which by its id", named,
			ORCH_TEXT_ARG(id_or_name));
	*ret_rule = *found;
	return ORCH_OK;
}

int orch_store_rule_history(struct orch_store *store, struct orch_text id, struct orch_arena *arena,
	struct orch_stored_rule **ret_rules, size_t *ret_count, struct orch_err *err)
{
	return store->backend->rule_history(store, id, arena, ret_rules, ret_count, err);
}

int orch_store_check_rule_id(struct orch_text id, struct orch_err *err)
{
	bool sound = id.len > 0 && id.len <= ORCH_STORE_RULE_ID_BYTES;

	for (size_t i = 0; sound && i < id.len; i++)
		sound = memchr(ID_CHARACTERS, id.ptr[i], sizeof(ID_CHARACTERS) - 1) != NULL;
	return sound ? ORCH_OK
		     : orch_fail(err, ORCH_E_INVALID,
			       "\"%.*s\" cannot be the id of a rule; must be 1 to %d letters, "
			       "digits, dots, dashes and underscores",
			       ORCH_TEXT_ARG(id), ORCH_STORE_RULE_ID_BYTES);
}

int orch_store_rule_save(struct orch_store *store, const struct orch_stored_rule *rule,
	struct orch_text by, struct orch_arena *arena, struct orch_stored_rule *ret_rule,
	struct orch_err *err)
{
	return store->backend->rules_save(store, rule, 1, by, arena, ret_rule, err);
}

int orch_store_rules_save(struct orch_store *store, const struct orch_stored_rule *rules,
	size_t count, struct orch_text by, struct orch_arena *arena,
	struct orch_stored_rule *ret_rules, struct orch_err *err)
{
	if (count == 0)
		return ORCH_OK;
	return store->backend->rules_save(store, rules, count, by, arena, ret_rules, err);
}

int orch_store_rule_remove(
	struct orch_store *store, struct orch_text id, struct orch_text by, struct orch_err *err)
{
	return store->backend->rule_remove(store, id, by, err);
}

int orch_store_rules_revision(
	struct orch_store *store, uint64_t *ret_revision, struct orch_err *err)
{
	return store->backend->rules_revision(store, ret_revision, err);
}

int orch_store_watch_add(struct orch_store *store, struct orch_store_watch *watch)
{
	return store->backend->watch_add(store, watch);
}

void orch_store_watch_remove(struct orch_store *store, struct orch_store_watch *watch)
{
	store->backend->watch_remove(store, watch);
}

int orch_store_submit(struct orch_store *store, struct orch_store_op *op, struct orch_err *err)
{
	return store->backend->submit(store, op, err);
}

int orch_store_events(struct orch_store *store, const struct orch_event_filter *filter,
	struct orch_arena *arena, struct orch_stored_event **ret_events, size_t *ret_count,
	struct orch_err *err)
{
	return store->backend->events(store, filter, arena, ret_events, ret_count, err);
}

int orch_store_results(struct orch_store *store, struct orch_text event_id,
	struct orch_arena *arena, struct orch_stored_result **ret_results, size_t *ret_count,
	struct orch_err *err)
{
	return store->backend->results(store, event_id, arena, ret_results, ret_count, err);
}

void orch_store_close(struct orch_store *store)
{
	if (store)
		store->backend->close(store);
}
