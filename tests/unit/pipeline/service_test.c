/* SPDX-License-Identifier: Apache-2.0 */
/* Starts that fail leave nothing behind, and what runs comes to its end when it is told to. */
#include "unit/pipeline/child.h"

#include <errno.h>
#include <sqlite3.h>
#include <sysexits.h>

#include "support/notes.h"

static void test_a_wrong_configuration_is_78(void **state)
{
	struct house *h = *state;

	house_config(h, "colour = 1;");
	assert_int_equal(run_here(h), EX_CONFIG);
	house_config(h, "this is no configuration");
	assert_int_equal(run_here(h), EX_CONFIG);
}

static void test_a_missing_configuration_is_78(void **state)
{
	assert_int_equal(run_here(*state), EX_CONFIG);
}

static void test_a_rule_file_that_is_wrong_is_78(void **state)
{
	struct house *h = *state;

	(void)house_write(h, "rules.json", "{ \"rules\": [ {} ] }");
	house_config(h, HOUSE_WHOLE "rules = [ \"rules.json\" ];");
	assert_int_equal(run_here(h), EX_CONFIG);
}

static void test_a_state_folder_that_cannot_be_had_is_78(void **state)
{
	struct house *h = *state;

	house_config(h, HOUSE_WHOLE "state_dir = \"/proc/no/such\";");
	assert_int_equal(run_here(h), EX_CONFIG);
}

static void test_a_broken_key_is_78(void **state)
{
	struct house *h = *state;

	assert_int_equal(mkdir(orch_arena_printf(h->arena, "%s/var", h->dir).ptr, 0700), 0);
	(void)chmod(house_write(h, "var/store.key", "broken"), 0600);
	house_config(h, HOUSE_WHOLE);
	assert_int_equal(run_here(h), EX_CONFIG);
}

static void test_a_broken_database_is_78(void **state)
{
	struct house *h = *state;

	assert_int_equal(mkdir(orch_arena_printf(h->arena, "%s/var", h->dir).ptr, 0700), 0);
	(void)chmod(house_write(h, "var/store.key",
			    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
		0600);
	(void)chmod(house_write(h, "var/orchestrator.db",
			    "this is no database, but long enough to be one"),
		0600);
	house_config(h, HOUSE_WHOLE);
	assert_int_equal(run_here(h), EX_CONFIG);
}

/* A port that somebody listens on, without SO_REUSEPORT. */
static uint16_t take_port(int *ret_fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);

	*ret_fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(*ret_fd, 1), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin_port);
}

/* All that a run needs, listening on PORT; MORE in the configuration's words. */
static void config_port(struct house *h, uint16_t port, const char *more)
{
	house_config(h,
		orch_arena_printf(h->arena, HOUSE_REST "http = { listen = \"127.0.0.1:%u\"; }; %s",
			(unsigned)port, more)
			.ptr);
}

static void test_a_taken_port_is_1(void **state)
{
	struct house *h = *state;
	int fd;

	config_port(h, take_port(&fd), "threads = { scan = 2; act = 2; };");
	assert_int_equal(run_here(h), EXIT_FAILURE);
	(void)close(fd);
}

static void test_sigterm_drains_and_ends_with_0(void **state)
{
	struct house *h = *state;
	struct child child;

	house_config(h, HOUSE_WHOLE "threads = { intake = 2; scan = 2; act = 2; };");
	start_child(h, &child);
	await_log(h, &child, "event=started", 1);
	assert_int_equal(kill(child.pid, SIGTERM), 0);
	assert_int_equal(await_end(&child), 0);
	assert_int_equal(count_in_log(h, &child, "event=stopped"), 1);
}

/* Skips what comes in between; a hang ends in ctest's time-out. */
static void await_note(int fd, const char *begin)
{
	char text[256] = "";

	while (strncmp(text, begin, strlen(begin)) != 0) {
		ssize_t len = recv(fd, text, sizeof(text) - 1, 0);

		assert_true(len > 0);
		text[len] = '\0';
	}
}

static void test_systemd_is_told_how_things_stand(void **state)
{
	struct house *h = *state;
	int fd = listen_for_notes();
	struct child child;

	assert_int_equal(setenv("WATCHDOG_USEC", "400000", 1), 0);
	house_config(h, HOUSE_WHOLE);
	start_child(h, &child);
	await_note(fd, "READY=1");
	for (int i = 0; i < 3; i++)
		await_note(fd, "WATCHDOG=1");
	assert_int_equal(kill(child.pid, SIGHUP), 0);
	await_note(fd, "RELOADING=1\nMONOTONIC_USEC=");
	await_note(fd, "READY=1");
	assert_int_equal(kill(child.pid, SIGTERM), 0);
	await_note(fd, "STOPPING=1");
	assert_int_equal(await_end(&child), 0);
	unsetenv("WATCHDOG_USEC");
	unsetenv("NOTIFY_SOCKET");
	(void)close(fd);
}

static void test_a_damaged_row_in_a_blind_spot_is_mended(void **state)
{
	struct house *h = *state;
	struct child child;
	sqlite3 *handle;

	house_config(h, HOUSE_WHOLE);
	for (int run = 0; run < 2; run++) {
		start_child(h, &child);
		await_log(h, &child, "event=started", (unsigned)run + 1);
		assert_int_equal(kill(child.pid, SIGTERM), 0);
		assert_int_equal(await_end(&child), 0);
		if (run == 1)
			break;
		assert_int_equal(
			sqlite3_open(
				orch_arena_printf(h->arena, "%s/var/orchestrator.db", h->dir).ptr,
				&handle),
			0);
		assert_int_equal(sqlite3_exec(handle,
					 "INSERT INTO item (queue, state, id) VALUES (1, 9, 'x')",
					 NULL, NULL, NULL),
			0);
		assert_int_equal(sqlite3_close(handle), 0);
	}
	assert_int_equal(count_in_log(h, &child, "event=queue.mended rows=1"), 1);
}

static void test_a_reload_is_all_or_nothing(void **state)
{
	struct house *h = *state;
	struct child child;

	house_config(h, HOUSE_WHOLE);
	start_child(h, &child);
	await_log(h, &child, "event=started", 1);
	house_config(h, HOUSE_WHOLE "limits = { events = 0; };");
	assert_int_equal(kill(child.pid, SIGHUP), 0);
	await_log(h, &child, "result=refused", 1);
	house_config(h, HOUSE_WHOLE "threads = { scan = 7; };");
	assert_int_equal(kill(child.pid, SIGHUP), 0);
	await_log(h, &child, "result=refused", 2);
	house_config(h, HOUSE_WHOLE "limits = { events = 7; };");
	assert_int_equal(kill(child.pid, SIGHUP), 0);
	await_log(h, &child, "result=loaded", 1);
	assert_int_equal(kill(child.pid, SIGTERM), 0);
	assert_int_equal(await_end(&child), 0);
}

static void test_a_reload_follows_the_settings_of_the_log(void **state)
{
	struct house *h = *state;
	struct child child;

	house_config(h, HOUSE_WHOLE);
	start_child(h, &child);
	await_log(h, &child, "event=started", 1);
	house_config(h, HOUSE_WHOLE "log = { format = \"json\"; };");
	assert_int_equal(kill(child.pid, SIGHUP), 0);
	await_log(h, &child, "\"event\":\"config.reload\"", 1);
	assert_int_equal(kill(child.pid, SIGTERM), 0);
	assert_int_equal(await_end(&child), 0);
}

static void expect_live(uint16_t port)
{
	int fd = peer_connect(port);
	struct reply reply;

	assert_true(peer_say(fd, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
	peer_read(fd, &reply);
	assert_int_equal(reply.status, 200);
	reply_fini(&reply);
	(void)close(fd);
}

/* As large as a pipe becomes, so that nobody can make room in it but its reader. */
static void open_full_pipe(int ends[2])
{
	char bytes[4096] = "", path[32];
	int fd;

	assert_int_equal(pipe(ends), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1024 * 1024) > 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	(void)close(fd);
}

static void test_a_log_that_nobody_reads_holds_up_nothing(void **state)
{
	struct house *h = *state;
	int ends[2], held, notes = listen_for_notes();
	uint16_t port = reserve_port(&held);
	struct child child;

	house_config(h,
		orch_arena_printf(h->arena,
			HOUSE_TOOL
			"http = { listen = \"127.0.0.1:%u\"; }; log = { level = \"debug\"; };"
			"egress = { allow = [ \"127.0.0.0/8\" ]; };"
			"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = "
			"\"/in\"; } ); actions = ( { name = \"log\"; plugin = \"log\"; } ); "
			"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ "
			"\"dlp\" ]; policy = ( { verdict = \"flag\"; actions = [ \"log\" ]; } "
			"); } );",
			(unsigned)port)
			.ptr);
	open_full_pipe(ends);
	start_child_with(h, &child, ends[1]);
	await_note(notes, "READY=1");
	post(port, "id e1\ntext text x\nemit\n");
	expect_live(port);
	assert_int_equal(kill(child.pid, SIGHUP), 0);
	await_note(notes, "RELOADING=1");
	await_note(notes, "READY=1");
	assert_int_equal(kill(child.pid, SIGTERM), 0);
	assert_int_equal(await_end(&child), 0);
	unsetenv("NOTIFY_SOCKET");
	(void)close(notes);
	(void)close(held);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void test_two_houses_do_not_share_a_port(void **state)
{
	struct house *h = *state;
	struct child first, second;
	int fd;
	uint16_t port = reserve_port(&fd);

	config_port(h, port, "threads = { intake = 2; };");
	start_child(h, &first);
	await_log(h, &first, "event=started", 1);
	config_port(h, port, "threads = { intake = 2; }; state_dir = \"another\";");
	start_child(h, &second);
	assert_int_equal(await_end(&second), EXIT_FAILURE);
	assert_int_equal(count_in_log(h, &second, "another program listens there"), 1);
	assert_int_equal(kill(first.pid, SIGTERM), 0);
	assert_int_equal(await_end(&first), 0);
	(void)close(fd);
}

static void test_processes_of_one_house_share_its_port(void **state)
{
	struct house *h = *state;
	struct child children[2];
	int fd;

	config_port(h, reserve_port(&fd), "threads = { intake = 2; };");
	for (unsigned i = 0; i < 2; i++) {
		start_child(h, &children[i]);
		await_log(h, &children[i], "event=started", i + 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(kill(children[i].pid, SIGTERM), 0);
		assert_int_equal(await_end(&children[i]), 0);
	}
	(void)close(fd);
}

static void test_a_tool_that_hangs_does_not_hold_up_the_end(void **state)
{
	struct house *h = *state;
	struct child child;
	int fd;
	uint16_t port = reserve_port(&fd);

	house_config(h,
		orch_arena_printf(h->arena,
			HOUSE_PATH
			"http = { listen = \"127.0.0.1:%u\"; }; egress = { allow = [ "
			"\"127.0.0.0/8\" ]; };"
			"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = "
			"\"/in\"; } ); actions = ( { name = \"act\"; plugin = "
			"\"script_action\"; } ); tools = ( { name = \"t\"; plugin = "
			"\"script_tool\"; } ); pipelines = ( { name = \"p\"; inputs = [ "
			"\"in\" ]; tools = [ \"t\" ]; policy = ( { verdict = \"flag\"; "
			"actions = [ \"act\" ]; } ); } ); limits = { hook_ms = \"1s\"; };",
			(unsigned)port)
			.ptr);
	start_child(h, &child);
	await_log(h, &child, "event=started", 1);
	post(port, "id e1\nfield tool hang\ntext text x\nemit\n");
	await_log(h, &child, "what=hanging", 1);
	assert_int_equal(kill(child.pid, SIGTERM), 0);
	await_log(h, &child, "event=drain.begin", 1);
	assert_int_equal(kill(child.pid, SIGTERM), 0);
	assert_int_equal(await_end(&child), 0);
	assert_int_equal(count_in_log(h, &child, "event=stop.at_once"), 1);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)
		/* The children first: a process that has begun threads does not fork. */
		TEST(test_sigterm_drains_and_ends_with_0),
		TEST(test_systemd_is_told_how_things_stand),
		TEST(test_a_damaged_row_in_a_blind_spot_is_mended),
		TEST(test_a_reload_is_all_or_nothing),
		TEST(test_a_reload_follows_the_settings_of_the_log),
		TEST(test_a_log_that_nobody_reads_holds_up_nothing),
		TEST(test_a_tool_that_hangs_does_not_hold_up_the_end),
		TEST(test_two_houses_do_not_share_a_port),
		TEST(test_processes_of_one_house_share_its_port),
		TEST(test_a_wrong_configuration_is_78),
		TEST(test_a_missing_configuration_is_78),
		TEST(test_a_rule_file_that_is_wrong_is_78),
		TEST(test_a_state_folder_that_cannot_be_had_is_78),
		TEST(test_a_broken_key_is_78),
		TEST(test_a_broken_database_is_78),
		TEST(test_a_taken_port_is_1),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
