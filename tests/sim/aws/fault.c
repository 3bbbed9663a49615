/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/fault.h"

#include <string.h>

#include "base/text.h"

static const char *const names[AWS_FAULT_KINDS] = { "none", "http", "error", "throttle", "denied",
	"gone", "over_limit", "expired", "reset", "stall", "slow", "truncate", "half", "cut",
	"garbage", "shuffle", "empty", "dishonest", "reorder", "partial", "omit", "md5",
	"duplicate", "undead", "early", "lease", "lost", "disorder", "shard" };

const char *aws_fault_name(enum aws_fault_kind kind)
{
	return names[kind];
}

static void remove_at(struct aws_faults *faults, size_t i)
{
	faults->rules[faults->list[i].kind]--;
	faults->count--;
	memmove(&faults->list[i], &faults->list[i + 1],
		(faults->count - i) * sizeof(faults->list[0]));
}

size_t aws_faults_remove(struct aws_faults *faults, uint64_t number)
{
	size_t count = 0;

	for (size_t i = faults->count; i-- > 0;) {
		if (number && faults->list[i].number != number)
			continue;
		remove_at(faults, i);
		count++;
	}
	return count;
}

void aws_faults_clear(struct aws_faults *faults)
{
	(void)aws_faults_remove(faults, 0);
	memset(faults->hits, 0, sizeof(faults->hits));
}

static bool matches(const struct aws_fault *fault, const struct aws_target *target)
{
	if (!(fault->actions & target->action))
		return false;
	if (fault->on[0] && !orch_text_is(target->on, fault->on))
		return false;
	return !fault->shard[0] || (target->shard && strcmp(target->shard, fault->shard) == 0);
}

/* One throw for one chance; false: it passes. */
static bool throws(struct aws_faults *faults, struct aws_fault *fault)
{
	if (fault->threshold != UINT64_MAX && aws_dice_throw(faults->dice) > fault->threshold)
		return false;
	if (fault->skip > 0) {
		fault->skip--;
		return false;
	}
	return true;
}

static struct aws_fault hit_at(struct aws_faults *faults, size_t i)
{
	struct aws_fault *fault = &faults->list[i], taken;

	fault->hits++;
	faults->hits[fault->kind]++;
	taken = *fault;
	if (fault->left > 0 && --fault->left == 0)
		remove_at(faults, i);
	return taken;
}

static bool is_of_request(enum aws_fault_kind kind)
{
	return kind <= AWS_FAULT_OF_REQUEST_LAST;
}

/* KIND NONE: any that is of a whole request. */
static bool find(struct aws_faults *faults, enum aws_fault_kind kind,
	const struct aws_target *target, struct aws_fault *ret_fault)
{
	for (size_t i = 0; i < faults->count; i++) {
		struct aws_fault *fault = &faults->list[i];

		if (kind ? fault->kind != kind : !is_of_request(fault->kind))
			continue;
		if (fault->until_ms && fault->until_ms <= target->now_ms) {
			remove_at(faults, i--);
			continue;
		}
		if (!matches(fault, target) || !throws(faults, fault))
			continue;
		*ret_fault = hit_at(faults, i);
		return true;
	}
	return false;
}

struct aws_fault aws_faults_take(struct aws_faults *faults, const struct aws_target *target)
{
	struct aws_fault fault;

	if (faults->count && find(faults, AWS_FAULT_NONE, target, &fault))
		return fault;
	return (struct aws_fault){ .kind = AWS_FAULT_NONE };
}

bool aws_faults_hit(struct aws_faults *faults, enum aws_fault_kind kind,
	const struct aws_target *target, struct aws_fault *ret_fault)
{
	struct aws_fault fault;

	if (!faults->rules[kind] || !find(faults, kind, target, &fault))
		return false;
	if (ret_fault)
		*ret_fault = fault;
	return true;
}

static struct json_object *show(const struct aws_fault *fault)
{
	struct json_object *shown = json_object_new_object();

	sim_put_int(shown, "number", (int64_t)fault->number);
	sim_put(shown, "kind", names[fault->kind]);
	sim_put(shown, "action", fault->action);
	if (fault->on[0])
		sim_put(shown, "on", fault->on);
	if (fault->shard[0])
		sim_put(shown, "shard", fault->shard);
	sim_put_int(shown, "count", fault->left);
	sim_put_int(shown, "skip", fault->skip);
	sim_put_int(shown, "hits", (int64_t)fault->hits);
	return shown;
}

struct json_object *aws_faults_show(const struct aws_faults *faults)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < faults->count; i++)
		sim_push(array, show(&faults->list[i]));
	return array;
}

struct json_object *aws_faults_show_hits(const struct aws_faults *faults)
{
	struct json_object *hits = json_object_new_object();

	for (size_t kind = 1; kind < AWS_FAULT_KINDS; kind++)
		if (faults->hits[kind])
			sim_put_int(hits, names[kind], (int64_t)faults->hits[kind]);
	return hits;
}
