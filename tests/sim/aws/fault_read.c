/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as they are told: members of JSON, or words of the command line. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/args.h"
#include "sim/aws/actions.h"
#include "sim/aws/fault.h"

#define STALL_MS 60000 /* how long nothing is heard, unless told */
#define MEMBERS_MAX 32

/* The members that there are; another is a slip of the pen, and would be no fault at all. */
static const char *const members[] = { "kind", "action", "on", "shard", "p", "count", "skip",
	"for_ms", "status", "code", "message", "ms", "retry_after", "spelling", "after",
	"sender_fault" };

static const char *const spellings[AWS_SPELLINGS] = { "usual", "short", "long", "capital", "newer",
	"older" };

static int check_members(struct json_object *args, struct orch_err *err)
{
	json_object_object_foreach(args, key, value)
	{
		bool is_known = false;

		(void)value;
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
			is_known = is_known || strcmp(key, members[i]) == 0;
		if (!is_known)
			return orch_fail(err, ORCH_E_INVALID, "a fault has no member \"%s\"", key);
	}
	return ORCH_OK;
}

static int read_kind(struct aws_fault *fault, struct json_object *args, struct orch_err *err)
{
	struct orch_text kind = sim_arg(args, "kind");
	size_t used = 0;

	for (size_t i = 1; i < AWS_FAULT_KINDS; i++)
		if (orch_text_is(kind, aws_fault_name((enum aws_fault_kind)i)))
			fault->kind = (enum aws_fault_kind)i;
	if (fault->kind)
		return ORCH_OK;
	used += (size_t)snprintf(err->text, sizeof(err->text), "kind is none of");
	for (size_t i = 1; i < AWS_FAULT_KINDS && used < sizeof(err->text); i++)
		used += (size_t)snprintf(err->text + used, sizeof(err->text) - used, " %s",
			aws_fault_name((enum aws_fault_kind)i));
	return ORCH_E_INVALID;
}

/* What a kind can happen to, if nothing is said. */
static const char *usual_action(enum aws_fault_kind kind)
{
	switch (kind) {
	case AWS_FAULT_PARTIAL:
		return "SendMessageBatch,DeleteMessageBatch,ChangeMessageVisibilityBatch,"
		       "PutRecords";
	case AWS_FAULT_OMIT:
		return "SendMessageBatch,DeleteMessageBatch,ChangeMessageVisibilityBatch";
	case AWS_FAULT_DISHONEST:
	case AWS_FAULT_REORDER:
		return "PutRecords";
	case AWS_FAULT_SHARD:
		return "PutRecord,PutRecords";
	case AWS_FAULT_DUPLICATE:
	case AWS_FAULT_EARLY:
	case AWS_FAULT_EMPTY:
	case AWS_FAULT_DISORDER:
		return "ReceiveMessage";
	case AWS_FAULT_UNDEAD:
		return "DeleteMessage,DeleteMessageBatch";
	case AWS_FAULT_LEASE:
		return "DeleteMessage,DeleteMessageBatch,ChangeMessageVisibility,"
		       "ChangeMessageVisibilityBatch";
	case AWS_FAULT_LOST:
		return "SendMessage,SendMessageBatch";
	case AWS_FAULT_MD5:
		return "SendMessage,SendMessageBatch,ReceiveMessage";
	default:
		return "*";
	}
}

static int read_action(struct aws_fault *fault, struct json_object *args, struct orch_err *err)
{
	struct orch_text action = sim_arg(args, "action");
	uint64_t possible = aws_actions_match(orch_text_from(usual_action(fault->kind)));

	if (!action.len)
		action = orch_text_from(usual_action(fault->kind));
	fault->actions = aws_actions_match(action);
	if (!fault->actions)
		return orch_fail(err, ORCH_E_INVALID,
			"action is \"*\", \"sqs\", \"kinesis\" or names of actions with commas");
	if (!(fault->actions & possible))
		return orch_fail(err, ORCH_E_INVALID, "%s cannot happen to %.*s",
			aws_fault_name(fault->kind), ORCH_TEXT_ARG(action));
	sim_keep(fault->action, sizeof(fault->action), action);
	return ORCH_OK;
}

static int read_probability(struct aws_fault *fault, struct json_object *args, struct orch_err *err)
{
	struct orch_text text = sim_arg(args, "p");
	char *end = NULL;
	double p;

	fault->threshold = UINT64_MAX;
	if (!text.len)
		return ORCH_OK;
	errno = 0;
	p = strtod(text.ptr, &end);
	if (errno || end != text.ptr + text.len || !(p >= 0.0 && p <= 1.0))
		return orch_fail(err, ORCH_E_INVALID, "p is a probability, 0 to 1");
	if (p < 1.0)
		fault->threshold = (uint64_t)ldexp(p, 64);
	return ORCH_OK;
}

static uint64_t usual_ms(enum aws_fault_kind kind)
{
	return kind == AWS_FAULT_STALL || kind == AWS_FAULT_HALF ? STALL_MS : 1000;
}

static int read_numbers(
	struct aws_fault *fault, struct json_object *args, uint64_t now_ms, struct orch_err *err)
{
	int64_t status = sim_arg_int(args, "status", 0);
	int64_t ms = sim_arg_int(args, "ms", (int64_t)usual_ms(fault->kind));
	int64_t for_ms = sim_arg_int(args, "for_ms", 0);
	int64_t retry_after = sim_arg_int(args, "retry_after", 0);

	if (status && (status < 200 || status > 599))
		return orch_fail(err, ORCH_E_INVALID, "status must be 200 to 599");
	if (ms < 0 || ms > AWS_FAULT_MS_MAX || for_ms < 0 || for_ms > AWS_FAULT_MS_MAX)
		return orch_fail(
			err, ORCH_E_INVALID, "ms and for_ms must be 0 to %d", AWS_FAULT_MS_MAX);
	if (retry_after < 0 || retry_after > 86400)
		return orch_fail(err, ORCH_E_INVALID, "retry_after must be 0 to 86400 seconds");
	fault->status = (int)status;
	fault->ms = (uint64_t)ms;
	fault->until_ms = for_ms ? now_ms + (uint64_t)for_ms : 0;
	fault->retry_after_s = (uint64_t)retry_after;
	fault->left = sim_arg_int(args, "count", -1);
	fault->skip = sim_arg_int(args, "skip", 0);
	if (fault->left == 0)
		return orch_fail(err, ORCH_E_INVALID, "count is 1 or more; negative: for ever");
	return ORCH_OK;
}

static bool is_code(struct orch_text code)
{
	for (size_t i = 0; i < code.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.",
			    code.ptr[i]))
			return false;
	return code.len < AWS_CODE_SIZE;
}

static int read_texts(struct aws_fault *fault, struct json_object *args, struct orch_err *err)
{
	struct orch_text code = sim_arg(args, "code"), spelling = sim_arg(args, "spelling");

	if (!is_code(code))
		return orch_fail(err, ORCH_E_INVALID, "code has letters, digits and dots");
	fault->spelling = spelling.len ? AWS_SPELLINGS : AWS_SPELLING_USUAL;
	for (size_t i = 0; i < AWS_SPELLINGS; i++)
		if (orch_text_is(spelling, spellings[i]))
			fault->spelling = (enum aws_spelling)i;
	if (fault->spelling == AWS_SPELLINGS)
		return orch_fail(err, ORCH_E_INVALID,
			"spelling is usual, short, long, capital, newer or older");
	sim_keep(fault->code, sizeof(fault->code), code);
	sim_keep(fault->message, sizeof(fault->message), sim_arg(args, "message"));
	sim_keep(fault->on, sizeof(fault->on), sim_arg(args, "on"));
	sim_keep(fault->shard, sizeof(fault->shard), sim_arg(args, "shard"));
	fault->after = sim_arg_bool(args, "after");
	fault->sender_fault = sim_arg_bool(args, "sender_fault");
	if (fault->kind == AWS_FAULT_ERROR && !fault->code[0])
		return orch_fail(err, ORCH_E_INVALID, "an error has a code");
	return ORCH_OK;
}

int aws_faults_add(struct aws_faults *faults, struct json_object *args, uint64_t now_ms,
	uint64_t *ret_number, struct orch_err *err)
{
	struct aws_fault fault = { .kind = AWS_FAULT_NONE };
	int code = check_members(args, err);

	if (!code)
		code = read_kind(&fault, args, err);
	if (!code)
		code = read_action(&fault, args, err);
	if (!code)
		code = read_probability(&fault, args, err);
	if (!code)
		code = read_numbers(&fault, args, now_ms, err);
	if (!code)
		code = read_texts(&fault, args, err);
	if (code)
		return code;
	if (faults->count == AWS_FAULTS_MAX)
		return orch_fail(err, ORCH_E_LIMIT, "at most %d faults", AWS_FAULTS_MAX);
	fault.number = *ret_number = ++faults->last_number;
	faults->rules[fault.kind]++;
	faults->list[faults->count++] = fault;
	return ORCH_OK;
}

/* "after" alone is "after=true"; "action=A+B" is "A,B", since the comma ends a member. */
static int add_word(struct json_object *args, struct orch_text word, struct orch_err *err)
{
	struct orch_text name, rest = word;
	char key[16], value[AWS_FAULT_NAME_SIZE];

	if (!orch_text_split(&rest, '=', &name) || name.len >= sizeof(key) ||
		rest.len >= sizeof(value))
		return orch_fail(
			err, ORCH_E_INVALID, "\"%.*s\" is not member=value", ORCH_TEXT_ARG(word));
	sim_keep(key, sizeof(key), name);
	sim_keep(value, sizeof(value), name.len == word.len ? ORCH_TEXT("true") : rest);
	for (char *at = strcmp(key, "action") == 0 ? strchr(value, '+') : NULL; at;
		at = strchr(at, '+'))
		*at = ',';
	sim_put(args, key, value);
	return ORCH_OK;
}

static int add_words(struct json_object *args, struct orch_text text, struct orch_err *err)
{
	struct orch_text word;
	char kind[32] = "";
	int code = ORCH_OK;

	if (orch_text_split(&text, ',', &word))
		sim_keep(kind, sizeof(kind), word);
	sim_put(args, "kind", kind);
	for (size_t i = 0; !code && orch_text_split(&text, ',', &word); i++)
		code = i < MEMBERS_MAX ? add_word(args, word, err)
				       : orch_fail(err, ORCH_E_LIMIT, "too many members");
	return code;
}

int aws_faults_add_text(
	struct aws_faults *faults, struct orch_text text, uint64_t now_ms, struct orch_err *err)
{
	struct json_object *args = json_object_new_object();
	uint64_t number;
	int code = args ? add_words(args, text, err) : orch_fail(err, ORCH_E_NOMEM, "no memory");

	if (!code)
		code = aws_faults_add(faults, args, now_ms, &number, err);
	json_object_put(args);
	return code;
}
