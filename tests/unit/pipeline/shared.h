/* SPDX-License-Identifier: Apache-2.0 */
/* Houses on SQS and PostgreSQL: a server and a stand-in for the program, a database for each test. */
#ifndef ORCH_TEST_PIPELINE_SHARED_H
#define ORCH_TEST_PIPELINE_SHARED_H
#include "support/aws_sim.h"
#include "support/postgres.h"
#include "unit/pipeline/house.h"

#define SHARED_KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SHARED_PASSWORD "canary-password"
#define SHARED_MIGRATES "migrate = true;"

static struct {
	struct postgres postgres;
	struct aws_sim sim;
	char database[32]; /* of the test */
	unsigned databases;
} shared;

/* By TCP it asks for a password. */
static inline void shared_ask_for_password(void)
{
	char path[160];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/data/pg_hba.conf", shared.postgres.folder);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(
		fputs("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n", file) > 0);
	assert_int_equal(fclose(file), 0);
	postgres_sql(&shared.postgres, "postgres",
		"CREATE ROLE keeper LOGIN PASSWORD '" SHARED_PASSWORD "'", NULL, 0);
	postgres_do(&shared.postgres, "reload");
}

static inline int shared_start(void **state)
{
	(void)state;
	postgres_open(&shared.postgres, TEST_BINARY_DIR "/postgres-template");
	shared_ask_for_password();
	aws_sim_start(&shared.sim, TEST_BINARY_DIR "/bin/orchestrator-sim", NULL);
	return 0;
}

static inline int shared_stop(void **state)
{
	(void)state;
	aws_sim_stop(&shared.sim);
	postgres_close(&shared.postgres);
	return 0;
}

/* A house with a database. */
static inline int shared_open(void **state)
{
	char sql[96];

	(void)house_open(state);
	house_clear_aws(*state);
	assert_int_equal(setenv("SHARED_KEY", SHARED_KEY, 1), 0);
	assert_int_equal(setenv("SHARED_PASSWORD", SHARED_PASSWORD, 1), 0);
	assert_int_equal(setenv("SHARED_SECRET", AWS_SIM_SECRET_KEY, 1), 0);
	(void)snprintf(shared.database, sizeof(shared.database), "shared_%u", ++shared.databases);
	(void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s OWNER keeper", shared.database);
	postgres_sql(&shared.postgres, "postgres", sql, NULL, 0);
	return 0;
}

/* What runs there, as the superuser. */
static inline void shared_sql(const char *sql)
{
	postgres_sql(&shared.postgres, shared.database, sql, NULL, 0);
}

static inline void shared_cut_connections(void)
{
	shared_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
		   " WHERE usename = 'keeper'");
}

/* All that a run needs, listening on PORT, with queues of the test's own; STORE in store, MORE anywhere. */
static inline const char *shared_config(
	struct house *h, uint16_t port, const char *store, const char *more)
{
	return orch_arena_printf(h->arena,
		HOUSE_REST "http = { listen = \"127.0.0.1:%u\"; };"
			   "credentials = ( { name = \"k\"; env = \"SHARED_KEY\"; },"
			   " { name = \"pw\"; env = \"SHARED_PASSWORD\"; },"
			   " { name = \"aws\"; env = \"SHARED_SECRET\"; } );"
			   "queue = { driver = \"sqs\"; region = \"eu-west-1\"; endpoint = \"%s\";"
			   " access_key_id = \"" AWS_SIM_ACCESS_KEY
			   "\"; secret_access_key = \"aws\";"
			   " prefix = \"%s-\"; create = true; wait = \"1s\"; };"
			   "store = { driver = \"postgres\"; key = \"k\"; password = \"pw\"; dsn = "
			   "\"host=127.0.0.1 port=%u dbname=%s user=keeper\"; %s }; %s",
		(unsigned)port, shared.sim.url, shared.database, (unsigned)shared.postgres.port,
		shared.database, store, more)
		.ptr;
}

#endif
