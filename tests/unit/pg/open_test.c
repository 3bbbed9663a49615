/* SPDX-License-Identifier: Apache-2.0 */
/* Connection strings, and servers that are there, are not there, or are not good enough. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pg/internal.h"
#include "unit/pg/fixture.h"

static int try_open(const char *dsn, struct orch_err *err)
{
	const struct orch_pg_options options = { .dsn = orch_text_from(dsn), .connect_ms = 3000 };
	struct orch_pg *pg = NULL;
	int code = orch_pg_open(&options, NULL, 0, &pg, err);

	orch_pg_close(pg);
	return code;
}

static void assert_opens(const char *dsn)
{
	struct orch_err err = { "" };

	if (try_open(dsn, &err) < 0)
		fail_msg("%s: %s", dsn, err.text);
}

static void assert_is_refused(const char *dsn, int code, const char *words)
{
	struct orch_err err = { "" };

	assert_int_equal(try_open(dsn, &err), code);
	assert_contains(err.text, words);
}

static void test_strings_that_make_no_sense_are_refused(void **state)
{
	char long_dsn[ORCH_PG_DSN_BYTES + 1];

	(void)state;
	assert_is_refused("what is this", ORCH_E_INVALID, "not a connection string");
	assert_is_refused("hots=db", ORCH_E_INVALID, "\"hots\"");
	assert_is_refused("host=a,b port=1,2,3", ORCH_E_INVALID, "port numbers");
	assert_is_refused("service=no_such_service", ORCH_E_INVALID, "no_such_service");
	assert_is_refused("target_session_attrs=standby", ORCH_E_INVALID, "target_session_attrs");
	assert_is_refused("channel_binding=perhaps", ORCH_E_INVALID, "channel_binding");
	assert_is_refused("sslmode=sometimes", ORCH_E_INVALID, "sslmode");
	memset(long_dsn, ' ', sizeof(long_dsn) - 1);
	long_dsn[sizeof(long_dsn) - 1] = '\0';
	assert_is_refused(long_dsn, ORCH_E_LIMIT, "4095 bytes");
}

static void test_a_password_in_the_string_is_refused_and_not_repeated(void **state)
{
	static const char *const strings[] = { "host=h password=hunter2 dbname=d",
		"postgresql://user:hunter2@h/d", "host=h password=hunter2 'dbname",
		"postgresql://user:hunter2%zz@h/d", "password='hunter2" };
	struct orch_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		err = (struct orch_err){ "" };
		assert_int_equal(try_open(strings[i], &err), ORCH_E_INVALID);
		assert_lacks(err.text, "hunter2");
	}
	assert_int_equal(try_open(strings[0], &err), ORCH_E_INVALID);
	assert_contains(err.text, "credential");
}

static void test_one_host_too_many_is_refused(void **state)
{
	char dsn[256] = "host=a";

	(void)state;
	for (int i = 1; i < ORCH_PG_ADDRESSES + 1; i++)
		(void)snprintf(dsn + strlen(dsn), sizeof(dsn) - strlen(dsn), ",a");
	assert_is_refused(dsn, ORCH_E_LIMIT, "17 hosts");
}

static void test_a_server_that_is_not_there_is_said_so(void **state)
{
	struct fixture *f = *state;
	char path[160];

	(void)snprintf(path, sizeof(path), "host=%s/nowhere dbname=d", f->postgres->folder);
	assert_is_refused(path, ORCH_E_AGAIN, "No such file");
	assert_is_refused("host=127.0.0.1 port=1 dbname=d", ORCH_E_AGAIN, "Connection refused");
	assert_is_refused(
		"host=no-such-host.invalid dbname=d", ORCH_E_AGAIN, "no-such-host.invalid");
}

static void format(
	char *ret, size_t size, const struct fixture *f, const char *hosts, const char *ports)
{
	(void)snprintf(ret, size, "host=%s port=%s dbname=%s user=orchestrator", hosts, ports,
		f->database);
}

static void test_names_addresses_and_sockets_lead_to_the_server(void **state)
{
	struct fixture *f = *state;
	char port[16], dsn[256];
	static const char *const hosts[] = { "localhost", "127.0.0.1", "127.0.0.1,localhost",
		"localhost hostaddr=127.0.0.1" };

	(void)snprintf(port, sizeof(port), "%u", f->postgres->port);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		format(dsn, sizeof(dsn), f, hosts[i], port);
		assert_opens(dsn);
	}
	format(dsn, sizeof(dsn), f, f->postgres->folder, port);
	assert_opens(dsn);
	(void)snprintf(dsn, sizeof(dsn),
		"postgresql://orchestrator@localhost:%s/%s?sslmode=disable", port, f->database);
	assert_opens(dsn);
}

/* Accepts connections and says nothing. */
static int listen_silently(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(bind(fd, (struct sockaddr *)&address, len), errno);
	assert_return_code(listen(fd, 16), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&address, &len), errno);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void test_of_several_hosts_the_first_that_serves_is_taken(void **state)
{
	struct fixture *f = *state;
	char ports[64], dsn[256];
	uint16_t silent = 0;
	int fd = listen_silently(&silent);

	(void)snprintf(ports, sizeof(ports), "1,%u,%u", silent, f->postgres->port);
	format(dsn, sizeof(dsn), f, "127.0.0.1,127.0.0.1,127.0.0.1", ports);
	assert_opens(dsn);
	(void)snprintf(ports, sizeof(ports), "%u", f->postgres->port);
	format(dsn, sizeof(dsn), f, "no-such-host.invalid,127.0.0.1", ports);
	assert_opens(dsn);
	(void)close(fd);
}

static void test_a_server_that_says_nothing_is_given_up(void **state)
{
	uint16_t port = 0;
	int fd = listen_silently(&port);
	char dsn[64];

	(void)state;
	(void)snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%u dbname=d", port);
	assert_is_refused(dsn, ORCH_E_AGAIN, "PostgreSQL: ");
	(void)close(fd);
}

/* Answers everybody with WORDS. */
static pid_t answer_with(int fd, const char *words)
{
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid > 0)
		return pid;
	for (;;) {
		int peer = accept(fd, NULL, NULL);

		(void)!write(peer, words, strlen(words));
		(void)close(peer);
	}
}

static void test_what_is_no_postgresql_is_given_up(void **state)
{
	static const char *const words[] = { "HTTP/1.1 400 Bad Request\r\n\r\n", "N",
		"R\x7f\xff\xff\xff", "E\xff\xff\xff\xff", "NE" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct orch_pg_options options = { .connect_ms = 500 };
		struct orch_err err = { "" };
		struct orch_pg *pg = NULL;
		uint16_t port = 0;
		int fd = listen_silently(&port);
		pid_t pid = answer_with(fd, words[i]);
		char dsn[64];

		(void)snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%u dbname=d", port);
		options.dsn = orch_text_from(dsn);
		assert_int_equal(orch_pg_open(&options, NULL, 0, &pg, &err), ORCH_E_AGAIN);
		assert_contains(err.text, "PostgreSQL: ");
		assert_return_code(kill(pid, SIGKILL), errno);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		(void)close(fd);
	}
}

static void test_a_dead_server_at_the_start_is_waited_for(void **state)
{
	struct fixture *f = *state;
	struct orch_err err = { "" };

	postgres_do(f->postgres, "stop");
	assert_int_equal(try_open(f->dsn, &err), ORCH_E_AGAIN);
	postgres_do(f->postgres, "start");
	assert_opens(f->dsn);
}

static void test_who_is_not_let_in_is_told_at_once(void **state)
{
	struct fixture *f = *state;
	const struct orch_pg_options options = { .dsn = orch_text_from(f->dsn),
		.connect_ms = WAIT_S * 1000 };
	struct orch_err err = { "" };
	struct orch_pg *pg = NULL;
	char dsn[256];

	postgres_sql(f->postgres, "postgres", "ALTER ROLE orchestrator NOLOGIN", NULL, 0);
	assert_int_equal(orch_pg_open(&options, NULL, 0, &pg, &err), ORCH_E_DENIED);
	assert_contains(err.text, "28000");
	postgres_sql(f->postgres, "postgres", "ALTER ROLE orchestrator LOGIN", NULL, 0);
	(void)snprintf(dsn, sizeof(dsn), "host=%s port=%u dbname=no_such user=orchestrator",
		f->postgres->folder, f->postgres->port);
	assert_is_refused(dsn, ORCH_E_INVALID, "no_such");
}

static void test_a_server_without_fsync_is_refused_unless_it_is_accepted(void **state)
{
	struct fixture *f = *state;
	struct orch_pg_options options = { .dsn = orch_text_from(f->dsn) };
	struct orch_err err = { "" };
	struct orch_pg *pg = NULL;

	postgres_set(f->postgres, "fsync = off");
	postgres_do(f->postgres, "stop");
	postgres_do(f->postgres, "start");
	assert_is_refused(f->dsn, ORCH_E_INVALID, "fsync = off");
	options.accepts_fsync_off = true;
	if (orch_pg_open(&options, NULL, 0, &pg, &err) < 0)
		fail_msg("%s", err.text);
	orch_pg_close(pg);
	postgres_set(f->postgres, "fsync = on");
	postgres_do(f->postgres, "stop");
	postgres_do(f->postgres, "start");
	assert_opens(f->dsn);
}

static void test_a_database_in_another_encoding_is_refused(void **state)
{
	struct fixture *f = *state;
	char dsn[256];

	postgres_sql(f->postgres, "postgres",
		"CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 OWNER orchestrator", NULL,
		0);
	(void)snprintf(dsn, sizeof(dsn), "host=%s port=%u dbname=latin user=orchestrator",
		f->postgres->folder, f->postgres->port);
	assert_is_refused(dsn, ORCH_E_INVALID, "UTF8");
}

static int send_question(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	(void)op;
	orch_pg_begin(sender,
		"SELECT string_agg(name || '=' || setting, ' ' ORDER BY name COLLATE \"C\") FROM "
		"pg_settings"
		" WHERE name IN ('statement_timeout', 'lock_timeout', 'application_name',"
		" 'idle_in_transaction_session_timeout', 'synchronous_commit', 'client_encoding',"
		" 'default_transaction_isolation', 'default_transaction_read_only', 'TimeZone')");
	return orch_pg_end(sender, err);
}

struct question {
	struct orch_pg_op op;
	char answer[512];
};

static int take_answer(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct question *question = (struct question *)(void *)op;

	(void)number, (void)err;
	(void)snprintf(
		question->answer, sizeof(question->answer), "%s", orch_pg_get(rows, 0, 0).ptr);
	return ORCH_OK;
}

static void test_a_session_is_ours_whatever_the_role_is_set_to(void **state)
{
	struct fixture *f = *state;
	struct question question = { .op = { .send = send_question, .take = take_answer } };
	struct orch_db_group group = { .first = &question.op.base };
	struct orch_pg *pg;
	struct orch_err err = { "" };

	postgres_sql(f->postgres, "postgres",
		"ALTER ROLE orchestrator SET synchronous_commit = off;"
		" ALTER ROLE orchestrator SET default_transaction_isolation = serializable;"
		" ALTER ROLE orchestrator SET client_encoding = LATIN1;"
		" ALTER ROLE orchestrator SET timezone = 'Asia/Tokyo'",
		NULL, 0);
	pg = open_pg(f);
	if (orch_pg_run(pg, &group, &err) < 0)
		fail_msg("%s", err.text);
	orch_pg_close(pg);
	postgres_sql(f->postgres, "postgres", "ALTER ROLE orchestrator RESET ALL", NULL, 0);
	assert_string_equal(question.answer,
		"TimeZone=UTC application_name=orchestrator client_encoding=UTF8"
		" default_transaction_isolation=read committed default_transaction_read_only=off"
		" idle_in_transaction_session_timeout=60000 lock_timeout=10000"
		" statement_timeout=60000 synchronous_commit=on");
}

static void test_the_environment_and_the_string_are_heard(void **state)
{
	struct fixture *f = *state;
	struct question question = { .op = { .send = send_question, .take = take_answer } };
	struct orch_db_group group = { .first = &question.op.base };
	struct orch_pg_options options = { .dsn = ORCH_TEXT("application_name=mine") };
	struct orch_err err = { "" };
	struct orch_pg *pg = NULL;
	char port[16];

	(void)snprintf(port, sizeof(port), "%u", f->postgres->port);
	assert_int_equal(setenv("PGHOST", f->postgres->folder, 1), 0);
	assert_int_equal(setenv("PGPORT", port, 1), 0);
	assert_int_equal(setenv("PGUSER", "orchestrator", 1), 0);
	assert_int_equal(setenv("PGDATABASE", f->database, 1), 0);
	if (orch_pg_open(&options, NULL, 0, &pg, &err) < 0)
		fail_msg("%s", err.text);
	if (orch_pg_run(pg, &group, &err) < 0)
		fail_msg("%s", err.text);
	orch_pg_close(pg);
	(void)unsetenv("PGHOST"), (void)unsetenv("PGPORT");
	(void)unsetenv("PGUSER"), (void)unsetenv("PGDATABASE");
	assert_contains(question.answer, "application_name=mine ");
}

/* Every allocation fails once: it is told, or made good by another try. */
static void test_opening_without_memory_fails_and_leaves_nothing(void **state)
{
	enum { ALLOCATIONS = 120 }; /* more than there are */
	struct fixture *f = *state;
	struct orch_err err = { "" };
	unsigned failed = 0;

	for (uint64_t n = 1; n <= ALLOCATIONS; n++) {
		int code;

		orch_alloc_fail_at(n, 0);
		code = try_open(f->dsn, &err);
		orch_alloc_fail_at(0, 0);
		assert_true(code == ORCH_OK || code == ORCH_E_NOMEM || code == ORCH_E_AGAIN);
		failed += code == ORCH_OK ? 0 : 1;
	}
	assert_true(failed > 5 && failed < ALLOCATIONS);
	assert_opens(f->dsn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_strings_that_make_no_sense_are_refused),
		TEST(test_a_password_in_the_string_is_refused_and_not_repeated),
		TEST(test_one_host_too_many_is_refused),
		TEST(test_a_server_that_is_not_there_is_said_so),
		TEST(test_names_addresses_and_sockets_lead_to_the_server),
		TEST(test_of_several_hosts_the_first_that_serves_is_taken),
		TEST(test_a_server_that_says_nothing_is_given_up),
		TEST(test_what_is_no_postgresql_is_given_up),
		TEST(test_a_dead_server_at_the_start_is_waited_for),
		TEST(test_who_is_not_let_in_is_told_at_once),
		TEST(test_a_server_without_fsync_is_refused_unless_it_is_accepted),
		TEST(test_a_database_in_another_encoding_is_refused),
		TEST(test_a_session_is_ours_whatever_the_role_is_set_to),
		TEST(test_the_environment_and_the_string_are_heard),
		TEST(test_opening_without_memory_fails_and_leaves_nothing),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
