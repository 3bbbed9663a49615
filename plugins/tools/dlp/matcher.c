/* SPDX-License-Identifier: Apache-2.0 */
/* The matcher by PCRE2 with its JIT: each rule searched on its own, the whole text over. */
#include "matcher.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "kit/text.h"
#include "rule.h"

#define JIT_STACK_START ((size_t)32 * 1024)
#define DEPTH_LIMIT 20000u /* without the JIT */
#define HEAP_LIMIT_KIB 65536u
#define MESSAGE_BYTES 120
#define GROUPS 64 /* of which places are kept */
#define VALUE_GROUP \
	"value" /* a group of this name is what was found; the rest is where it stands */

struct entry {
	struct orch_rule rule;
	struct rule_options options;
	pcre2_code *code;
	int value; /* number of the group, 0: the whole match */
};

struct matcher {
	size_t count;
	size_t code_bytes;
	struct entry *entries; /* the gravest first */
};

struct matcher_scratch {
	pcre2_match_context *context;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
};

static int copy_text(struct orch_text text, struct orch_text *ret_copy)
{
	char *ptr = malloc(text.len + 1);

	if (ptr == NULL)
		return ORCH_E_NOMEM;
	if (text.len > 0)
		memcpy(ptr, text.ptr, text.len);
	ptr[text.len] = '\0';
	*ret_copy = (struct orch_text){ ptr, text.len };
	return ORCH_OK;
}

static void drop_text(struct orch_text text)
{
	union {
		const char *lent;
		void *own;
	} ptr = { .lent = text.ptr };

	free(ptr.own);
}

static int refuse(struct orch_err *err, int error, size_t offset)
{
	PCRE2_UCHAR message[MESSAGE_BYTES] = { 0 };

	(void)pcre2_get_error_message(error, message, sizeof(message));
	if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAP_FAILED)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to compile the expression");
	return orch_fail(err, ORCH_E_INVALID, "expression: at offset %zu: %s", offset,
		(const char *)message);
}

static int compile_expression(
	struct orch_text expression, bool caseless, pcre2_code **ret_code, struct orch_err *err)
{
	const uint32_t flags = PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
		PCRE2_USE_OFFSET_LIMIT | (caseless ? PCRE2_CASELESS : 0u);
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code;
	PCRE2_SIZE offset = 0;
	int error = 0;

	if (context == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to compile the expression");
	(void)pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
	code = pcre2_compile(
		(PCRE2_SPTR)expression.ptr, expression.len, flags, &error, &offset, context);
	pcre2_compile_context_free(context);
	if (code == NULL)
		return refuse(err, error, offset);
	*ret_code = code;
	return ORCH_OK;
}

static size_t info_bytes(const pcre2_code *code, uint32_t what)
{
	size_t bytes = 0;

	(void)pcre2_pattern_info(code, what, &bytes);
	return bytes;
}

/* Where there is no JIT, the interpreter serves, within limits of depth and heap. */
static int check_size(struct matcher *set, struct entry *entry, struct orch_err *err)
{
	size_t bytes = info_bytes(entry->code, PCRE2_INFO_SIZE);

	if (bytes <= MATCHER_RULE_CODE_BYTES) {
		(void)pcre2_jit_compile(entry->code, PCRE2_JIT_COMPLETE);
		bytes += info_bytes(entry->code, PCRE2_INFO_JITSIZE);
	}
	if (bytes > MATCHER_RULE_CODE_BYTES)
		return orch_fail(err, ORCH_E_INVALID, "expression: too large when compiled");
	set->code_bytes += bytes;
	if (set->code_bytes > MATCHER_SET_CODE_BYTES)
		return orch_fail(
			err, ORCH_E_INVALID, "the rules together are too large when compiled");
	return ORCH_OK;
}

static int value_group(const pcre2_code *code)
{
	int number = pcre2_substring_number_from_name(code, (PCRE2_SPTR)VALUE_GROUP);

	return number > 0 && number < GROUPS ? number : 0;
}

static int compile_rule(struct matcher *set, const struct orch_rule *rule, struct orch_err *err)
{
	struct entry *entry = &set->entries[set->count];
	int rc;

	if (rule->expression.len == 0 || rule->expression.len > MATCHER_EXPRESSION_BYTES)
		return orch_fail(err, ORCH_E_INVALID, "expression: must have 1 to %d bytes",
			MATCHER_EXPRESSION_BYTES);
	rc = rule_options_read(rule->options, &entry->options, err);
	if (rc == ORCH_OK)
		rc = compile_expression(
			rule->expression, entry->options.caseless, &entry->code, err);
	if (rc != ORCH_OK)
		return rc;
	set->count++; /* from here on destroy() sees to it */
	entry->value = value_group(entry->code);
	entry->rule = (struct orch_rule){ .size = sizeof(entry->rule),
		.severity = rule->severity,
		.version = rule->version,
		.expression = { "", 0 },
		.options = { "", 0 } };
	rc = copy_text(rule->id, &entry->rule.id);
	if (rc == ORCH_OK)
		rc = copy_text(rule->name, &entry->rule.name);
	if (rc != ORCH_OK)
		return orch_fail(err, rc, "no memory for the rule");
	return check_size(set, entry, err);
}

/* Gravest first, so that a flood of light findings never crowds them out; otherwise as configured. */
static void sort_entries(struct matcher *set)
{
	for (size_t i = 1; i < set->count; i++) {
		struct entry entry = set->entries[i];
		size_t at = i;

		while (at > 0 && set->entries[at - 1].rule.severity < entry.rule.severity) {
			set->entries[at] = set->entries[at - 1];
			at--;
		}
		set->entries[at] = entry;
	}
}

int matcher_create(const struct orch_rule *rules, size_t count, struct matcher **ret_set,
	size_t *ret_bad, struct orch_err *err)
{
	struct matcher *set;
	int rc = ORCH_OK;

	*ret_bad = count;
	if (count > MATCHER_RULES) {
		*ret_bad = MATCHER_RULES;
		return orch_fail(err, ORCH_E_LIMIT, "more than %d rules", MATCHER_RULES);
	}
	set = calloc(1, sizeof(*set));
	if (set == NULL || (set->entries = calloc(count + 1, sizeof(*set->entries))) == NULL) {
		free(set);
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the rules");
	}
	for (size_t i = 0; i < count && rc == ORCH_OK; i++) {
		*ret_bad = i;
		rc = compile_rule(set, &rules[i], err);
	}
	if (rc != ORCH_OK) {
		matcher_destroy(set);
		return rc;
	}
	sort_entries(set);
	*ret_set = set;
	return ORCH_OK;
}

void matcher_destroy(struct matcher *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++) {
		pcre2_code_free(set->entries[i].code);
		drop_text(set->entries[i].rule.id);
		drop_text(set->entries[i].rule.name);
	}
	free(set->entries);
	free(set);
}

int matcher_scratch_create(
	uint32_t match_limit, struct matcher_scratch **ret_scratch, struct orch_err *err)
{
	struct matcher_scratch *scratch = calloc(1, sizeof(*scratch));

	if (scratch == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory to match with");
	scratch->context = pcre2_match_context_create(NULL);
	scratch->data = pcre2_match_data_create(GROUPS, NULL);
	scratch->stack = pcre2_jit_stack_create(JIT_STACK_START, MATCHER_JIT_STACK_BYTES, NULL);
	if (scratch->context == NULL || scratch->data == NULL) {
		matcher_scratch_destroy(scratch);
		return orch_fail(err, ORCH_E_NOMEM, "no memory to match with");
	}
	(void)pcre2_set_match_limit(scratch->context, match_limit);
	(void)pcre2_set_depth_limit(scratch->context, DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(scratch->context, HEAP_LIMIT_KIB);
	pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
	*ret_scratch = scratch;
	return ORCH_OK;
}

void matcher_scratch_destroy(struct matcher_scratch *scratch)
{
	if (scratch == NULL)
		return;
	pcre2_jit_stack_free(scratch->stack);
	pcre2_match_data_free(scratch->data);
	pcre2_match_context_free(scratch->context);
	free(scratch);
}

static const char *why_not(int rc)
{
	switch (rc) {
	case PCRE2_ERROR_MATCHLIMIT:
		return "match limit";
	case PCRE2_ERROR_DEPTHLIMIT:
		return "depth limit";
	case PCRE2_ERROR_HEAPLIMIT:
		return "heap limit";
	case PCRE2_ERROR_JIT_STACKLIMIT:
		return "stack limit";
	case PCRE2_ERROR_NOMEMORY:
		return "no memory";
	default:
		return "engine error";
	}
}

/* One rule on its way over a text. */
struct pass {
	const struct entry *entry;
	struct matcher_scratch *scratch;
	const struct matcher_listener *listener;
	struct orch_text text;
	uint32_t flags;
	size_t at;    /* where the next search begins */
	size_t known; /* what begins in front of it was in a match before */
	size_t spare; /* bytes that may still be looked at once more */
};

/* What the rule is about: its named group if it has one and it took part. */
static struct span locate(const struct entry *entry, const PCRE2_SIZE *places)
{
	size_t pair = 2u * (size_t)entry->value;

	if (places[pair] == PCRE2_UNSET || places[pair] >= places[pair + 1])
		pair = 0;
	return (struct span){ places[pair], places[pair + 1] };
}

static int report(const struct pass *pass, const struct sighting *seen, struct span found)
{
	const struct rule_options *options = &pass->entry->options;
	struct matcher_hit hit = { .rule = &pass->entry->rule,
		.confidence = options->confidence,
		.start = found.start,
		.length = found.end - found.start };
	bool has_context = rule_has_context(
		options, seen->text, seen->match.start, seen->match.end - seen->match.start);

	if (options->context_required && !has_context)
		return ORCH_OK;
	if (has_context)
		hit.confidence += RULE_CONTEXT_GAIN;
	if (hit.confidence > 100)
		hit.confidence = 100;
	return pass->listener->hit(pass->listener->context, &hit);
}

/* Within an earlier match nothing begins in the middle of a word: it would be a piece of it. */
static bool is_piece(const struct sighting *seen)
{
	const char *at = seen->text.ptr + seen->match.start;

	return seen->is_again && is_word(at[-1]) && is_word(at[0]);
}

/* Reports what passes of a match; *ret_again is where the search goes on. */
static int judge(const struct pass *pass, const struct sighting *seen, size_t *ret_again)
{
	const struct check *check = pass->entry->options.check;
	struct span rest = seen->value;
	int rc = ORCH_OK;

	*ret_again = seen->match.end;
	if (check == NULL)
		return report(pass, seen, rest);
	if (!is_piece(seen)) {
		struct span found = rest;

		while (rc == ORCH_OK && rest.start < rest.end && check->passes(seen, &found)) {
			rc = report(pass, seen, found);
			rest.start = found.end;
			found = rest;
		}
	}
	if (rest.start < rest.end)
		*ret_again = check->again(seen, rest);
	return rc;
}

/* END, or a little before it so that no character is cut. */
static size_t whole_characters(struct orch_text text, size_t from, size_t end)
{
	size_t len =
		kit_prefix((struct orch_text){ text.ptr + from, text.len - from }, end - from).len;

	return len == 0 ? end : from + len;
}

static size_t add_up_to(size_t at, size_t more, size_t end)
{
	return end - at > more ? at + more : end;
}

/* The short way into the JIT, where there is one. */
static int run(const struct pass *pass, size_t at, size_t end)
{
	const pcre2_code *code = pass->entry->code;
	struct matcher_scratch *scratch = pass->scratch;
	PCRE2_SPTR text = (PCRE2_SPTR)pass->text.ptr;
	int found =
		pcre2_jit_match(code, text, end, at, pass->flags, scratch->data, scratch->context);

	if (found == PCRE2_ERROR_JIT_BADOPTION)
		found = pcre2_match(
			code, text, end, at, pass->flags, scratch->data, scratch->context);
	return found;
}

/* One search; *ret_next is where the next one begins if nothing is found. */
static int search(const struct pass *pass, size_t *ret_next)
{
	struct orch_text text = pass->text;
	size_t at = pass->at;
	size_t next = whole_characters(text, at, add_up_to(at, MATCHER_STARTS_BYTES, text.len));
	size_t end = whole_characters(text, at, add_up_to(next, MATCHER_REACH_BYTES, text.len));

	*ret_next = next;
	(void)pcre2_set_offset_limit(pass->scratch->context, next - 1);
	/* The text is never cut in front, so that what looks behind sees the truth. */
	return run(pass, at, end);
}

static int give_up(const struct pass *pass, const char *why)
{
	return pass->listener->incomplete(pass->listener->context, &pass->entry->rule, why);
}

/* Goes on at AGAIN within a match that ends at END, if there is something to spare for that. */
static bool step_back(struct pass *pass, size_t again, size_t end)
{
	if (end - again > pass->spare)
		return false;
	pass->spare -= end - again;
	/* The engine relies on it that no character is cut. */
	while (again < end && ((unsigned char)pass->text.ptr[again] & 0xc0u) == 0x80u)
		again++;
	pass->known = end;
	pass->at = again;
	return true;
}

/* Deals with a match; NEXT is where the search goes on if that did not move it forward. */
static int take(struct pass *pass, size_t next)
{
	const PCRE2_SIZE *places = pcre2_get_ovector_pointer(pass->scratch->data);
	struct sighting seen = { .text = pass->text,
		.match = { places[0], places[1] },
		.is_again = places[0] > 0 && places[0] < pass->known };
	size_t again = seen.match.end;
	int rc = ORCH_OK;

	if (seen.match.start < seen.match.end) {
		seen.value = locate(pass->entry, places);
		rc = judge(pass, &seen, &again);
	}
	if (again < seen.match.end && again > pass->at && rc == ORCH_OK) {
		if (step_back(pass, again, seen.match.end))
			return ORCH_OK;
		rc = give_up(pass, "retry limit");
		pass->at = pass->text.len;
		return rc;
	}
	/* \K may move the start; where the search goes on must move forward all the same. */
	pass->at = seen.match.end > pass->at ? seen.match.end : next;
	return rc;
}

static int scan_rule(struct pass *pass)
{
	const struct matcher_listener *listener = pass->listener;
	size_t next = 0;
	int rc = ORCH_OK;

	while (rc == ORCH_OK && pass->at < pass->text.len) {
		int found;

		if (pass->at > 0 && listener->is_late(listener->context, &pass->entry->rule))
			return give_up(pass, "time limit");
		found = search(pass, &next);
		if (found == PCRE2_ERROR_NOMATCH)
			pass->at = next;
		else if (found < 0)
			return give_up(pass, why_not(found));
		else
			rc = take(pass, next);
	}
	return rc;
}

static int scan_rules(const struct matcher *set, struct matcher_scratch *scratch,
	struct orch_text text, const struct matcher_listener *listener)
{
	for (size_t i = 0; i < set->count; i++) {
		struct pass pass = { .entry = &set->entries[i],
			.scratch = scratch,
			.listener = listener,
			.text = text,
			/* Known to be valid, it needs no check at each call. */
			.flags = PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK,
			.spare = text.len * MATCHER_AGAIN_TIMES + MATCHER_AGAIN_BYTES };
		int rc = scan_rule(&pass);

		if (rc != ORCH_OK)
			return rc;
	}
	return ORCH_OK;
}

int matcher_scan(const struct matcher *set, struct matcher_scratch *scratch, struct orch_text text,
	const struct matcher_listener *listener)
{
	char *copy;
	int rc;

	if (clean_is_utf8(text))
		return scan_rules(set, scratch, text, listener);
	copy = clean_copy(text);
	if (copy == NULL)
		return ORCH_E_NOMEM;
	rc = scan_rules(set, scratch, (struct orch_text){ copy, text.len }, listener);
	free(copy);
	return rc;
}
