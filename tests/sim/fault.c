/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <string.h>

#include "args.h"

static const char *const names[] = { "none", "status", "ratelimited", "error", "reset", "redirect",
	"reset_after", "slow", "truncate", "garbage", "hold", "duplicate", "drop", "login" };

const char *sim_fault_name(enum sim_fault_kind kind)
{
	return names[kind];
}

static bool fits(const struct sim_fault *fault)
{
	bool is_events = strcmp(fault->method, "events") == 0;
	bool is_files = strcmp(fault->method, "files") == 0;

	switch (fault->kind) {
	case SIM_FAULT_DUPLICATE:
	case SIM_FAULT_DROP:
		return is_events;
	case SIM_FAULT_LOGIN:
		return is_files;
	case SIM_FAULT_SLOW:
	case SIM_FAULT_HOLD:
	case SIM_FAULT_TRUNCATE:
	case SIM_FAULT_GARBAGE:
		return true;
	default:
		return !is_events;
	}
}

static int read_numbers(struct sim_fault *fault, struct json_object *args, struct orch_err *err)
{
	int64_t status = sim_arg_int(args, "status", 500), ms = sim_arg_int(args, "ms", 1000);
	int64_t retry_after = sim_arg_int(args, "retry_after", 1);

	if (status < 200 || status > 599)
		return orch_fail(err, ORCH_E_INVALID, "status must be 200 to 599");
	if (ms < 0 || ms > SIM_FAULT_MS_MAX)
		return orch_fail(err, ORCH_E_INVALID, "ms must be 0 to %d", SIM_FAULT_MS_MAX);
	if (retry_after < 0 || retry_after > 86400)
		return orch_fail(err, ORCH_E_INVALID, "retry_after must be 0 to 86400 seconds");
	fault->status = (int)status;
	fault->ms = (uint64_t)ms;
	fault->retry_after_s = (uint64_t)retry_after;
	fault->left = sim_arg_int(args, "count", 1);
	fault->skip = sim_arg_int(args, "skip", 0);
	fault->after = sim_arg_bool(args, "after");
	return ORCH_OK;
}

int sim_faults_add(struct sim_faults *faults, struct json_object *args, struct orch_err *err)
{
	struct sim_fault fault = { 0 };
	struct orch_text kind = sim_arg(args, "kind"), error = sim_arg(args, "error");
	int code = read_numbers(&fault, args, err);

	if (code)
		return code;
	if (faults->count == SIM_FAULTS_MAX)
		return orch_fail(err, ORCH_E_LIMIT, "at most %d faults", SIM_FAULTS_MAX);
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (orch_text_is(kind, names[i]))
			fault.kind = (enum sim_fault_kind)i;
	if (!fault.kind)
		return orch_fail(err, ORCH_E_INVALID,
			"kind is none of status, ratelimited, "
			"error, reset, redirect, reset_after, slow, truncate, garbage, hold, "
			"duplicate, drop, login");
	sim_keep(fault.method, sizeof(fault.method), sim_arg(args, "method"));
	sim_keep(fault.error, sizeof(fault.error), error.len ? error : ORCH_TEXT("internal_error"));
	sim_keep(fault.location, sizeof(fault.location), sim_arg(args, "location"));
	if (!fault.method[0])
		return orch_fail(err, ORCH_E_INVALID,
			"method is missing: a method's name, \"*\", \"events\" or \"files\"");
	if (!fits(&fault))
		return orch_fail(err, ORCH_E_INVALID, "%s cannot happen to %s", names[fault.kind],
			fault.method);
	if (strpbrk(fault.location, "\r\n"))
		return orch_fail(err, ORCH_E_INVALID, "location must be one line");
	faults->list[faults->count++] = fault;
	return ORCH_OK;
}

static bool matches(const struct sim_fault *fault, struct orch_text method)
{
	if (orch_text_is(method, fault->method))
		return true;
	return strcmp(fault->method, "*") == 0 && !orch_text_is(method, "events") &&
		!orch_text_is(method, "files");
}

static void remove_at(struct sim_faults *faults, size_t i)
{
	faults->count--;
	memmove(&faults->list[i], &faults->list[i + 1],
		(faults->count - i) * sizeof(faults->list[0]));
}

struct sim_fault sim_faults_take(struct sim_faults *faults, struct orch_text method)
{
	struct sim_fault taken;

	for (size_t i = 0; i < faults->count; i++) {
		struct sim_fault *fault = &faults->list[i];

		if (!matches(fault, method))
			continue;
		if (fault->skip > 0) {
			fault->skip--;
			continue;
		}
		taken = *fault;
		if (fault->left > 0 && --fault->left == 0)
			remove_at(faults, i);
		return taken;
	}
	return (struct sim_fault){ .kind = SIM_FAULT_NONE };
}

void sim_faults_clear(struct sim_faults *faults)
{
	faults->count = 0;
}

struct json_object *sim_faults_show(const struct sim_faults *faults)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < faults->count; i++) {
		const struct sim_fault *fault = &faults->list[i];
		struct json_object *shown = json_object_new_object();

		sim_put(shown, "method", fault->method);
		sim_put(shown, "kind", names[fault->kind]);
		sim_put_int(shown, "count", fault->left);
		sim_put_int(shown, "skip", fault->skip);
		sim_push(array, shown);
	}
	return array;
}
