/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL for the program, a database for each test, a lane, and ops made of a few statements. */
#ifndef ORCH_TEST_PG_FIXTURE_H
#define ORCH_TEST_PG_FIXTURE_H
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/text.h"
#include "pg/pg.h"
#include "support/postgres.h"
#include "support/text_assert.h"

#define WAIT_S 90 /* only a hang takes so long */

/* May run again. */
#define INSERT_ONCE "INSERT INTO item VALUES ($1) ON CONFLICT DO NOTHING"
#define CUT_CONNECTIONS                                                 \
	"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity" \
	" WHERE usename = 'orchestrator'"

struct fixture {
	struct postgres *postgres;
	char dsn[256];
	char database[32];
	struct orch_pg *pg;
	struct orch_lane *lane;
};

static struct postgres postgres;

static inline int start_postgres(void **state)
{
	(void)state;
	postgres_open(&postgres, TEST_BINARY_DIR "/postgres-template");
	return 0;
}

static inline int stop_postgres(void **state)
{
	(void)state;
	postgres_close(&postgres);
	return 0;
}

/* Something to be counted to, from any thread. */
struct counter {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned count;
};
#define COUNTER_INIT                                                                    \
	{                                                                               \
		.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
	}

static inline void counter_add(struct counter *counter)
{
	pthread_mutex_lock(&counter->mutex);
	counter->count++;
	pthread_cond_broadcast(&counter->changed);
	pthread_mutex_unlock(&counter->mutex);
}

static inline unsigned counter_value(struct counter *counter)
{
	unsigned count;

	pthread_mutex_lock(&counter->mutex);
	count = counter->count;
	pthread_mutex_unlock(&counter->mutex);
	return count;
}

static inline void counter_await(struct counter *counter, unsigned count)
{
	struct timespec until;
	int code = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&counter->mutex);
	while (counter->count < count && code == 0)
		code = pthread_cond_clockwait(
			&counter->changed, &counter->mutex, CLOCK_MONOTONIC, &until);
	code = counter->count >= count;
	pthread_mutex_unlock(&counter->mutex);
	assert_true(code);
}

/* An op of at most a few statements of one text each, with what may be its parameters. */
struct test_op {
	struct orch_pg_op op;
	const char *sql[4];
	int64_t number[4]; /* the one parameter of each */
	int send_code;     /* what SEND returns at its end */
	unsigned sent, taken;
	int64_t got; /* the first column of the first statement's first row */
};

static inline int send_test_op(
	struct orch_pg_op *base, struct orch_pg_sender *sender, struct orch_err *err)
{
	struct test_op *op = (struct test_op *)(void *)base;

	op->sent++;
	op->taken = 0;
	for (size_t i = 0; i < 4 && op->sql[i]; i++) {
		int code;

		orch_pg_begin(sender, op->sql[i]);
		if (strchr(op->sql[i], '$'))
			orch_pg_int(sender, op->number[i]);
		code = orch_pg_end(sender, err);
		if (code < 0)
			return code;
	}
	return op->send_code < 0 ? orch_fail(err, op->send_code, "the op's own") : ORCH_OK;
}

static inline int take_test_op(struct orch_pg_op *base, unsigned number,
	const struct orch_pg_rows *rows, struct orch_err *err)
{
	struct test_op *op = (struct test_op *)(void *)base;

	(void)err;
	assert_int_equal(number, op->taken);
	op->taken++;
	if (number == 0 && orch_pg_count(rows) > 0)
		op->got = orch_pg_get_int(rows, 0, 0);
	return ORCH_OK;
}

#define TEST_OP(...)                                                                         \
	{                                                                                    \
		.op = { .send = send_test_op, .take = take_test_op }, .sql = { __VA_ARGS__ } \
	}

/* A group of one op, and what became of it. */
struct test_group {
	struct orch_db_group group;
	struct test_op op;
	struct counter *done;
	unsigned place; /* of its DONE among all that count to DONE, from 1 */
};

static inline void on_test_group(struct orch_db_group *base)
{
	struct test_group *group = (struct test_group *)(void *)base;

	group->place = counter_value(group->done) + 1;
	counter_add(group->done);
}

static inline void make_group(struct test_group *group, const struct fixture *f,
	struct counter *done, const char *sql, int64_t number)
{
	*group = (struct test_group){
		.group = { .lane = f->lane, .done = on_test_group },
		.op = TEST_OP(sql),
		.done = done,
	};
	group->op.number[0] = number;
	group->group.first = &group->op.op.base;
}

/* Submits on the lane's own thread, all in one turn of its loop. */
struct submission {
	struct orch_job job;
	struct fixture *f;
	struct test_group *groups;
	size_t count;
	struct counter *done; /* what is refused is done as well */
};

static inline void run_submission(struct orch_job *job)
{
	struct submission *submission = (struct submission *)(void *)job;

	for (size_t i = 0; i < submission->count; i++) {
		struct orch_db_group *group = &submission->groups[i].group;
		int code = orch_pg_submit(submission->f->pg, group, &group->err);

		if (code < 0) {
			group->code = code;
			on_test_group(group);
		}
	}
}

static inline void submit_all(
	struct submission *submission, struct fixture *f, struct test_group *groups, size_t count)
{
	*submission = (struct submission){
		.job = { .run = run_submission }, .f = f, .groups = groups, .count = count
	};
	orch_lane_post(f->lane, &submission->job);
}

/* Submits, and waits for the ends. */
static inline void run_all(struct fixture *f, struct test_group *groups, size_t count)
{
	struct submission submission;
	unsigned before = counter_value(groups[0].done);

	submit_all(&submission, f, groups, count);
	counter_await(groups[0].done, before + (unsigned)count);
}

static inline void migrate(
	const struct fixture *f, const struct orch_db_migration *steps, size_t count)
{
	const struct orch_pg_options options = { .dsn = orch_text_from(f->dsn) };
	struct orch_pg_migrated parts[16];
	struct orch_err err = { "" };
	size_t part_count = 0;

	if (orch_pg_migrate(&options, steps, count, false, parts, &part_count, &err) < 0)
		fail_msg("%s", err.text);
}

static inline struct orch_pg *open_pg(const struct fixture *f)
{
	const struct orch_pg_options options = { .dsn = orch_text_from(f->dsn) };
	struct orch_err err = { "" };
	struct orch_pg *pg = NULL;

	if (orch_pg_open(&options, NULL, 0, &pg, &err) < 0)
		fail_msg("%s", err.text);
	return pg;
}

static inline int64_t reconnects(void)
{
	return orch_metric_value(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_pg_reconnects_total", ""));
}

/* The one number that SQL gives, as the superuser sees it. */
static inline int64_t ask(const struct fixture *f, const char *sql)
{
	char answer[128];

	postgres_sql(f->postgres, f->database, sql, answer, sizeof(answer));
	return strtoll(answer, NULL, 10);
}

static inline void make_database(struct fixture *f)
{
	const char *name;

	f->postgres = &postgres;
	postgres_database(f->postgres, f->dsn, sizeof(f->dsn));
	name = strstr(f->dsn, "dbname=") + strlen("dbname=");
	(void)snprintf(f->database, sizeof(f->database), "%.*s", (int)strcspn(name, " "), name);
}

static inline void make_lane(struct fixture *f)
{
	struct orch_err err = { "" };

	assert_int_equal(orch_lane_create("test", &f->lane, &err), ORCH_OK);
	if (orch_pg_attach(f->pg, f->lane, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(orch_lane_start(f->lane, &err), ORCH_OK);
}

static inline void remove_lane(struct fixture *f)
{
	orch_lane_stop(f->lane);
	orch_pg_detach(f->pg, f->lane);
	orch_lane_destroy(f->lane);
}

/* With a table "item (id bigint PRIMARY KEY)". */
static inline int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	make_database(f);
	postgres_sql(f->postgres, f->database,
		"CREATE TABLE item (id bigint PRIMARY KEY); ALTER TABLE item OWNER TO orchestrator",
		NULL, 0);
	migrate(f, NULL, 0);
	f->pg = open_pg(f);
	make_lane(f);
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	remove_lane(f);
	orch_pg_close(f->pg);
	test_free(f);
	return 0;
}

#endif
