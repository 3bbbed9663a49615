/* SPDX-License-Identifier: Apache-2.0 */
#include "audit.h"

#include "base/alloc.h"

struct tally {
	uint64_t arrived, ok;
};

struct record {
	uint64_t number;
	char method[64];
	char owner[SIM_ID_SIZE];
	bool is_bot;
	int status;
	uint64_t received_ms;
	enum sim_fault_kind fault;
	char *args, *answer; /* printed: a tenth of what they take as objects; may be NULL */
};

struct sim_audit {
	size_t keep;
	uint64_t added;
	struct record **ring; /* record N is at N % KEEP */
	struct orch_map *tallies;
	struct tally all;
};

struct sim_audit *sim_audit_create(size_t keep)
{
	struct sim_audit *audit = orch_alloc(sizeof(*audit));

	if (!audit)
		return NULL;
	audit->keep = keep;
	audit->tallies = orch_map_create();
	audit->ring = orch_alloc_array(keep ? keep : 1, sizeof(audit->ring[0]));
	if (!audit->tallies || !audit->ring) {
		sim_audit_destroy(audit);
		return NULL;
	}
	return audit;
}

static void free_record(struct record *record)
{
	if (!record)
		return;
	orch_free(record->args);
	orch_free(record->answer);
	orch_free(record);
}

void sim_audit_clear(struct sim_audit *audit)
{
	struct orch_text key;
	void *value;
	size_t cursor = 0;

	for (size_t i = 0; i < audit->keep; i++) {
		free_record(audit->ring[i]);
		audit->ring[i] = NULL;
	}
	while (orch_map_next(audit->tallies, &cursor, &key, &value)) {
		(void)orch_map_remove(audit->tallies, key);
		orch_free(value);
	}
	audit->added = 0;
	audit->all = (struct tally){ 0 };
}

void sim_audit_destroy(struct sim_audit *audit)
{
	if (!audit)
		return;
	if (audit->ring && audit->tallies)
		sim_audit_clear(audit);
	orch_map_destroy(audit->tallies, orch_free);
	orch_free(audit->ring);
	orch_free(audit);
}

static struct tally *find_tally(struct sim_audit *audit, struct orch_text method)
{
	struct tally *tally = orch_map_get(audit->tallies, method);

	if (tally || orch_map_count(audit->tallies) >= SIM_AUDIT_METHODS_MAX)
		return tally;
	tally = orch_alloc(sizeof(*tally));
	if (tally && orch_map_set(audit->tallies, method, tally) != 0) {
		orch_free(tally);
		tally = NULL;
	}
	return tally;
}

void sim_audit_arrived(struct sim_audit *audit, struct orch_text method)
{
	struct tally *tally = find_tally(audit, method);

	audit->all.arrived++;
	if (tally)
		tally->arrived++;
}

static void note_ok(struct sim_audit *audit, struct orch_text method)
{
	struct tally *tally = find_tally(audit, method);

	audit->all.ok++;
	if (tally)
		tally->ok++;
}

static char *print(struct json_object *value)
{
	return value ? orch_strdup(orch_json_print(value).ptr) : NULL;
}

static struct json_object *read_back(const char *printed)
{
	struct json_object *value;
	struct orch_err err;

	if (!printed || orch_json_parse(orch_text_from(printed), &value, &err) != 0)
		return NULL;
	return value;
}

void sim_audit_add(struct sim_audit *audit, struct orch_text method, uint64_t received_ms,
	const struct sim_answer *answer, enum sim_fault_kind fault)
{
	struct record *record, **slot;

	if (answer->status == 200 && orch_json_bool(answer->body, "ok", false))
		note_ok(audit, method);
	if (!audit->keep || !(record = orch_alloc(sizeof(*record))))
		return;
	record->number = ++audit->added;
	sim_keep(record->method, sizeof(record->method), method);
	if (answer->token)
		sim_keep(record->owner, SIM_ID_SIZE, orch_text_from(answer->token->owner->id));
	record->is_bot = answer->token && answer->token->is_bot;
	record->status = answer->status;
	record->received_ms = received_ms;
	record->fault = fault;
	record->args = print(answer->args);
	record->answer = print(answer->body);
	slot = &audit->ring[record->number % audit->keep];
	free_record(*slot);
	*slot = record;
}

uint64_t sim_audit_count(const struct sim_audit *audit, struct orch_text method, bool only_ok)
{
	const struct tally *tally =
		orch_text_is(method, "*") ? &audit->all : orch_map_get(audit->tallies, method);

	if (!tally)
		return 0;
	return only_ok ? tally->ok : tally->arrived;
}

static struct json_object *show(const struct record *record)
{
	struct json_object *shown = json_object_new_object();

	sim_put_int(shown, "number", (int64_t)record->number);
	sim_put(shown, "method", record->method);
	sim_put(shown, "owner", record->owner);
	sim_put(shown, "token", !record->owner[0] ? "none" : record->is_bot ? "bot" : "user");
	sim_put_int(shown, "at_ms", (int64_t)record->received_ms);
	sim_put_int(shown, "status", record->status);
	sim_put(shown, "fault", sim_fault_name(record->fault));
	sim_put_json(shown, "args", read_back(record->args));
	sim_put_json(shown, "answer", read_back(record->answer));
	return shown;
}

struct json_object *sim_audit_show(const struct sim_audit *audit, size_t last)
{
	struct json_object *array = json_object_new_array();
	uint64_t count = audit->added < audit->keep ? audit->added : audit->keep;

	if (count > last)
		count = last;
	for (uint64_t number = audit->added - count + 1; count > 0; number++, count--)
		sim_push(array, show(audit->ring[number % audit->keep]));
	return array;
}

struct json_object *sim_audit_show_counts(const struct sim_audit *audit)
{
	struct json_object *counts = json_object_new_object();
	struct orch_text method;
	void *value;
	size_t cursor = 0;

	while (orch_map_next(audit->tallies, &cursor, &method, &value)) {
		const struct tally *tally = value;
		struct json_object *shown = json_object_new_object();

		sim_put_int(shown, "calls", (int64_t)tally->arrived);
		sim_put_int(shown, "ok", (int64_t)tally->ok);
		sim_put_json(counts, method.ptr, shown);
	}
	return counts;
}
