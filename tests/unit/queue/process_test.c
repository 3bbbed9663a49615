/* SPDX-License-Identifier: Apache-2.0 */
/* Kills in the midst of work, and several processes on one file. */
#include "unit/queue/world.h"

#include <signal.h>

#define ROUNDS 8
#define MESSAGES 300
#define CONSUMERS 3

/* What a child tells when it knows it to be durable. */
struct told {
	char what; /* 'p'ut, 's'ettled, 'h'anded over */
	unsigned number;
};

static void tell(int fd, char what, unsigned number)
{
	struct told told;

	memset(&told, 0, sizeof(told));
	told.what = what;
	told.number = number;
	if (write(fd, &told, sizeof(told)) != sizeof(told))
		_exit(1);
}

static int run_hand_over(struct world *w, const struct orch_lease *lease)
{
	struct orch_message task = message("act", "");
	struct orch_queue_op end = { .kind = ORCH_QUEUE_SETTLE, .lease = lease };
	struct orch_queue_op puts = {
		.kind = ORCH_QUEUE_PUT, .messages = &task, .message_count = 1
	};
	struct orch_db_group group = { .first = w->queue->backend->as_db_op(w->queue, &end) };
	struct orch_err err;

	task.id = lease->message.id;
	group.first->next = w->queue->backend->as_db_op(w->queue, &puts);
	return orch_db_run(w->queue->db, &group, &err);
}

/* Puts, hands over, settles, without end. */
static void work_until_killed(struct world *w, unsigned first, int fd)
{
	for (unsigned n = first;; n++) {
		char id[16];
		struct orch_message m;

		(void)snprintf(id, sizeof(id), "%u", n);
		m = message("scan", id);
		if (put_message(w, &m, true) < 0)
			_exit(1);
		tell(fd, 'p', n);
		if (n % 2 == 0 && receive(w, "scan", 1) == 1) {
			if (run_hand_over(w, &w->leases[0]) < 0)
				_exit(1);
			tell(fd, 'h', n);
		}
		if (n % 4 == 0 && receive(w, "act", 1) == 1) {
			if (settle(w, &w->leases[0]) < 0)
				_exit(1);
			tell(fd, 's', n);
		}
	}
}

static pid_t start_worker(struct world *w, unsigned first, int *ret_fd)
{
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		make_lane(&w->f);
		open_queue(w, 0);
		work_until_killed(w, first, ends[1]);
	}
	close(ends[1]);
	*ret_fd = ends[0];
	return child;
}

struct sums {
	uint64_t put, handed, settled;
};

static unsigned listen_and_kill(pid_t child, int fd, unsigned after, struct sums *sums)
{
	struct told told = { .number = 0 };
	unsigned last = 0;
	unsigned heard = 0;

	while (read(fd, &told, sizeof(told)) == sizeof(told)) {
		sums->put += told.what == 'p';
		sums->handed += told.what == 'h';
		sums->settled += told.what == 's';
		last = told.number;
		if (++heard == after)
			kill(child, SIGKILL);
	}
	close(fd);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return last;
}

/* Everything that was told is there, at most one op of the round more, and all of it opens. */
static void check_after_kill(struct world *w, const struct sums *sums, unsigned round)
{
	struct orch_ledger scan, act;
	uint64_t live;

	assert_is_sound(w->f.path);
	make_lane(&w->f);
	open_queue(w, 0);
	scan = ledger(w, "scan");
	act = ledger(w, "act");
	assert_in_range(scan.accepted, sums->put, sums->put + round);
	assert_in_range(scan.done, sums->handed, sums->handed + round);
	assert_in_range(act.done, sums->settled, sums->settled + round);
	assert_int_equal(act.accepted, scan.done);
	orch_clock_shift_ms((int64_t)round * 2 * VISIBILITY_MS);
	live = ledger(w, "").in_flight;
	assert_int_equal(receive(w, "scan", 1000) + receive(w, "act", 1000), live);
	assert_int_equal(ledger(w, "").damaged, 0);
	remove_lane(&w->f);
	close_queue(w);
}

static int make_place(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	make_dir(&w->f);
	make_key(&w->f);
	w->f.arena = orch_arena_create(0);
	*state = w;
	return 0;
}

static int remove_place(void **state)
{
	struct world *w = *state;

	orch_clock_shift_ms(0);
	orch_secret_destroy(w->f.key);
	orch_arena_destroy(w->f.arena);
	remove_dir(&w->f);
	free(w);
	return 0;
}

static void test_what_was_acknowledged_survives_kills(void **state)
{
	struct world *w = *state;
	struct sums sums = { .put = 0 };
	unsigned next = 1;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		int fd;
		pid_t child = start_worker(w, next, &fd);

		next = listen_and_kill(child, fd, 20 + round * 13, &sums) + 2;
		check_after_kill(w, &sums, round);
	}
}

struct consumer {
	struct world *w;
	struct counter ready;
	int fd;
};

static void on_ready(void *arg)
{
	struct consumer *consumer = arg;

	counter_add(&consumer->ready);
}

/* Takes what comes until there is a message "end", which it gives back for the others. */
static void consume(struct world *w, int fd)
{
	struct consumer consumer = { .w = w, .ready = COUNTER_INIT, .fd = fd };
	struct orch_queue_watch watch = {
		.name = ORCH_TEXT("scan"), .lane = w->f.lane, .ready = on_ready, .arg = &consumer
	};

	if (orch_queue_watch_add(w->queue, &watch) < 0)
		_exit(1);
	for (unsigned told = 1;; told++) {
		counter_await(&consumer.ready, told);
		while (receive(w, "scan", 3) > 0) {
			for (size_t i = 0; i < w->lease_count; i++) {
				struct orch_lease *lease = &w->leases[i];

				if (text_is(lease->message.id, "end")) {
					(void)release(w, lease, 0, false);
					_exit(0);
				}
				tell(fd, 'r', (unsigned)strtoul(lease->message.id.ptr, NULL, 10));
				if (settle(w, lease) < 0)
					_exit(1);
			}
		}
	}
}

static void start_consumers(struct world *w, pid_t children[CONSUMERS], int fd)
{
	for (unsigned i = 0; i < CONSUMERS; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			make_lane(&w->f);
			open_queue(w, 0);
			consume(w, fd);
		}
	}
}

static void test_processes_share_a_queue_and_hear_of_each_other(void **state)
{
	struct world *w = *state;
	unsigned times[MESSAGES] = { 0 };
	pid_t children[CONSUMERS];
	int ends[2];
	char id[16];

	assert_int_equal(pipe(ends), 0);
	start_consumers(w, children, ends[1]);
	close(ends[1]);
	make_lane(&w->f);
	open_queue(w, 0);
	for (unsigned i = 0; i < MESSAGES; i++) {
		(void)snprintf(id, sizeof(id), "%u", i);
		put(w, "scan", id);
	}
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct told told;

		read_fully(ends[0], &told, sizeof(told));
		assert_int_equal(++times[told.number], 1);
	}
	put(w, "scan", "end");
	for (unsigned i = 0; i < CONSUMERS; i++) {
		int status = -1;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	close(ends[0]);
	assert_int_equal(ledger(w, "scan").done, MESSAGES);
	assert_int_equal(ledger(w, "scan").in_flight, 1);
	remove_lane(&w->f);
	close_queue(w);
	assert_is_sound(w->f.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_was_acknowledged_survives_kills, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_processes_share_a_queue_and_hear_of_each_other,
			make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
