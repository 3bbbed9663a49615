/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stage on a lane that the test's own thread runs, with a queue and a store
 * in a folder of its own and the plugins of plugins/, which do as they are told.
 */
#ifndef ORCH_TEST_STAGE_WORLD_H
#define ORCH_TEST_STAGE_WORLD_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fts.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/event.h"
#include "queue/backend.h"
#include "stage/act.h"
#include "stage/scan.h"
#include "store/backend.h"
#include "support/text_assert.h"
#include "unit/stage/script.h"

#define WORLD_WAIT_MS 30000 /* only a hang takes so long */

/* What every configuration of these tests has; the rest is the test's own. */
#define WORLD_BASE                                                                \
	"state_dir = \"%s\"; egress = { allow = [ \"127.0.0.0/8\" ]; };"          \
	"plugins = { path = [ \"" TEST_BINARY_DIR "/tests/script_plugins\" ]; };" \
	"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = \"/in\"; " \
	"api_url = \"http://127.0.0.1:%u/\"; %s } );"

struct world {
	char dir[64], path[96];
	struct orch_lane *lane;
	struct orch_timer poll;
	struct orch_arena *arena;
	struct orch_secret *key;
	struct orch_db *db;
	struct orch_queue *queue;
	struct orch_store *store;
	struct orch_plan *plan;
	struct orch_bench bench;
	struct orch_scan *scan;
	struct orch_act *act;
	struct script script;
	size_t queued_groups; /* of the database; 0: the default */
	unsigned puts;
	sem_t gate; /* where the database waits while it is held */
	sem_t at_gate;
	bool has_passed;
	struct orch_db_op hold_op;
	struct orch_db_group hold_group;
	const char *input_keys; /* more keys of the input */
};

static inline void world_stop_polling(void *arg)
{
	struct world *w = arg;

	orch_lane_quit(w->lane);
}

/* Runs the lane for a moment. */
static inline void world_turn(struct world *w)
{
	orch_timer_set(&w->poll, 1);
	orch_lane_run(w->lane);
}

/* Until IS_SO. */
static inline void world_until(struct world *w, bool (*is_so)(struct world *w))
{
	uint64_t until = orch_clock_mono_ms() + WORLD_WAIT_MS;

	while (!is_so(w)) {
		assert_true(orch_clock_mono_ms() < until);
		world_turn(w);
	}
}

static inline int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct orch_err err = { "" };

	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/orch-stage-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->path, sizeof(w->path), "%s/orchestrator.cfg", w->dir);
	w->arena = orch_arena_create(0);
	w->key = orch_secret_create(ORCH_TEXT("0123456789abcdef0123456789abcdef"));
	w->input_keys = "";
	assert_int_equal(orch_lane_create("test", &w->lane, &err), ORCH_OK);
	assert_int_equal(orch_timer_init(&w->poll, w->lane, world_stop_polling, w), ORCH_OK);
	*state = w;
	return 0;
}

static inline void world_open_db(struct world *w)
{
	size_t queue_count = orch_queue_sqlite_migration_count;
	size_t count = queue_count + orch_store_sqlite_migration_count;
	struct orch_db_migration *all = calloc(count, sizeof(*all));
	char path[96];
	struct orch_db_options options = { .path = path, .queued_groups = w->queued_groups };
	struct orch_err err = { "" };

	(void)snprintf(path, sizeof(path), "%s/orchestrator.db", w->dir);
	memcpy(all, orch_queue_sqlite_migrations, queue_count * sizeof(*all));
	memcpy(all + queue_count, orch_store_sqlite_migrations,
		orch_store_sqlite_migration_count * sizeof(*all));
	if (orch_db_open(&options, all, count, &w->db, &err) != ORCH_OK ||
		orch_queue_sqlite_open(w->db, w->key, &w->queue, &err) != ORCH_OK ||
		orch_store_sqlite_open(w->db, w->key, &w->store, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	free(all);
}

static inline void world_make_bench(struct world *w)
{
	const struct orch_http_client_options options = { .ca_file = NULL };
	struct orch_err err = { "" };

	w->bench = (struct orch_bench){ .lane = w->lane,
		.pauses = orch_pauses_create(),
		.outlets = orch_outlets_create(NULL),
		.spool_dir = w->dir };
	assert_int_equal(
		orch_http_client_create(w->lane, &options, &w->bench.client, &err), ORCH_OK);
}

static inline unsigned world_port(const struct world *w)
{
	return w->script.stand_in == NULL ? 9 : stand_in_port(w->script.stand_in);
}

/* A plan of WORLD_BASE and MORE, in which %u is the stand-in's port. */
static inline struct orch_plan *world_plan(struct world *w, const char *more)
{
	struct orch_config_errors errors;
	struct orch_config *config;
	struct orch_plan *plan = NULL;
	FILE *file = fopen(w->path, "w");

	assert_non_null(file);
	(void)fprintf(file, WORLD_BASE, w->dir, world_port(w), w->input_keys);
	for (const char *at = more; *at != '\0'; at++)
		if (*at == '%')
			(void)fprintf(file, "%u", world_port(w));
		else
			(void)fputc(*at, file);
	(void)fclose(file);
	orch_config_errors_init(&errors, w->arena);
	config = orch_config_read(w->path, &errors);
	if (config == NULL || errors.count > 0 ||
		orch_plan_create(config, ORCH_PLAN_TRUSTS, &errors, &plan) != ORCH_OK)
		fail_msg("%s", orch_config_errors_print(&errors, w->arena).ptr);
	return plan;
}

static inline struct orch_crew *world_crew(struct orch_plan *plan, enum orch_stage stage)
{
	struct orch_crew *crew;
	struct orch_err err = { "" };

	if (orch_crew_create(plan, stage, &crew, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	return crew;
}

static inline void world_begin(struct world *w, const char *more)
{
	if (w->db == NULL)
		world_open_db(w);
	if (w->bench.lane == NULL)
		world_make_bench(w);
	w->plan = world_plan(w, more);
}

static inline void world_scan(struct world *w, const char *more)
{
	struct orch_err err = { "" };

	world_begin(w, more);
	assert_int_equal(
		orch_scan_create(&(struct orch_scan_options){ w->bench, w->queue, w->store },
			world_crew(w->plan, ORCH_STAGE_SCAN), &w->scan, &err),
		ORCH_OK);
	orch_scan_start(w->scan);
}

static inline void world_act(struct world *w, const char *more)
{
	struct orch_err err = { "" };

	world_begin(w, more);
	assert_int_equal(orch_act_create(&(struct orch_act_options){ w->bench, w->queue, w->store },
				 world_crew(w->plan, ORCH_STAGE_ACT), &w->act, &err),
		ORCH_OK);
	orch_act_start(w->act);
}

static inline bool world_is_idle(struct world *w)
{
	return (w->scan == NULL || orch_scan_is_idle(w->scan)) &&
		(w->act == NULL || orch_act_is_idle(w->act));
}

/* The stage goes, with what it has in flight given back. */
static inline void world_end_stage(struct world *w)
{
	if (w->scan != NULL)
		orch_scan_drain(w->scan), orch_scan_release(w->scan);
	if (w->act != NULL)
		orch_act_drain(w->act), orch_act_release(w->act);
	world_until(w, world_is_idle);
	orch_scan_destroy(w->scan);
	orch_act_destroy(w->act);
	w->scan = NULL;
	w->act = NULL;
	orch_plan_unref(w->plan);
	w->plan = NULL;
}

static inline void world_remove_dir(const char *dir)
{
	char *paths[] = { (char *)(uintptr_t)dir, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while ((entry = fts_read(tree)) != NULL)
		if (entry->fts_info != FTS_D)
			(void)remove(entry->fts_accpath);
	(void)fts_close(tree);
}

static inline int world_close(void **state)
{
	struct world *w = *state;

	orch_clock_shift_ms(0);
	if (w->plan != NULL)
		world_end_stage(w);
	if (w->bench.client != NULL)
		orch_http_client_destroy(w->bench.client);
	if (w->script.stand_in != NULL)
		script_stop(&w->script);
	orch_pauses_destroy(w->bench.pauses);
	orch_outlets_destroy(w->bench.outlets);
	orch_queue_close(w->queue);
	orch_store_close(w->store);
	orch_db_close(w->db);
	orch_timer_fini(&w->poll);
	orch_lane_destroy(w->lane);
	orch_secret_destroy(w->key);
	orch_arena_destroy(w->arena);
	world_remove_dir(w->dir);
	free(w);
	return 0;
}

/* What is put, and what became of it. */

static inline void world_put_done(struct orch_queue_op *op)
{
	struct world *w = op->user;

	if (op->code != ORCH_OK)
		fail_msg("%s", op->err.text);
	w->puts--;
}

static inline bool world_has_put(struct world *w)
{
	return w->puts == 0;
}

static inline void world_put(struct world *w, const struct orch_message *message)
{
	struct orch_queue_op *op = orch_arena_alloc(w->arena, sizeof(*op));
	struct orch_err err = { "" };

	*op = (struct orch_queue_op){ .kind = ORCH_QUEUE_PUT,
		.lane = w->lane,
		.done = world_put_done,
		.messages = message,
		.message_count = 1,
		.user = w };
	w->puts++;
	if (orch_queue_submit(w->queue, op, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	world_until(w, world_has_put);
}

/* A message whose body need not be what its queue is for. */
static inline void world_put_body(struct world *w, const char *queue, const char *body)
{
	const struct orch_message message = { .queue = orch_text_from(queue),
		.id = ORCH_TEXT("m"),
		.pipeline = ORCH_TEXT("p"),
		.tenant = ORCH_TEXT_NONE,
		.order = ORCH_TEXT_NONE,
		.trace = ORCH_TEXT_NONE,
		.body = orch_text_from(body) };

	world_put(w, &message);
}

/* An event with one text and, if they are not NULL, a field and a part to be fetched. */
struct put_event {
	const char *id, *text, *field, *value, *announced, *order, *pipeline;
	const char *source;            /* NULL: "in" */
	const struct orch_part *parts; /* instead of the text */
	size_t part_count;
};

static inline struct orch_event world_event(
	const struct put_event *given, struct orch_field *field, struct orch_part parts[2])
{
	*field = (struct orch_field){ orch_text_from(given->field), orch_text_from(given->value) };
	parts[0] = (struct orch_part){ .name = ORCH_TEXT("text"),
		.media_type = ORCH_TEXT_NONE,
		.bytes = orch_text_from(given->text),
		.note = ORCH_TEXT_NONE };
	parts[1] = (struct orch_part){ .name = orch_text_from(given->announced),
		.media_type = ORCH_TEXT_NONE,
		.bytes = ORCH_TEXT_NONE,
		.state = ORCH_PART_ANNOUNCED,
		.note = ORCH_TEXT_NONE };
	return (struct orch_event){
		.size = sizeof(struct orch_event),
		.time_ms = 1700000000000,
		.id = orch_text_from(given->id),
		.source = orch_text_from(given->source == NULL ? "in" : given->source),
		.type = ORCH_TEXT("test"),
		.tenant = ORCH_TEXT_NONE,
		.actor = ORCH_TEXT_NONE,
		.order = ORCH_TEXT_NONE,
		.data = ORCH_TEXT("{}"),
		.trace = ORCH_TEXT_NONE,
		.fields = field,
		.field_count = given->field == NULL ? 0 : 1,
		.parts = given->parts != NULL ? given->parts : parts,
		.part_count = given->parts != NULL ? given->part_count
			: given->announced == NULL ? 1
						   : 2,
	};
}

static inline void world_put_event(struct world *w, struct put_event given)
{
	struct orch_field field;
	struct orch_part parts[2];
	struct orch_event event = world_event(&given, &field, parts);
	struct orch_message *message = orch_arena_alloc(w->arena, sizeof(*message));
	struct orch_buf buf;

	orch_buf_init(&buf, 64 << 20);
	orch_event_write(&buf, &event, true);
	*message = (struct orch_message){ .queue = ORCH_TEXT("scan"),
		.id = event.id,
		.pipeline = orch_text_from(given.pipeline == NULL ? "p" : given.pipeline),
		.tenant = ORCH_TEXT_NONE,
		.order = orch_text_from(given.order),
		.trace = ORCH_TEXT("trace"),
		.body = orch_arena_text(w->arena, orch_buf_text(&buf)) };
	orch_buf_fini(&buf);
	world_put(w, message);
}

#define PUT_EVENT(w, ...) world_put_event((w), (struct put_event){ __VA_ARGS__ })

/* A task of verdict flag for ACTION about such an event; its message's id is the event's. */
static inline void world_put_task(struct world *w, const char *action, struct put_event given)
{
	struct orch_field field;
	struct orch_part parts[2];
	struct orch_event event = world_event(&given, &field, parts);
	struct orch_task task = { .size = sizeof(task),
		.verdict = ORCH_FLAG,
		.key = event.id,
		.event = &event,
		.pipeline = ORCH_TEXT("p") };
	struct orch_message *message = orch_arena_alloc(w->arena, sizeof(*message));
	struct orch_buf buf;

	orch_buf_init(&buf, 64 << 20);
	orch_task_write(&buf, &task);
	*message = (struct orch_message){
		.queue = orch_arena_printf(w->arena, "act.%s", action),
		.id = event.id,
		.pipeline = ORCH_TEXT("p"),
		.tenant = ORCH_TEXT_NONE,
		.order = orch_text_from(given.order),
		.trace = ORCH_TEXT("trace"),
		.body = orch_arena_text(w->arena, orch_buf_text(&buf)),
	};
	orch_buf_fini(&buf);
	world_put(w, message);
}

#define PUT_TASK(w, action, ...) world_put_task((w), (action), (struct put_event){ __VA_ARGS__ })

/* Of QUEUE.  Always balanced. */
static inline struct orch_ledger world_ledger(struct world *w, const char *queue)
{
	struct orch_ledger *ledgers, found = { .accepted = 0 };
	struct orch_err err = { "" };
	size_t count;

	if (orch_queue_ledger(w->queue, w->arena, &ledgers, &count, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(ledgers[i].imbalance, 0);
		if (strcmp(ledgers[i].name, queue) == 0)
			found = ledgers[i];
	}
	return found;
}

static inline struct orch_queue_entry *world_peek(
	struct world *w, const char *queue, bool dead, size_t *ret_count)
{
	struct orch_queue_filter filter = { .queue = orch_text_from(queue),
		.id = ORCH_TEXT_NONE,
		.dead = dead,
		.with_body = true,
		.limit = 1000 };
	struct orch_queue_entry *entries;
	struct orch_err err = { "" };

	if (orch_queue_peek(w->queue, &filter, w->arena, &entries, ret_count, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	return entries;
}

/* The one dead letter of QUEUE. */
static inline struct orch_queue_entry world_dead(struct world *w, const char *queue)
{
	size_t count;
	struct orch_queue_entry *entries = world_peek(w, queue, true, &count);

	assert_int_equal(count, 1);
	return entries[0];
}

static inline struct orch_stored_event *world_events(struct world *w, size_t *ret_count)
{
	struct orch_event_filter filter = { .id = ORCH_TEXT_NONE,
		.rule = ORCH_TEXT_NONE,
		.pipeline = ORCH_TEXT_NONE,
		.verdict = -1,
		.limit = 100,
		.with_content = true };
	struct orch_stored_event *events;
	struct orch_err err = { "" };

	if (orch_store_events(w->store, &filter, w->arena, &events, ret_count, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	return events;
}

/* The one event that is stored. */
static inline struct orch_stored_event world_stored(struct world *w)
{
	size_t count;
	struct orch_stored_event *events = world_events(w, &count);

	assert_int_equal(count, 1);
	return events[0];
}

static inline struct orch_stored_result *world_results(
	struct world *w, const char *id, size_t *ret_count)
{
	struct orch_stored_result *results;
	struct orch_err err = { "" };

	if (orch_store_results(w->store, orch_text_from(id), w->arena, &results, ret_count, &err) !=
		ORCH_OK)
		fail_msg("%s", err.text);
	return results;
}

static inline uint64_t world_metric(const char *name, const char *label, const char *value)
{
	return (uint64_t)orch_metric_value(
		orch_metric(ORCH_METRIC_COUNTER, name, "", { label, orch_text_from(value) }));
}

/* Holds the database's writer, and with it everything that waits for a commit, until it is let go. */
static inline int world_wait_at_gate(
	struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct world *w = (struct world *)(void *)((char *)op - offsetof(struct world, hold_op));

	(void)db, (void)err;
	(void)sem_post(&w->at_gate);
	/* It may run again, when another group of its transaction fails. */
	while (!w->has_passed && sem_wait(&w->gate) != 0)
		;
	w->has_passed = true;
	return ORCH_OK;
}

static inline void world_gate_done(struct orch_db_group *group)
{
	(void)group;
}

static inline void world_hold_db(struct world *w)
{
	struct orch_err err = { "" };

	(void)sem_init(&w->gate, 0, 0);
	(void)sem_init(&w->at_gate, 0, 0);
	w->has_passed = false;
	w->hold_op = (struct orch_db_op){ .run = world_wait_at_gate };
	w->hold_group = (struct orch_db_group){
		.first = &w->hold_op, .lane = w->lane, .done = world_gate_done
	};
	assert_int_equal(orch_db_submit(w->db, &w->hold_group, &err), ORCH_OK);
	while (sem_wait(&w->at_gate) != 0)
		;
}

static inline void world_let_db_go(struct world *w)
{
	(void)sem_post(&w->gate);
}

#endif
