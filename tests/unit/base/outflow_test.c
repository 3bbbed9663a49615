/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes that nobody reads.  A call that waits ends in ctest's time-out. */
#include "base/outflow.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../support/text_assert.h"
#include "base/text.h"

#define LINE_BYTES 1000

static struct orch_outflow flow;
static int ends[2];

static void open_pipe(void)
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

static void open_sockets(void)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

/* Without a descriptor for an opening of our own. */
static void open_flow_without_spare_descriptor(void)
{
	struct rlimit was, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	orch_outflow_open(&flow, ends[1]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(flow.kind, ORCH_OUTFLOW_ASK);
}

static void open_flow(void)
{
	orch_outflow_open(&flow, ends[1]);
}

static void close_all(void)
{
	orch_outflow_close(&flow);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static struct orch_text line_of(unsigned number)
{
	static char line[LINE_BYTES + 1];

	(void)snprintf(line, sizeof(line), "%0*u\n", LINE_BYTES - 1, number);
	return (struct orch_text){ line, LINE_BYTES };
}

/* Reads COUNT lines, which begin with FIRST; makes room meanwhile as long as there is something kept. */
static void expect_lines(unsigned first, unsigned count)
{
	char line[LINE_BYTES];

	for (unsigned i = 0; i < count; i++) {
		for (size_t got = 0; got < LINE_BYTES;) {
			ssize_t len = read(ends[0], line + got, LINE_BYTES - got);

			assert_true(len > 0);
			got += (size_t)len;
			orch_outflow_drain(&flow);
		}
		assert_memory_equal(line, line_of(first + i).ptr, LINE_BYTES);
	}
}

/* Until a line is lost; how many were taken. */
static unsigned fill(void)
{
	unsigned taken = 0;

	while (flow.lost == 0)
		orch_outflow_put(&flow, line_of(taken++));
	return taken - 1;
}

static void check_that_nothing_waits_and_lines_stay_whole(void)
{
	unsigned taken = fill();

	assert_int_equal(flow.lost, 1);
	assert_true(taken > ORCH_OUTFLOW_KEPT_BYTES / LINE_BYTES);
	expect_lines(0, taken);
	assert_int_equal(flow.len, 0);
	orch_outflow_put(&flow, line_of(77));
	expect_lines(77, 1);
	close_all();
}

static void test_a_full_pipe_costs_lines_and_no_time(void **state)
{
	(void)state;
	open_pipe();
	open_flow();
	check_that_nothing_waits_and_lines_stay_whole();
}

static void test_so_does_a_full_socket(void **state)
{
	(void)state;
	open_sockets();
	open_flow();
	check_that_nothing_waits_and_lines_stay_whole();
}

static void test_so_does_a_pipe_that_cannot_be_opened_anew(void **state)
{
	(void)state;
	open_pipe();
	open_flow_without_spare_descriptor();
	check_that_nothing_waits_and_lines_stay_whole();
}

static void test_the_descriptor_of_others_is_left_as_it_is(void **state)
{
	(void)state;
	open_pipe();
	open_flow();
	orch_outflow_put(&flow, line_of(1));
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	close_all();
}

static void test_a_line_that_must_be_written_is_refused_until_it_can_be(void **state)
{
	struct orch_err err = { "" };
	unsigned taken;

	(void)state;
	open_pipe();
	open_flow();
	assert_int_equal(orch_outflow_write(&flow, line_of(0), &err), ORCH_OK);
	expect_lines(0, 1);
	taken = fill();
	assert_int_equal(orch_outflow_write(&flow, line_of(4711), &err), ORCH_E_AGAIN);
	assert_contains(err.text, "nobody reads");
	expect_lines(0, taken);
	assert_int_equal(orch_outflow_write(&flow, line_of(4711), &err), ORCH_OK);
	expect_lines(4711, 1);
	close_all();
}

/* What was begun is ended before anything else, and is not taken for written. */
static void test_a_line_that_went_out_in_part_is_not_torn(void **state)
{
	struct orch_err err = { "" };
	unsigned sent = 0;

	(void)state;
	open_pipe();
	open_flow_without_spare_descriptor();
	while (orch_outflow_write(&flow, line_of(sent), &err) == ORCH_OK)
		sent++;
	if (flow.len > 0) /* the last one was begun */
		sent++;
	orch_outflow_put(&flow, line_of(sent));
	expect_lines(0, sent + 1);
	close_all();
}

static void test_without_a_reader_lines_are_lost_and_counted(void **state)
{
	struct orch_err err = { "" };
	unsigned taken;

	(void)state;
	open_pipe();
	open_flow();
	taken = fill();
	flow.lost = 0;
	(void)close(ends[0]);
	orch_outflow_drain(&flow);
	assert_in_range(flow.lost, ORCH_OUTFLOW_KEPT_BYTES / LINE_BYTES - 1, taken);
	assert_int_equal(flow.len, 0);
	assert_int_equal(orch_outflow_write(&flow, line_of(1), &err), ORCH_E_AGAIN);
	close_all();
}

static void test_a_file_takes_it_all(void **state)
{
	char path[] = "/tmp/outflow-XXXXXX";
	struct orch_err err = { "" };

	(void)state;
	ends[1] = mkstemp(path);
	ends[0] = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(unlink(path), 0);
	open_flow();
	for (unsigned i = 0; i < 1000; i++)
		orch_outflow_put(&flow, line_of(i));
	assert_int_equal(orch_outflow_write(&flow, line_of(1000), &err), ORCH_OK);
	assert_int_equal(flow.lost, 0);
	expect_lines(0, 1001);
	close_all();
}

static void test_the_end_waits_no_longer_than_it_may(void **state)
{
	(void)state;
	open_pipe();
	open_flow();
	(void)fill();
	orch_outflow_finish(&flow, 10);
	assert_true(flow.len > 0);
	close_all();
}

int main(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_pipe_costs_lines_and_no_time),
		cmocka_unit_test(test_so_does_a_full_socket),
		cmocka_unit_test(test_so_does_a_pipe_that_cannot_be_opened_anew),
		cmocka_unit_test(test_the_descriptor_of_others_is_left_as_it_is),
		cmocka_unit_test(test_a_line_that_must_be_written_is_refused_until_it_can_be),
		cmocka_unit_test(test_a_line_that_went_out_in_part_is_not_torn),
		cmocka_unit_test(test_without_a_reader_lines_are_lost_and_counted),
		cmocka_unit_test(test_a_file_takes_it_all),
		cmocka_unit_test(test_the_end_waits_no_longer_than_it_may),
	};

	if (sigaction(SIGPIPE, &ignore, NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
