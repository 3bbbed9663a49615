/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message costs on SQS and PostgreSQL: it is put (hop "scan"), leased,
 * handed over to the next queue and settled (hop "act"), leased and settled.
 *
 *   sqs [SECONDS [AT_ONCE]]
 *
 * SQS is orchestrator-sim aws and PostgreSQL a throw-away one, both on the same
 * cores: their CPU stands beside ours, which is what counts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/text.h"
#include "queue/backend.h"
#include "support/aws_sim.h"
#include "support/postgres.h"
#include "support/program.h"
#include "support/yardstick.h"

#define BODY_BYTES 1024
#define RECEIVE_MAX 64
#define PUTTERS_MAX 1024 /* messages on their way at once */
#define WAIT_S 20
#define METRICS_BYTES (1 << 20)

static const struct {
	const char *name, *word;
} actions[] = { { "SendMessageBatch", "send" }, { "ReceiveMessage", "receive" },
	{ "DeleteMessageBatch", "settle" }, { "ChangeMessageVisibilityBatch", "renew" },
	{ NULL, NULL } };
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))
#define ALL (ACTIONS - 1)

struct bench;

struct putter {
	struct bench *bench;
	struct orch_queue_op op;
	struct orch_message message;
	char id[64];
};

/* A queue that is received, and what became of the leases. */
struct stage {
	struct bench *bench;
	const char *name;
	bool passes_on;
	struct orch_queue_watch watch;
	struct orch_queue_op receive;
	size_t works;
	bool is_receiving, has_more;
	uint64_t done;
};

/* One lease on its way: the next message is put and this one settled, as one. */
struct work {
	struct stage *stage;
	struct orch_arena *arena; /* of the receive; counted */
	size_t *refs;
	struct orch_lease lease;
	struct orch_message next;
	struct orch_queue_op put, settle;
	struct orch_db_group group;
};

struct bench {
	struct aws_sim sim;
	struct postgres postgres;
	struct orch_pg *pg;
	struct orch_queue *queue;
	struct orch_lane *lane;
	struct orch_timer timer;
	struct putter putters[PUTTERS_MAX];
	struct stage stages[2];
	struct orch_config config;
	bool puts, is_over;
	size_t busy;
	uint64_t put;
	char body[BODY_BYTES];
};

static void must(int code, const struct orch_err *err)
{
	if (code < 0) {
		fprintf(stderr, "sqs: %s\n", err->text);
		exit(1);
	}
}

static void put_next(struct putter *putter);
static void pull(struct stage *stage);

static void on_put(struct orch_queue_op *op)
{
	struct putter *putter = op->user;

	must(op->code, &op->err);
	putter->bench->put++;
	putter->bench->busy--;
}

static void put_next(struct putter *putter)
{
	struct bench *bench = putter->bench;
	int len = snprintf(putter->id, sizeof(putter->id), "%016" PRIx64 "-%zu",
		orch_clock_mono_ns(), (size_t)(putter - bench->putters));
	struct orch_err err;

	putter->message = (struct orch_message){ .queue = ORCH_TEXT("scan"),
		.id = { putter->id, (size_t)len },
		.pipeline = ORCH_TEXT("slack-dlp"),
		.tenant = ORCH_TEXT("T1"),
		.trace = { putter->id, (size_t)len },
		.body = { bench->body, sizeof(bench->body) } };
	putter->op = (struct orch_queue_op){ .kind = ORCH_QUEUE_PUT,
		.queue = bench->queue,
		.lane = bench->lane,
		.done = on_put,
		.messages = &putter->message,
		.message_count = 1,
		.is_accepted = true,
		.user = putter };
	bench->busy++;
	must(orch_queue_submit(bench->queue, &putter->op, &err), &err);
}

/* Whose message has come to its end puts the next. */
static void put_another(struct bench *bench, const struct orch_message *message)
{
	struct orch_text number = message->id, time;
	uint64_t n;

	if (bench->puts && orch_text_split(&number, '-', &time) &&
		orch_text_to_uint(number, 0, PUTTERS_MAX - 1, &n) == ORCH_OK)
		put_next(&bench->putters[n]);
}

static void unref(struct work *work)
{
	struct orch_arena *arena = work->arena;

	if (--*work->refs == 0)
		orch_arena_destroy(arena);
}

static void on_handed_over(struct orch_db_group *group)
{
	struct work *work = (struct work *)(void *)((char *)group - offsetof(struct work, group));
	struct stage *stage = work->stage;

	if (group->code != ORCH_E_DENIED)
		must(group->code, &group->err);
	stage->done++;
	stage->works--;
	if (!stage->passes_on)
		put_another(stage->bench, &work->lease.message);
	unref(work);
	pull(stage);
}

static void hand_over(struct work *work)
{
	struct orch_queue *queue = work->stage->bench->queue;
	struct orch_db_op *first;
	struct orch_err err;

	work->settle = (struct orch_queue_op){ .kind = ORCH_QUEUE_SETTLE, .lease = &work->lease };
	first = queue->backend->as_db_op(queue, &work->settle);
	first->next = NULL;
	if (work->stage->passes_on) {
		work->next = work->lease.message;
		work->next.queue = ORCH_TEXT("act.x");
		work->put = (struct orch_queue_op){
			.kind = ORCH_QUEUE_PUT, .messages = &work->next, .message_count = 1
		};
		first->next = queue->backend->as_db_op(queue, &work->put);
		first->next->next = NULL;
	}
	work->group = (struct orch_db_group){
		.first = first, .lane = work->stage->bench->lane, .done = on_handed_over
	};
	must(queue->backend->submit_group(queue, &work->group, &err), &err);
}

static void on_received(struct orch_queue_op *op)
{
	struct stage *stage = op->user;
	struct orch_arena *arena = op->arena;
	size_t *refs = orch_arena_alloc(arena, sizeof(*refs));

	must(op->code, &op->err);
	stage->is_receiving = false;
	stage->bench->busy--;
	*refs = op->lease_count + 1;
	for (size_t i = 0; i < op->lease_count; i++) {
		struct work *work = orch_arena_alloc(arena, sizeof(*work));

		work->stage = stage;
		work->arena = arena;
		work->refs = refs;
		work->lease = op->leases[i];
		stage->works++;
		hand_over(work);
	}
	if (--*refs == 0)
		orch_arena_destroy(arena);
	pull(stage);
}

static void pull(struct stage *stage)
{
	struct bench *bench = stage->bench;
	struct orch_err err;

	if (stage->is_receiving || bench->is_over || !stage->has_more ||
		stage->works >= RECEIVE_MAX)
		return;
	stage->has_more = false;
	stage->is_receiving = true;
	bench->busy++;
	stage->receive = (struct orch_queue_op){ .kind = ORCH_QUEUE_RECEIVE,
		.queue = bench->queue,
		.lane = bench->lane,
		.done = on_received,
		.name = orch_text_from(stage->name),
		.max = RECEIVE_MAX - stage->works,
		.visibility_ms = 60000,
		.arena = orch_arena_create(0),
		.user = stage };
	must(orch_queue_submit(bench->queue, &stage->receive, &err), &err);
}

static void on_ready(void *arg)
{
	struct stage *stage = arg;

	stage->has_more = true;
	pull(stage);
}

static void on_time(void *arg)
{
	struct bench *bench = arg;

	orch_lane_quit(bench->lane);
}

/* Requests to SQS so far. */
static double requests(const char *action)
{
	struct orch_buf buf;
	double sum = 0;

	orch_buf_init(&buf, METRICS_BYTES);
	orch_metric_render(&buf);
	for (char *line = buf.ptr; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end = '\0';
		if (strncmp(line, "orchestrator_aws_requests_total{", 32) == 0 &&
			(action == NULL || strstr(line, action) != NULL))
			sum += strtod(strrchr(line, ' '), NULL);
		line = end == NULL ? NULL : end + 1;
	}
	orch_buf_fini(&buf);
	return sum;
}

static void open_pg(struct bench *bench)
{
	char dsn[256];
	struct orch_pg_options options = { .accepts_fsync_off = false };
	struct orch_pg_migrated parts[4];
	struct orch_err err;
	size_t count = 0;

	postgres_open(&bench->postgres, TEST_BINARY_DIR "/postgres-template");
	postgres_database(&bench->postgres, dsn, sizeof(dsn));
	options.dsn = orch_text_from(dsn);
	must(orch_pg_migrate(&options, orch_queue_pg_migrations, orch_queue_pg_migration_count,
		     false, parts, &count, &err),
		&err);
	must(orch_pg_open(&options, orch_queue_pg_migrations, orch_queue_pg_migration_count,
		     &bench->pg, &err),
		&err);
}

static void open_queue(
	struct bench *bench, const struct orch_secret *key, const struct orch_secret *secret)
{
	static struct orch_credential_entry credential = { .name = { "aws-secret", 10 } };
	static const struct orch_config_credential named = { .name = { "aws-secret", 10 } };
	struct orch_config *config = &bench->config;
	struct orch_err err;

	*config = (struct orch_config){ .lease_ms = 60000, .receives = 20 };
	credential.secret = secret;
	config->credentials = &named;
	config->egress.credentials = &credential;
	config->credential_count = config->egress.credential_count = 1;
	config->sqs =
		(struct orch_config_sqs){ .aws = { .region = ORCH_TEXT("eu-west-1"),
						  .endpoint = orch_text_from(bench->sim.url),
						  .access_key_id = ORCH_TEXT(AWS_SIM_ACCESS_KEY),
						  .secret_access_key = ORCH_TEXT("aws-secret") },
			.prefix = ORCH_TEXT("bench-"),
			.batch = 10,
			.wait_ms = WAIT_S * 1000,
			.receivers = 8,
			.inline_bytes = 65536,
			.create = true,
			.fair = true };
	must(orch_lane_create("bench", &bench->lane, &err), &err);
	must(orch_pg_attach(bench->pg, bench->lane, &err), &err);
	must(orch_queue_sqs_open(bench->pg, config, key, &bench->queue, &err), &err);
	must(orch_queue_sqs_start(bench->queue, config, bench->lane, &err), &err);
	must(orch_timer_init(&bench->timer, bench->lane, on_time, bench), &err);
}

static void add_stage(struct bench *bench, size_t at, const char *name, bool passes_on)
{
	struct stage *stage = &bench->stages[at];

	*stage = (struct stage){ .bench = bench, .name = name, .passes_on = passes_on };
	stage->watch = (struct orch_queue_watch){
		.name = orch_text_from(name), .lane = bench->lane, .ready = on_ready, .arg = stage
	};
	if (orch_queue_watch_add(bench->queue, &stage->watch) != ORCH_OK)
		exit(1);
}

static void run_for(struct bench *bench, uint64_t seconds)
{
	orch_timer_set(&bench->timer, seconds * 1000);
	orch_lane_run(bench->lane);
}

/* The hops so far, and what they cost. */
struct cost {
	double hops, seconds, cpu, sim_cpu;
	double requests[ACTIONS];
};

static struct cost cost_so_far(const struct bench *bench)
{
	struct cost cost = { .hops = (double)(bench->stages[0].done + bench->stages[1].done),
		.seconds = (double)orch_clock_mono_ns() / 1e9,
		.cpu = own_cpu_seconds(),
		.sim_cpu = process_cpu_seconds(bench->sim.pid) };

	for (size_t i = 0; i < ACTIONS; i++)
		cost.requests[i] = requests(actions[i].name);
	return cost;
}

/* In time, and in what this machine takes for YARDSTICK: it is not always as fast. */
static void print_cost(const struct cost *since, const struct cost *now, double yardstick)
{
	double hops = now->hops - since->hops;
	double all = now->requests[ALL] - since->requests[ALL];

	double cpu = (now->cpu - since->cpu) * 1e6 / hops;

	printf("%7.0f hops/s  %6.1f us of our CPU a hop, or %.0f HMACs of %.2f us (the stand-in: "
	       "%4.1f us)  %5.3f requests a hop:",
		hops / (now->seconds - since->seconds), cpu, cpu / yardstick, yardstick,
		(now->sim_cpu - since->sim_cpu) * 1e6 / hops, all / hops);
	for (size_t i = 0; i < ALL; i++)
		printf(" %s %5.3f", actions[i].word,
			(now->requests[i] - since->requests[i]) / hops);
	printf("\n");
	(void)fflush(stdout);
}

/* With so many on their way at all times, then until all is settled. */
static void run_load(struct bench *bench, size_t at_once, uint64_t seconds)
{
	double yardstick = yardstick_us();
	struct cost before = cost_so_far(bench), after;

	bench->puts = true;
	for (size_t i = 0; i < at_once; i++)
		put_next(&bench->putters[i]);
	run_for(bench, seconds);
	after = cost_so_far(bench);
	printf("%4zu at once  ", at_once);
	print_cost(&before, &after, (yardstick + yardstick_us()) / 2);
	bench->puts = false;
	for (int i = 0; i < 60 && bench->stages[1].done < bench->put; i++)
		run_for(bench, 1);
	if (bench->stages[1].done != bench->put)
		printf("put %llu, settled %llu\n", (unsigned long long)bench->put,
			(unsigned long long)bench->stages[1].done);
}

static void run_idle(struct bench *bench)
{
	double all, polls;

	run_for(bench, WAIT_S + 2);
	all = requests(NULL);
	polls = requests("ReceiveMessage");
	run_for(bench, 2 * WAIT_S);
	printf("idle for %d s, 2 queues: %.0f requests, %.0f of them long polls of %d s\n",
		2 * WAIT_S, requests(NULL) - all, requests("ReceiveMessage") - polls, WAIT_S);
}

int main(int argc, char **argv)
{
	static const size_t at_once[] = { 1, 64, 512 };
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 5;
	struct orch_secret *key = orch_secret_create(ORCH_TEXT("0123456789abcdef0123456789abcdef"));
	struct orch_secret *secret = orch_secret_create(ORCH_TEXT(AWS_SIM_SECRET_KEY));
	struct bench *bench = orch_alloc(sizeof(*bench));

	print_yardstick();
	memset(bench->body, 'x', sizeof(bench->body));
	aws_sim_start(&bench->sim, TEST_BINARY_DIR "/bin/orchestrator-sim", NULL);
	open_pg(bench);
	open_queue(bench, key, secret);
	for (size_t i = 0; i < PUTTERS_MAX; i++)
		bench->putters[i].bench = bench;
	run_for(bench, 1);
	add_stage(bench, 0, "scan", true);
	add_stage(bench, 1, "act.x", false);
	for (size_t i = 0; argc <= 2 && i < sizeof(at_once) / sizeof(at_once[0]); i++)
		run_load(bench, at_once[i], seconds);
	if (argc > 2)
		run_load(bench, (size_t)strtoull(argv[2], NULL, 10), seconds);
	run_idle(bench);
	aws_sim_stop(&bench->sim);
	postgres_close(&bench->postgres);
	return 0;
}
