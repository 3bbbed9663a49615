/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the embedded queue turns: messages of 1 KB, put one by one, leased
 * in batches, settled one by one, everything flushed.
 *
 *   queue_bench [DIRECTORY [SECONDS]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "queue/backend.h"

#define BODY_BYTES 1024
#define RECEIVERS 2
#define RECEIVE_MAX 64
#define PUTTERS_MAX 512

struct bench;

struct putter {
	struct bench *bench;
	struct orch_queue_op op;
	struct orch_message message;
	char id[64];
};

struct receiver {
	struct bench *bench;
	struct orch_queue_op op;
	struct orch_arena *arena;
	struct orch_queue_op *settles;
	size_t settling;
	bool is_idle;
};

struct bench {
	struct orch_db *db;
	struct orch_queue *queue;
	struct orch_lane *lane;
	struct orch_queue_watch watch;
	struct orch_timer timer;
	struct putter putters[PUTTERS_MAX];
	struct receiver receivers[RECEIVERS];
	size_t putter_count, busy;
	bool accepted, consumes, is_over;
	uint64_t put, settled, received;
	char body[BODY_BYTES];
};

static void must(int code, const struct orch_err *err)
{
	if (code < 0) {
		fprintf(stderr, "queue_bench: %s\n", err->text);
		exit(1);
	}
}

static void submit(struct bench *bench, struct orch_queue_op *op)
{
	struct orch_err err;

	op->lane = bench->lane;
	op->queue = bench->queue;
	bench->busy++;
	must(orch_queue_submit(bench->queue, op, &err), &err);
}

static void finish(struct bench *bench, struct orch_queue_op *op)
{
	must(op->code, &op->err);
	if (--bench->busy == 0 && bench->is_over)
		orch_lane_quit(bench->lane);
}

static void put_next(struct putter *putter);

static void on_put(struct orch_queue_op *op)
{
	struct putter *putter = op->user;

	putter->bench->put++;
	if (!putter->bench->is_over)
		put_next(putter);
	finish(putter->bench, op);
}

static void put_next(struct putter *putter)
{
	struct bench *bench = putter->bench;
	int len = snprintf(putter->id, sizeof(putter->id), "%016" PRIx64 "-%p",
		orch_clock_mono_ns(), (void *)putter);

	putter->message = (struct orch_message){ .queue = ORCH_TEXT("scan"),
		.id = { putter->id, (size_t)len },
		.pipeline = ORCH_TEXT("slack-dlp"),
		.trace = { putter->id, (size_t)len },
		.body = { bench->body, sizeof(bench->body) } };
	putter->op = (struct orch_queue_op){ .kind = ORCH_QUEUE_PUT,
		.done = on_put,
		.messages = &putter->message,
		.message_count = 1,
		.is_accepted = bench->accepted,
		.user = putter };
	submit(bench, &putter->op);
}

static void receive_next(struct receiver *receiver);

static void on_settled(struct orch_queue_op *op)
{
	struct receiver *receiver = op->user;
	struct bench *bench = receiver->bench;

	bench->settled++;
	finish(bench, op);
	if (--receiver->settling == 0 && !bench->is_over)
		receive_next(receiver);
}

static void on_received(struct orch_queue_op *op)
{
	struct receiver *receiver = op->user;
	struct bench *bench = receiver->bench;

	bench->received++;
	receiver->is_idle = op->lease_count == 0;
	receiver->settling = op->lease_count;
	receiver->settles = orch_arena_alloc_array(
		receiver->arena, op->lease_count, sizeof(*receiver->settles));
	for (size_t i = 0; i < op->lease_count; i++) {
		receiver->settles[i] = (struct orch_queue_op){ .kind = ORCH_QUEUE_SETTLE,
			.done = on_settled,
			.lease = &op->leases[i],
			.user = receiver };
		submit(bench, &receiver->settles[i]);
	}
	finish(bench, op);
}

static void receive_next(struct receiver *receiver)
{
	orch_arena_destroy(receiver->arena);
	receiver->arena = orch_arena_create(0);
	receiver->is_idle = false;
	receiver->op = (struct orch_queue_op){ .kind = ORCH_QUEUE_RECEIVE,
		.done = on_received,
		.name = ORCH_TEXT("scan"),
		.max = RECEIVE_MAX,
		.visibility_ms = 60000,
		.arena = receiver->arena,
		.user = receiver };
	submit(receiver->bench, &receiver->op);
}

static void on_ready(void *arg)
{
	struct bench *bench = arg;

	for (size_t i = 0; i < RECEIVERS; i++) {
		if (bench->receivers[i].is_idle && bench->consumes && !bench->is_over)
			receive_next(&bench->receivers[i]);
	}
}

static void on_time(void *arg)
{
	struct bench *bench = arg;

	bench->is_over = true;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run(struct bench *bench, const char *name, size_t putters, bool accepted, bool consumes,
	uint64_t seconds)
{
	uint64_t start = orch_clock_mono_ns();
	double cpu = cpu_seconds();
	double took;

	bench->put = bench->settled = bench->received = 0;
	bench->is_over = false;
	bench->accepted = accepted;
	bench->consumes = consumes;
	orch_timer_set(&bench->timer, seconds * 1000);
	for (size_t i = 0; i < putters; i++)
		put_next(&bench->putters[i]);
	for (size_t i = 0; i < RECEIVERS; i++)
		bench->receivers[i].is_idle = true;
	on_ready(bench);
	orch_lane_run(bench->lane);
	took = (double)(orch_clock_mono_ns() - start) / 1e9;
	cpu = cpu_seconds() - cpu;
	printf("%-32s %4zu at once  %8.0f puts/s  %8.0f settled/s  %6.1f us CPU a message\n", name,
		putters, (double)bench->put / took, (double)bench->settled / took,
		cpu * 1e6 / (double)(bench->put ? bench->put : 1));
	(void)fflush(stdout);
}

static void open_bench(struct bench *bench, const char *path, const struct orch_secret *key)
{
	struct orch_db_options options = { .path = path };
	struct orch_err err;

	must(orch_db_open(&options, orch_queue_sqlite_migrations, orch_queue_sqlite_migration_count,
		     &bench->db, &err),
		&err);
	must(orch_queue_sqlite_open(bench->db, key, &bench->queue, &err), &err);
	must(orch_lane_create("bench", &bench->lane, &err), &err);
	(void)snprintf(err.text, sizeof(err.text), "no memory");
	must(orch_timer_init(&bench->timer, bench->lane, on_time, bench), &err);
	bench->watch = (struct orch_queue_watch){
		.name = ORCH_TEXT("scan"), .lane = bench->lane, .ready = on_ready, .arg = bench
	};
	must(orch_queue_watch_add(bench->queue, &bench->watch), &err);
	for (size_t i = 0; i < PUTTERS_MAX; i++)
		bench->putters[i].bench = bench;
	for (size_t i = 0; i < RECEIVERS; i++)
		bench->receivers[i].bench = bench;
	memset(bench->body, 'x', sizeof(bench->body));
}

static void close_bench(struct bench *bench)
{
	orch_queue_watch_remove(bench->queue, &bench->watch);
	orch_timer_fini(&bench->timer);
	for (size_t i = 0; i < RECEIVERS; i++)
		orch_arena_destroy(bench->receivers[i].arena);
	orch_queue_close(bench->queue);
	orch_db_close(bench->db);
	orch_lane_destroy(bench->lane);
}

int main(int argc, char **argv)
{
	static const size_t at_once[] = { 1, 8, 64, 256, 512 };
	const char *dir = argc > 1 ? argv[1] : "/var/tmp";
	uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 10) : 3;
	static const char key_bytes[ORCH_SEAL_KEY_BYTES] = "a key for the bench";
	struct orch_secret *key =
		orch_secret_create((struct orch_text){ key_bytes, sizeof(key_bytes) });
	char path[512];

	for (size_t i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++) {
		struct bench *bench = orch_alloc(sizeof(*bench));

		(void)snprintf(path, sizeof(path), "%s/queue_bench.%ld.db", dir, (long)getpid());
		open_bench(bench, path, key);
		run(bench, "put, receive, settle", at_once[i], false, true, seconds);
		run(bench, "with the duplicates' memory", at_once[i], true, true, seconds);
		run(bench, "put alone", at_once[i], false, false, seconds);
		close_bench(bench);
		orch_free(bench);
		(void)unlink(path);
	}
	orch_secret_destroy(key);
	return 0;
}
