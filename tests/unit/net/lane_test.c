/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lane.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "support/text_assert.h"

#define POSTERS 4
#define JOBS_EACH 5000

struct note {
	struct orch_job job;
	struct diary *diary;
	unsigned poster, number;
};

/* Written by the lane's thread only. */
struct diary {
	struct orch_lane *lane;
	unsigned count;
	unsigned next[POSTERS];
	bool is_in_order;
	bool was_current;
	sem_t is_full;
	unsigned full;
};

static void write_note(struct orch_job *job)
{
	struct note *note = (struct note *)job; /* its first member */
	struct diary *diary = note->diary;

	if (note->number != diary->next[note->poster]++)
		diary->is_in_order = false;
	diary->was_current = orch_lane_is_current(diary->lane);
	if (++diary->count == diary->full)
		sem_post(&diary->is_full);
}

static struct orch_lane *make_lane(void)
{
	struct orch_lane *lane;
	struct orch_err err;

	assert_int_equal(orch_lane_create("a lane with a long name", &lane, &err), ORCH_OK);
	return lane;
}

static void start(struct orch_lane *lane)
{
	struct orch_err err;

	assert_int_equal(orch_lane_start(lane, &err), ORCH_OK);
}

static void open_diary(struct diary *diary, struct orch_lane *lane, unsigned full)
{
	*diary = (struct diary){ .lane = lane, .is_in_order = true, .full = full };
	assert_int_equal(sem_init(&diary->is_full, 0, 0), 0);
}

struct poster {
	pthread_t thread;
	struct diary *diary;
	unsigned number;
	struct note *notes;
};

static void *post_all(void *arg)
{
	struct poster *poster = arg;

	for (unsigned i = 0; i < JOBS_EACH; i++) {
		poster->notes[i] = (struct note){ .job.run = write_note,
			.diary = poster->diary,
			.poster = poster->number,
			.number = i };
		orch_lane_post(poster->diary->lane, &poster->notes[i].job);
	}
	return NULL;
}

static void test_jobs_of_many_threads_run_once_and_in_each_threads_order(void **state)
{
	struct orch_lane *lane = make_lane();
	struct poster posters[POSTERS];
	struct diary diary;

	(void)state;
	open_diary(&diary, lane, POSTERS * JOBS_EACH);
	start(lane);
	for (unsigned i = 0; i < POSTERS; i++) {
		posters[i].diary = &diary;
		posters[i].number = i;
		posters[i].notes = calloc(JOBS_EACH, sizeof(struct note));
		assert_non_null(posters[i].notes);
		assert_int_equal(
			pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	sem_wait(&diary.is_full);
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	orch_lane_stop(lane);
	assert_true(diary.is_in_order);
	assert_true(diary.was_current);
	assert_int_equal(diary.count, POSTERS * JOBS_EACH);
	for (unsigned i = 0; i < POSTERS; i++)
		free(posters[i].notes);
	sem_destroy(&diary.is_full);
	orch_lane_destroy(lane);
}

static void test_stop_runs_the_jobs_already_posted(void **state)
{
	struct orch_lane *lane = make_lane();
	struct note notes[100];
	struct diary diary;

	(void)state;
	open_diary(&diary, lane, 0);
	for (unsigned i = 0; i < 100; i++) {
		notes[i] = (struct note){ .job.run = write_note, .diary = &diary, .number = i };
		orch_lane_post(lane, &notes[i].job);
	}
	start(lane);
	orch_lane_stop(lane);
	assert_int_equal(diary.count, 100);
	assert_true(diary.is_in_order);
	sem_destroy(&diary.is_full);
	orch_lane_destroy(lane);
}

struct repeat {
	struct orch_job job;
	struct orch_lane *lane;
	unsigned left;
	sem_t is_done;
};

static void post_again(struct orch_job *job)
{
	struct repeat *repeat = (struct repeat *)job; /* its first member */

	if (--repeat->left > 0)
		orch_lane_post(repeat->lane, job);
	else
		sem_post(&repeat->is_done);
}

static void test_a_job_may_post_itself_again(void **state)
{
	struct repeat repeat = { .job.run = post_again, .lane = make_lane(), .left = 1000 };

	(void)state;
	assert_int_equal(sem_init(&repeat.is_done, 0, 0), 0);
	start(repeat.lane);
	orch_lane_post(repeat.lane, &repeat.job);
	sem_wait(&repeat.is_done);
	orch_lane_stop(repeat.lane);
	assert_int_equal(repeat.left, 0);
	sem_destroy(&repeat.is_done);
	orch_lane_destroy(repeat.lane);
}

static void quit_lane(struct orch_job *job)
{
	struct repeat *repeat = (struct repeat *)job; /* its first member */

	repeat->left++;
	orch_lane_quit(repeat->lane);
}

static void test_run_uses_the_calling_thread_and_can_run_again(void **state)
{
	struct repeat repeat = { .job.run = quit_lane, .lane = make_lane() };

	(void)state;
	assert_false(orch_lane_is_current(repeat.lane));
	for (unsigned i = 1; i <= 3; i++) {
		orch_lane_post(repeat.lane, &repeat.job);
		orch_lane_run(repeat.lane);
		assert_int_equal(repeat.left, i);
	}
	assert_string_equal(orch_lane_name(repeat.lane), "a lane with a long name");
	orch_lane_destroy(repeat.lane);
}

static void test_another_thread_is_not_the_lane(void **state)
{
	struct orch_lane *lane = make_lane();

	(void)state;
	start(lane);
	assert_false(orch_lane_is_current(lane));
	orch_lane_stop(lane);
	orch_lane_stop(lane);
	orch_lane_destroy(lane);
	orch_lane_destroy(NULL);
}

struct alarms {
	struct orch_lane *lane;
	struct orch_timer soon, later, never;
	char order[8];
};

static void note_fired(struct alarms *alarms, char which)
{
	size_t len = strlen(alarms->order);

	assert_true(len + 1 < sizeof(alarms->order));
	alarms->order[len] = which;
}

static void fire_soon(void *arg)
{
	struct alarms *alarms = arg;

	note_fired(alarms, 's');
	assert_false(orch_timer_is_set(&alarms->soon));
	orch_timer_clear(&alarms->never);
}

static void fire_later(void *arg)
{
	struct alarms *alarms = arg;

	note_fired(alarms, 'l');
	orch_lane_quit(alarms->lane);
}

static void fire_never(void *arg)
{
	struct alarms *alarms = arg;

	note_fired(alarms, 'n');
}

static void test_timers_fire_once_when_due_and_not_when_cleared(void **state)
{
	struct alarms alarms = { .lane = make_lane() };

	(void)state;
	assert_int_equal(orch_timer_init(&alarms.soon, alarms.lane, fire_soon, &alarms), ORCH_OK);
	assert_int_equal(orch_timer_init(&alarms.later, alarms.lane, fire_later, &alarms), ORCH_OK);
	assert_int_equal(orch_timer_init(&alarms.never, alarms.lane, fire_never, &alarms), ORCH_OK);
	assert_false(orch_timer_is_set(&alarms.soon));
	orch_timer_set(&alarms.later, 60000);
	orch_timer_set(&alarms.soon, 1);
	orch_timer_set(&alarms.never, 20);
	orch_timer_set(&alarms.later, 40); /* moved */
	assert_true(orch_timer_is_set(&alarms.later));
	orch_lane_run(alarms.lane);
	assert_string_equal(alarms.order, "sl");
	orch_timer_fini(&alarms.soon);
	orch_timer_fini(&alarms.later);
	orch_timer_fini(&alarms.never);
	orch_timer_fini(&alarms.never);
	orch_lane_destroy(alarms.lane);
}

struct sleeper {
	struct orch_job job;
	sem_t has_begun, may_end;
};

static void sleep_in_job(struct orch_job *job)
{
	struct sleeper *sleeper = (struct sleeper *)job; /* its first member */

	sem_post(&sleeper->has_begun);
	sem_wait(&sleeper->may_end);
}

static void test_a_stuck_lane_grows_idle_and_a_turning_one_does_not(void **state)
{
	struct sleeper sleeper = { .job.run = sleep_in_job };
	struct orch_lane *lane = make_lane();

	(void)state;
	assert_int_equal(sem_init(&sleeper.has_begun, 0, 0), 0);
	assert_int_equal(sem_init(&sleeper.may_end, 0, 0), 0);
	start(lane);
	orch_lane_post(lane, &sleeper.job);
	sem_wait(&sleeper.has_begun);
	while (orch_lane_idle_ms(lane) < 20)
		(void)poll(NULL, 0, 1);
	sem_post(&sleeper.may_end);
	/* The next turn comes by itself. */
	while (orch_lane_idle_ms(lane) >= 20)
		(void)poll(NULL, 0, 1);
	orch_lane_stop(lane);
	sem_destroy(&sleeper.has_begun);
	sem_destroy(&sleeper.may_end);
	orch_lane_destroy(lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jobs_of_many_threads_run_once_and_in_each_threads_order),
		cmocka_unit_test(test_stop_runs_the_jobs_already_posted),
		cmocka_unit_test(test_a_job_may_post_itself_again),
		cmocka_unit_test(test_run_uses_the_calling_thread_and_can_run_again),
		cmocka_unit_test(test_another_thread_is_not_the_lane),
		cmocka_unit_test(test_timers_fire_once_when_due_and_not_when_cleared),
		cmocka_unit_test(test_a_stuck_lane_grows_idle_and_a_turning_one_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
