/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told of what, and when. */
#include "unit/db/fixture.h"

struct watched {
	struct orch_db_watch watch;
	struct counter told;
};

struct noting {
	struct orch_db_op op;
	const char *topic;
	uint64_t wake_ms;
	int code;
	unsigned topics;
};

static int run_note(struct orch_db_op *op, struct orch_db *db, struct orch_err *err)
{
	struct noting *noting = (struct noting *)(void *)op;

	if (noting->wake_ms)
		orch_db_wake_at(db, noting->topic, noting->wake_ms);
	else
		orch_db_note(db, noting->topic);
	for (unsigned i = 0; i < noting->topics; i++) {
		char topic[32];

		(void)snprintf(topic, sizeof(topic), "topic.%u", i);
		orch_db_note(db, topic);
	}
	return noting->code < 0 ? orch_fail(err, noting->code, "as told") : ORCH_OK;
}

static void note_in(struct orch_db *db, struct noting noting)
{
	struct orch_db_group group = { .first = &noting.op };
	struct orch_err err;

	noting.op = (struct orch_db_op){ .run = run_note };
	assert_int_equal(orch_db_run(db, &group, &err), noting.code);
}

static void on_change(void *arg)
{
	struct watched *watched = arg;

	counter_add(&watched->told);
}

static void watch(struct fixture *f, struct watched *watched, const char *topic)
{
	*watched = (struct watched){ .told = COUNTER_INIT };
	watched->watch = (struct orch_db_watch){
		.topic = topic, .lane = f->lane, .changed = on_change, .arg = watched
	};
	assert_int_equal(orch_db_watch_add(f->db, &watched->watch), ORCH_OK);
	counter_await(&watched->told, 1);
}

/* Removal belongs on the lane. */
struct removal {
	struct orch_job job;
	struct fixture *f;
	struct watched *watched;
	struct counter done;
};

static void remove_now(struct orch_job *job)
{
	struct removal *removal = (struct removal *)(void *)job;

	orch_db_watch_remove(removal->f->db, &removal->watched->watch);
	counter_add(&removal->done);
}

static void unwatch(struct fixture *f, struct watched *watched)
{
	struct removal removal = {
		.job = { .run = remove_now }, .f = f, .watched = watched, .done = COUNTER_INIT
	};

	orch_lane_post(f->lane, &removal.job);
	counter_await(&removal.done, 1);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	make_dir(f);
	make_lane(f);
	f->db = open_db(f, NULL, 0, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	remove_lane(f);
	orch_db_close(f->db);
	remove_dir(f);
	free(f);
	return 0;
}

static void test_a_note_tells_its_topic_and_no_other(void **state)
{
	struct fixture *f = *state;
	struct watched rules, other;

	watch(f, &rules, "rules");
	watch(f, &other, "other");
	note_in(f->db, (struct noting){ .topic = "rules" });
	counter_await(&rules.told, 2);
	note_in(f->db, (struct noting){ .topic = "other" });
	counter_await(&other.told, 2);
	assert_int_equal(counter_value(&rules.told), 2);
	unwatch(f, &rules);
	unwatch(f, &other);
}

static void test_a_note_of_a_failed_group_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct watched rules, other;

	watch(f, &rules, "rules");
	watch(f, &other, "other");
	note_in(f->db, (struct noting){ .topic = "rules", .code = ORCH_E_INVALID });
	note_in(f->db, (struct noting){ .topic = "other" });
	counter_await(&other.told, 2);
	assert_int_equal(counter_value(&rules.told), 1);
	assert_int_equal(ask(f->path, "SELECT count(*) FROM change"), 1);
	unwatch(f, &rules);
	unwatch(f, &other);
}

static void test_another_process_is_heard(void **state)
{
	struct fixture *f = *state;
	struct watched rules, other;
	struct orch_db *second = open_db(f, NULL, 0, 0);

	watch(f, &rules, "rules");
	watch(f, &other, "other");
	note_in(second, (struct noting){ .topic = "rules" });
	counter_await(&rules.told, 2);
	note_in(second, (struct noting){ .topic = "rules" });
	counter_await(&rules.told, 3);
	assert_int_equal(counter_value(&other.told), 1);
	orch_db_close(second);
	unwatch(f, &rules);
	unwatch(f, &other);
}

static void test_more_topics_than_are_kept_lose_no_call(void **state)
{
	struct fixture *f = *state;
	struct orch_db *second = open_db(f, NULL, 0, 0);
	struct watched last;

	watch(f, &last, "topic.99");
	note_in(f->db, (struct noting){ .topic = "topic.0", .topics = 100 });
	counter_await(&last.told, 2);
	note_in(second, (struct noting){ .topic = "topic.0", .topics = 100 });
	counter_await(&last.told, 3);
	orch_db_close(second);
	unwatch(f, &last);
}

static void test_it_wakes_at_the_time_asked_for_and_not_before(void **state)
{
	struct fixture *f = *state;
	struct watched due;
	uint64_t wake_ms;

	watch(f, &due, "due");
	wake_ms = orch_db_now_ms(f->db) + 60;
	note_in(f->db, (struct noting){ .topic = "due", .wake_ms = wake_ms + 100000 });
	note_in(f->db, (struct noting){ .topic = "due", .wake_ms = wake_ms });
	counter_await(&due.told, 2);
	assert_true(orch_db_now_ms(f->db) >= wake_ms);
	unwatch(f, &due);
}

static void test_a_clock_that_jumps_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct watched due;

	watch(f, &due, "due");
	note_in(f->db,
		(struct noting){ .topic = "due", .wake_ms = orch_db_now_ms(f->db) + 3600000 });
	orch_clock_shift_ms(3600000);
	counter_await(&due.told, 2);
	orch_clock_shift_ms(0);
	unwatch(f, &due);
}

/* Adds and removes on the lane while the writer tells. */
struct churn {
	struct orch_job job;
	struct fixture *f;
	struct watched watched;
	unsigned left;
	struct counter done;
};

static void churn_once(struct orch_job *job)
{
	struct churn *churn = (struct churn *)(void *)job;

	if (churn->watched.watch.watcher)
		orch_db_watch_remove(churn->f->db, &churn->watched.watch);
	if (churn->left-- == 0) {
		counter_add(&churn->done);
		return;
	}
	assert_int_equal(orch_db_watch_add(churn->f->db, &churn->watched.watch), ORCH_OK);
	/* Half of the time while its first call is still on the way. */
	if (churn->left % 2)
		orch_db_watch_remove(churn->f->db, &churn->watched.watch);
	orch_lane_post(churn->f->lane, &churn->job);
}

static void test_a_removed_watch_is_told_nothing(void **state)
{
	struct fixture *f = *state;
	struct churn churn = { .job = { .run = churn_once },
		.f = f,
		.watched = { .told = COUNTER_INIT },
		.left = 200,
		.done = COUNTER_INIT };

	churn.watched.watch = (struct orch_db_watch){
		.topic = "busy", .lane = f->lane, .changed = on_change, .arg = &churn.watched
	};
	orch_lane_post(f->lane, &churn.job);
	while (counter_value(&churn.done) == 0)
		note_in(f->db, (struct noting){ .topic = "busy" });
	assert_null(churn.watched.watch.watcher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_note_tells_its_topic_and_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_note_of_a_failed_group_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_process_is_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_more_topics_than_are_kept_lose_no_call, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_it_wakes_at_the_time_asked_for_and_not_before, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_clock_that_jumps_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_removed_watch_is_told_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
