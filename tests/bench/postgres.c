/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many findings PostgreSQL takes from one lane: events of 1 KB, each handed
 * over by itself with its findings and an open task.
 *
 *   postgres [SECONDS [DSN]]
 *
 * Without a connection string it starts a server of its own, whose data lie in
 * memory if there is room.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "pg/pg.h"
#include "store/backend.h"
#include "support/postgres.h"
#include "support/yardstick.h"

#define AT_ONCE 512
#define FINDINGS_MAX 50

struct bench;

struct handover {
	struct bench *bench;
	struct orch_store_op op;
	struct orch_stored_event event;
	struct orch_stored_result result;
	char id[48], key[64];
};

struct bench {
	struct orch_pg *pg;
	struct orch_store *store;
	struct orch_lane *lane;
	struct orch_timer timer;
	struct orch_stored_finding findings[FINDINGS_MAX];
	struct handover handovers[AT_ONCE];
	size_t finding_count, busy;
	bool is_over;
	uint64_t begun, done;
	char content[1024];
};

static void must(int code, const struct orch_err *err)
{
	if (code < 0) {
		fprintf(stderr, "postgres: %s\n", err->text);
		exit(1);
	}
}

static void begin(struct handover *handover)
{
	struct bench *bench = handover->bench;
	struct orch_err err;

	(void)snprintf(handover->id, sizeof(handover->id), "Ev%016" PRIx64 "%" PRIu64,
		(bench->begun + 1) * UINT64_C(0x9e3779b97f4a7c15), orch_clock_mono_ns());
	(void)snprintf(handover->key, sizeof(handover->key), "%s-task", handover->id);
	bench->begun++;
	bench->busy++;
	handover->event.id = orch_text_from(handover->id);
	handover->event.finding_count = bench->finding_count;
	handover->event.time_ms = orch_clock_now_ms();
	handover->result.event_id = handover->event.id;
	handover->result.key = orch_text_from(handover->key);
	handover->result.time_ms = handover->event.time_ms;
	must(orch_store_submit(bench->store, &handover->op, &err), &err);
}

static void on_done(struct orch_store_op *op)
{
	struct handover *handover = op->user;
	struct bench *bench = handover->bench;

	must(op->code, &op->err);
	bench->done++;
	bench->busy--;
	if (!bench->is_over)
		begin(handover);
	else if (bench->busy == 0)
		orch_lane_quit(bench->lane);
}

static void on_time(void *arg)
{
	struct bench *bench = arg;

	bench->is_over = true;
}

static void run(struct bench *bench, size_t at_once, size_t findings, uint64_t seconds)
{
	uint64_t start = orch_clock_mono_ns();
	double cpu = own_cpu_seconds();
	double took;

	bench->done = 0;
	bench->is_over = false;
	bench->finding_count = findings;
	orch_timer_set(&bench->timer, seconds * 1000);
	for (size_t i = 0; i < at_once; i++)
		begin(&bench->handovers[i]);
	orch_lane_run(bench->lane);
	took = (double)(orch_clock_mono_ns() - start) / 1e9;
	cpu = own_cpu_seconds() - cpu;
	printf("%4zu at once, %2zu findings each  %8.0f events/s  %8.0f findings/s"
	       "  %6.1f us CPU here an event\n",
		at_once, findings, (double)bench->done / took,
		(double)(bench->done * findings) / took,
		cpu * 1e6 / (double)(bench->done ? bench->done : 1));
	(void)fflush(stdout);
}

static struct orch_stored_finding finding(void)
{
	return (struct orch_stored_finding){ .finding = { .size = sizeof(struct orch_finding),
						     .severity = ORCH_HIGH,
						     .confidence = 90,
						     .rule = ORCH_TEXT("maestro"),
						     .rule_name = ORCH_TEXT("Maestro card"),
						     .title = ORCH_TEXT("a card number"),
						     .advice = ORCH_TEXT("remove the message"),
						     .start = 11,
						     .length = 16,
						     .detail = ORCH_TEXT("{\"check\":\"luhn\"}"),
						     .tool = ORCH_TEXT("dlp") },
		.rule_version = 3,
		.expression = ORCH_TEXT("(?:5018|5020|5038|6304|6759|676[1-3])[0-9]{8,15}"),
		.part_name = ORCH_TEXT("text"),
		.excerpt = ORCH_TEXT("6759...53") };
}

static void fill(struct bench *bench)
{
	memset(bench->content, 'x', sizeof(bench->content));
	for (size_t i = 0; i < FINDINGS_MAX; i++)
		bench->findings[i] = finding();
	for (size_t i = 0; i < AT_ONCE; i++) {
		struct handover *handover = &bench->handovers[i];

		handover->bench = bench;
		handover->event = (struct orch_stored_event){ .trace = ORCH_TEXT("8a3f0c11"),
			.source = ORCH_TEXT("slack"),
			.pipeline = ORCH_TEXT("slack-dlp"),
			.type = ORCH_TEXT("slack.message"),
			.tenant = ORCH_TEXT("T0123ABCD"),
			.actor = ORCH_TEXT("U0123ABCD"),
			.verdict = ORCH_BLOCK,
			.content = { bench->content, sizeof(bench->content) },
			.findings = bench->findings };
		handover->result = (struct orch_stored_result){ .pipeline = ORCH_TEXT("slack-dlp"),
			.action = ORCH_TEXT("block"),
			.state = ORCH_TEXT("pending") };
		handover->op = (struct orch_store_op){ .kind = ORCH_STORE_EVENT,
			.store = bench->store,
			.lane = bench->lane,
			.done = on_done,
			.event = &handover->event,
			.results = &handover->result,
			.result_count = 1,
			.user = handover };
	}
}

static void open_bench(struct bench *bench, const char *dsn, const struct orch_secret *key)
{
	const struct orch_pg_options options = { .dsn = orch_text_from(dsn) };
	struct orch_pg_migrated parts[4];
	struct orch_err err;
	size_t count;

	must(orch_pg_migrate(&options, orch_store_pg_migrations, orch_store_pg_migration_count,
		     false, parts, &count, &err),
		&err);
	must(orch_pg_open(&options, orch_store_pg_migrations, orch_store_pg_migration_count,
		     &bench->pg, &err),
		&err);
	must(orch_store_pg_open(bench->pg, key, &bench->store, &err), &err);
	must(orch_lane_create("bench", &bench->lane, &err), &err);
	must(orch_pg_attach(bench->pg, bench->lane, &err), &err);
	(void)snprintf(err.text, sizeof(err.text), "no memory");
	must(orch_timer_init(&bench->timer, bench->lane, on_time, bench), &err);
	fill(bench);
}

static void close_bench(struct bench *bench)
{
	orch_timer_fini(&bench->timer);
	orch_pg_detach(bench->pg, bench->lane);
	orch_store_close(bench->store);
	orch_pg_close(bench->pg);
	orch_lane_destroy(bench->lane);
}

int main(int argc, char **argv)
{
	static const size_t at_once[] = { 1, 64, 512 };
	static const size_t findings[] = { 1, 5, 50 };
	static const char key_bytes[ORCH_SEAL_KEY_BYTES] = "a key for the bench";
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 3;
	struct orch_secret *key =
		orch_secret_create((struct orch_text){ key_bytes, sizeof(key_bytes) });
	struct bench *bench = orch_alloc(sizeof(*bench));
	struct postgres postgres;
	char dsn[256];

	if (argc > 2) {
		(void)snprintf(dsn, sizeof(dsn), "%s", argv[2]);
	} else {
		postgres_open(&postgres, TEST_BINARY_DIR "/postgres-template");
		postgres_database(&postgres, dsn, sizeof(dsn));
	}
	print_yardstick();
	open_bench(bench, dsn, key);
	for (size_t i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++)
		for (size_t k = 0; k < sizeof(findings) / sizeof(findings[0]); k++)
			run(bench, at_once[i], findings[k], seconds);
	close_bench(bench);
	if (argc <= 2)
		postgres_close(&postgres);
	orch_free(bench);
	orch_secret_destroy(key);
	return 0;
}
