/* SPDX-License-Identifier: Apache-2.0 */
/* TLS with a CA of our own: the right server is talked to, and no other. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pg/internal.h"
#include "unit/pg/fixture.h"

#define PASSWORD "correct horse battery staple"
#define INSERT "INSERT INTO item VALUES ($1)"

static char folder[128];

static void path_in(char ret[160], const char *name)
{
	(void)snprintf(ret, 160, "%.90s/%.60s", folder, name);
}

/* openssl req -x509 ARGUMENTS... */
static void make_certificate(const char *name, const char *subject, const char *const *arguments)
{
	const char *command[32] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", subject, "-keyout",
		NULL, "-out", NULL };
	char key[160], pem[160], file[64];
	size_t n = 16;
	int status = -1;
	pid_t pid;

	(void)snprintf(file, sizeof(file), "%s.key", name);
	path_in(key, file);
	(void)snprintf(file, sizeof(file), "%s.pem", name);
	path_in(pem, file);
	command[13] = key;
	command[15] = pem;
	while (*arguments)
		command[n++] = *arguments++;
	pid = fork();
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		(void)execvp(command[0], (char *const *)(uintptr_t)command);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Whom the server's folder belongs to must be who can read its key. */
static void give_key(void)
{
	struct stat status;
	char key[160];

	path_in(key, "server.key");
	assert_return_code(stat(postgres.folder, &status), errno);
	assert_return_code(chmod(key, 0600), errno);
	assert_return_code(chown(key, status.st_uid, status.st_gid), errno);
}

static void write_hba(void)
{
	char path[160];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/data/pg_hba.conf", postgres.folder);
	file = fopen(path, "we");
	assert_non_null(file);
	(void)fprintf(file, "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n");
	assert_int_equal(fclose(file), 0);
}

static int start_tls(void **state)
{
	static const char *const none[] = { NULL };
	char ca[160], ca_key[160], line[256];
	const char *const signed_by_ca[] = { "-CA", ca, "-CAkey", ca_key, "-addext",
		"subjectAltName=DNS:db.test", "-addext", "basicConstraints=critical,CA:FALSE",
		NULL };

	(void)start_postgres(state);
	(void)snprintf(folder, sizeof(folder), "%s/tls", postgres.folder);
	assert_return_code(mkdir(folder, 0755), errno);
	path_in(ca, "ca.pem");
	path_in(ca_key, "ca.key");
	make_certificate("ca", "/CN=the test's CA", none);
	make_certificate("stranger", "/CN=another CA", none);
	make_certificate("server", "/CN=db.test", signed_by_ca);
	give_key();
	write_hba();
	(void)snprintf(line, sizeof(line), "ssl_cert_file = '%s/server.pem'", folder);
	postgres_set(&postgres, line);
	(void)snprintf(line, sizeof(line), "ssl_key_file = '%s/server.key'", folder);
	postgres_set(&postgres, line);
	postgres_set(&postgres, "ssl = on");
	postgres_do(&postgres, "stop");
	postgres_do(&postgres, "start");
	return 0;
}

struct world {
	struct fixture f;
	struct orch_secret *password;
};

static int set_up_tls(void **state)
{
	struct world *world = test_calloc(1, sizeof(*world));

	*state = world;
	make_database(&world->f);
	postgres_sql(world->f.postgres, world->f.database,
		"CREATE TABLE item (id bigint PRIMARY KEY); ALTER TABLE item OWNER TO orchestrator;"
		" ALTER ROLE orchestrator PASSWORD '" PASSWORD "'",
		NULL, 0);
	migrate(&world->f, NULL, 0);
	world->password = orch_secret_create(ORCH_TEXT(PASSWORD));
	assert_non_null(world->password);
	return 0;
}

static int tear_down_tls(void **state)
{
	struct world *world = *state;

	orch_secret_destroy(world->password);
	test_free(world);
	return 0;
}

static int try_open(struct world *world, const char *host, const char *ca,
	const struct orch_secret *password, struct orch_err *err)
{
	char dsn[512];
	struct orch_pg_options options = { .password = password, .connect_ms = 5000 };

	(void)snprintf(dsn, sizeof(dsn),
		"host=%s hostaddr=127.0.0.1 port=%u dbname=%s user=orchestrator"
		" sslmode=verify-full sslrootcert=%s/%s",
		host, postgres.port, world->f.database, folder, ca);
	options.dsn = orch_text_from(dsn);
	return orch_pg_open(&options, NULL, 0, &world->f.pg, err);
}

static void open_tls(struct world *world)
{
	struct orch_err err = { "" };

	if (try_open(world, "db.test", "ca.pem", world->password, &err) < 0)
		fail_msg("%s", err.text);
}

static void test_groups_go_through_tls_and_come_back_after_a_loss(void **state)
{
	enum { COUNT = 2000 };
	struct world *world = *state;
	struct fixture *f = &world->f;
	struct counter done = COUNTER_INIT;
	struct test_group *groups = test_calloc(COUNT, sizeof(*groups));
	struct test_group tls;

	open_tls(world);
	make_lane(f);
	make_group(&tls, f, &done,
		"SELECT ssl::integer FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND $1 > 0", 1);
	run_all(f, &tls, 1);
	assert_int_equal(tls.group.code, ORCH_OK);
	assert_int_equal(tls.op.got, 1);
	for (int i = 0; i < COUNT; i++)
		make_group(&groups[i], f, &done, INSERT, i);
	run_all(f, groups, COUNT / 2);
	postgres_do(f->postgres, "kill");
	postgres_do(f->postgres, "start");
	run_all(f, groups + COUNT / 2, COUNT / 2);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(groups[i].group.code, ORCH_OK);
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), COUNT);
	remove_lane(f);
	orch_pg_close(f->pg);
	test_free(groups);
}

struct large {
	struct orch_pg_op op;
	struct orch_text value;
	bool is_same;
};

static int send_large(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	orch_pg_begin(sender, "SELECT $1::bytea");
	orch_pg_bytes(sender, ((struct large *)(void *)op)->value);
	return orch_pg_end(sender, err);
}

static int take_large(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct large *large = (struct large *)(void *)op;

	(void)number, (void)err;
	large->is_same = orch_text_equal(orch_pg_get(rows, 0, 0), large->value);
	return ORCH_OK;
}

static void test_a_large_value_goes_through_tls_and_back(void **state)
{
	enum { BYTES = 8 << 20 };
	struct world *world = *state;
	char *bytes = test_malloc(BYTES);
	struct large large = { .op = { .send = send_large, .take = take_large },
		.value = { bytes, BYTES } };
	struct orch_db_group group = { .first = &large.op.base };
	struct orch_err err = { "" };

	for (int i = 0; i < BYTES; i++)
		bytes[i] = (char)(unsigned char)((i * 7) ^ (i >> 11));
	open_tls(world);
	if (orch_pg_run(world->f.pg, &group, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(large.is_same);
	orch_pg_close(world->f.pg);
	test_free(bytes);
}

static void test_a_server_with_another_name_is_refused(void **state)
{
	struct orch_err err = { "" };
	struct world *world = *state;

	assert_int_equal(
		try_open(world, "other.test", "ca.pem", world->password, &err), ORCH_E_AGAIN);
	assert_contains(err.text, "does not match host name \"other.test\"");
}

static void test_a_server_of_another_ca_is_refused(void **state)
{
	struct orch_err err = { "" };
	struct world *world = *state;

	assert_int_equal(
		try_open(world, "db.test", "stranger.pem", world->password, &err), ORCH_E_AGAIN);
	assert_contains(err.text, "certificate verify failed");
}

static void test_a_wrong_password_is_refused_and_not_repeated(void **state)
{
	struct orch_err err = { "" };
	struct world *world = *state;
	struct orch_secret *wrong = orch_secret_create(ORCH_TEXT("hunter2"));

	assert_int_equal(try_open(world, "db.test", "ca.pem", wrong, &err), ORCH_E_DENIED);
	assert_contains(err.text, "28P01");
	assert_lacks(err.text, "hunter2");
	orch_secret_destroy(wrong);
}

static void test_the_password_is_wiped_when_it_has_served(void **state)
{
	struct world *world = *state;

	open_tls(world);
	assert_string_equal(PQpass(world->f.pg->run->conn), "");
	orch_pg_close(world->f.pg);
}

static void test_who_comes_without_tls_is_not_let_in(void **state)
{
	struct world *world = *state;
	struct orch_pg_options options = { .password = world->password };
	struct orch_err err = { "" };
	char dsn[256];

	(void)snprintf(dsn, sizeof(dsn),
		"host=127.0.0.1 port=%u dbname=%s user=orchestrator sslmode=disable", postgres.port,
		world->f.database);
	options.dsn = orch_text_from(dsn);
	assert_int_equal(orch_pg_open(&options, NULL, 0, &world->f.pg, &err), ORCH_E_DENIED);
	assert_contains(err.text, "28000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_tls, tear_down_tls)
		TEST(test_groups_go_through_tls_and_come_back_after_a_loss),
		TEST(test_a_large_value_goes_through_tls_and_back),
		TEST(test_a_server_with_another_name_is_refused),
		TEST(test_a_server_of_another_ca_is_refused),
		TEST(test_a_wrong_password_is_refused_and_not_repeated),
		TEST(test_the_password_is_wiped_when_it_has_served),
		TEST(test_who_comes_without_tls_is_not_let_in),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_tls, stop_postgres);
}
