/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/ledger.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sim/jsonx.h"

#define STEPS_FOR_EACH 4 /* that are remembered, for each entry that is */
#define DATA_BYTES_MAX (1024u * 1024 * 1024)

const char *aws_fate_name(enum aws_fate fate)
{
	static const char *const names[AWS_FATES] = { "left", "deleted", "expired", "purged",
		"dropped", "moved", "lost" };

	return names[fate];
}

const char *aws_step_name(enum aws_step_kind kind)
{
	static const char *const names[AWS_STEPS] = { "send", "receive", "delete", "hide", "move",
		"over", "put" };

	return names[kind];
}

struct aws_ledger *aws_ledger_create(size_t keep)
{
	struct aws_ledger *ledger = orch_alloc(sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->keep = keep;
	ledger->tallies = orch_map_create();
	if (!ledger->tallies) {
		aws_ledger_destroy(ledger);
		return NULL;
	}
	return ledger;
}

static void free_entry(void *arg)
{
	struct aws_entry *entry = arg;

	orch_free(entry->group);
	orch_free(entry);
}

void aws_put_free(void *arg)
{
	struct aws_put *put = arg;

	if (!put)
		return;
	orch_free(put->data);
	orch_free(put);
}

static void free_tally(void *arg)
{
	struct aws_tally *tally = arg;

	aws_numbers_fini(&tally->messages);
	orch_free(tally);
}

void aws_ledger_destroy(struct aws_ledger *ledger)
{
	if (!ledger)
		return;
	aws_rows_fini(&ledger->entries, free_entry);
	aws_rows_fini(&ledger->puts, aws_put_free);
	orch_map_destroy(ledger->tallies, free_tally);
	orch_free(ledger->steps);
	orch_free(ledger);
}

struct aws_tally *aws_ledger_tally(struct aws_ledger *ledger, struct orch_text name)
{
	struct aws_tally *tally = orch_map_get(ledger->tallies, name);

	if (tally)
		return tally;
	tally = orch_alloc(sizeof(*tally));
	if (!tally)
		return NULL;
	sim_keep(tally->name, sizeof(tally->name), name);
	if (orch_map_set(ledger->tallies, name, tally) != 0) {
		orch_free(tally);
		return NULL;
	}
	return tally;
}

struct aws_entry *aws_ledger_add(struct aws_ledger *ledger, struct aws_tally *tally)
{
	struct aws_entry *entry = orch_alloc(sizeof(*entry));

	if (!entry)
		return NULL;
	entry->number = ledger->entries.count + 1;
	entry->tally = tally;
	if (aws_rows_add(&ledger->entries, entry) != 0) {
		orch_free(entry);
		return NULL;
	}
	if (aws_numbers_add(&tally->messages, entry->number) != 0) {
		ledger->entries.count--;
		orch_free(entry);
		return NULL;
	}
	return entry;
}

struct aws_entry *aws_ledger_entry(const struct aws_ledger *ledger, uint64_t number)
{
	if (number == 0 || number > ledger->entries.count)
		return NULL;
	return ledger->entries.at[number - 1];
}

static bool may_forget(const struct aws_entry *entry)
{
	return entry && entry->fate != AWS_LIVE && !entry->message;
}

/* The oldest that is over.  What lives is passed by for good: it is forgotten with the ledger. */
static void forget_one(struct aws_ledger *ledger)
{
	while (ledger->oldest < ledger->entries.count) {
		void **slot = &ledger->entries.at[ledger->oldest++];

		if (!may_forget(*slot))
			continue;
		free_entry(*slot);
		*slot = NULL;
		ledger->forgotten++;
		return;
	}
}

void aws_ledger_end(
	struct aws_ledger *ledger, struct aws_entry *entry, enum aws_fate fate, uint64_t wall_ms)
{
	entry->fate = fate;
	entry->over_ms = wall_ms;
	entry->tally->fates[fate]++;
	if (++ledger->over_count - ledger->forgotten > ledger->keep)
		forget_one(ledger);
}

/* Full: twice as large, up to what is to be remembered; from then on the oldest are overwritten. */
static bool has_room(struct aws_ledger *ledger)
{
	size_t most = ledger->keep * STEPS_FOR_EACH, room = ledger->step_room;
	struct aws_step *grown;

	if (ledger->step_count < room)
		return true;
	if (room >= most || ledger->step_count > room)
		return room > 0;
	room = room ? room * 2 : 1024;
	if (room > most)
		room = most;
	grown = orch_realloc(ledger->steps, room * sizeof(*grown));
	if (!grown)
		return ledger->step_room > 0;
	/* Nothing has been overwritten yet, so step N stays at N. */
	ledger->steps = grown;
	ledger->step_room = room;
	return true;
}

void aws_ledger_step(
	struct aws_ledger *ledger, enum aws_step_kind kind, uint64_t subject, uint64_t wall_ms)
{
	if (!has_room(ledger))
		return;
	ledger->steps[ledger->step_count++ % ledger->step_room] = (struct aws_step){
		.at_ms = wall_ms,
		.subject = subject,
		.kind = kind,
	};
}

/* The oldest data go first, as they would by a stream's retention. */
static void bound_data(struct aws_ledger *ledger)
{
	while (ledger->data_bytes > DATA_BYTES_MAX && ledger->oldest_data < ledger->puts.count) {
		struct aws_put *put = ledger->puts.at[ledger->oldest_data++];

		ledger->data_bytes -= put->data_len;
		orch_free(put->data);
		put->data = NULL;
	}
}

int aws_ledger_put(struct aws_ledger *ledger, struct aws_put *put)
{
	if (ledger->puts.count == AWS_PUTS_MAX)
		return ORCH_E_LIMIT;
	if (aws_rows_add(&ledger->puts, put) != 0)
		return ORCH_E_NOMEM;
	put->number = ledger->puts.count;
	ledger->data_bytes += put->data_len;
	bound_data(ledger);
	return ORCH_OK;
}

struct aws_put *aws_ledger_find_put(const struct aws_ledger *ledger, uint64_t number)
{
	if (number == 0 || number > ledger->puts.count)
		return NULL;
	return ledger->puts.at[number - 1];
}
