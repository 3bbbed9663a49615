/* SPDX-License-Identifier: Apache-2.0 */
/* Two at once, as two hosts would be, each with its own connections. */
#include "unit/store/world.h"

#define ROUNDS 20

/* The same database once more. */
static struct world *open_other(struct world *w)
{
	struct world *other = calloc(1, sizeof(*other));

	*other = *w;
	other->f.arena = orch_arena_create(0);
	w->engine->open(other);
	return other;
}

static void close_other(struct world *other)
{
	other->engine->close(other);
	orch_arena_destroy(other->f.arena);
	free(other);
}

/* Events with a finding and an open task each. */

#define EVENTS 30

struct handovers {
	char ids[EVENTS][16];
	struct orch_stored_finding finding;
	struct orch_stored_event events[EVENTS];
	struct orch_stored_result results[EVENTS];
	struct orch_store_op ops[EVENTS];
	struct counter done;
};

static struct handovers *make_handovers(bool backwards)
{
	struct handovers *h = calloc(1, sizeof(*h));

	h->done = (struct counter)COUNTER_INIT;
	h->finding.finding = (struct orch_finding){ .size = sizeof(h->finding.finding),
		.rule = ORCH_TEXT("visa") };
	for (size_t i = 0; i < EVENTS; i++) {
		size_t number = backwards ? EVENTS - 1 - i : i;

		(void)snprintf(h->ids[i], sizeof(h->ids[i]), "e%zu", number);
		h->events[i] = (struct orch_stored_event){ .id = orch_text_from(h->ids[i]),
			.pipeline = ORCH_TEXT("p"),
			.findings = &h->finding,
			.finding_count = 1 };
		h->results[i] = (struct orch_stored_result){ .event_id = h->events[i].id,
			.key = h->events[i].id,
			.state = ORCH_TEXT("pending") };
		h->ops[i] = (struct orch_store_op){ .kind = ORCH_STORE_EVENT,
			.event = &h->events[i],
			.results = &h->results[i],
			.result_count = 1 };
	}
	return h;
}

/* In opposite orders, so that each holds what the other waits for. */
static void test_events_handed_over_twice_at_once_are_stored_once(void **state)
{
	struct world *w = *state, *other = open_other(w);
	struct handovers *mine = make_handovers(false), *theirs = make_handovers(true);

	begin_ops(w, mine->ops, EVENTS, &mine->done);
	begin_ops(other, theirs->ops, EVENTS, &theirs->done);
	counter_await(&mine->done, EVENTS);
	counter_await(&theirs->done, EVENTS);
	for (size_t i = 0; i < EVENTS; i++) {
		if (mine->ops[i].code < 0 || theirs->ops[i].code < 0)
			fail_msg("%s %s", mine->ops[i].err.text, theirs->ops[i].err.text);
	}
	assert_int_equal(ask_store(w, "SELECT count(*) FROM event"), EVENTS);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM finding"), EVENTS);
	assert_int_equal(ask_store(w, "SELECT count(DISTINCT event) FROM finding"), EVENTS);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM result"), EVENTS);
	close_other(other);
	free(mine);
	free(theirs);
}

/* Somebody who saves a rule in each round, at the same moment as another. */
struct saver {
	struct world *w;
	pthread_barrier_t *begin;
	struct orch_stored_rule (*rule)(const struct saver *saver, unsigned round);
	const char *tool;
	pthread_t thread;
	char names[ROUNDS][16];
	struct orch_stored_rule saved[ROUNDS];
	int codes[ROUNDS];
};

static void *save_rules(void *arg)
{
	struct saver *saver = arg;
	struct orch_err err;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct orch_stored_rule rule;

		(void)pthread_barrier_wait(saver->begin);
		rule = saver->rule(saver, i);
		(void)pthread_barrier_wait(saver->begin);
		saver->codes[i] = orch_store_rule_save(
			saver->w->store, &rule, BY, saver->w->f.arena, &saver->saved[i], &err);
	}
	return NULL;
}

static void save_at_once(struct saver savers[2])
{
	pthread_barrier_t begin;

	assert_int_equal(pthread_barrier_init(&begin, NULL, 2), 0);
	for (size_t i = 0; i < 2; i++) {
		savers[i].begin = &begin;
		assert_int_equal(
			pthread_create(&savers[i].thread, NULL, save_rules, &savers[i]), 0);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(savers[i].thread, NULL), 0);
	(void)pthread_barrier_destroy(&begin);
}

static struct orch_stored_rule same_rule(const struct saver *saver, unsigned round)
{
	struct orch_stored_rule rule = { .damaged = true };
	struct orch_err err;

	(void)round;
	if (orch_store_rule(saver->w->store, ORCH_TEXT("one"), saver->w->f.arena, &rule, &err) < 0)
		rule = new_rule("");
	return rule;
}

static void test_of_two_changes_of_a_version_one_is_refused(void **state)
{
	struct world *w = *state, *other = open_other(w);
	struct saver *savers = calloc(2, sizeof(*savers));
	struct orch_stored_rule rule = new_rule("one"), *versions;
	struct orch_err err = { "" };
	size_t count = 0;

	assert_int_equal(
		orch_store_rule_save(w->store, &rule, BY, w->f.arena, &rule, &err), ORCH_OK);
	savers[0] = (struct saver){ .w = w, .rule = same_rule };
	savers[1] = (struct saver){ .w = other, .rule = same_rule };
	save_at_once(savers);
	for (unsigned i = 0; i < ROUNDS; i++) {
		int mine = savers[0].codes[i], theirs = savers[1].codes[i];

		assert_true(mine == ORCH_OK || theirs == ORCH_OK);
		assert_int_equal(mine == ORCH_OK ? theirs : mine, ORCH_E_AGAIN);
	}
	assert_int_equal(orch_store_rule_history(
				 w->store, ORCH_TEXT("one"), w->f.arena, &versions, &count, &err),
		ORCH_OK);
	assert_int_equal(count, ROUNDS + 1);
	assert_int_equal(versions[0].rule.version, ROUNDS + 1);
	close_other(other);
	free(savers);
}

static struct orch_stored_rule new_of_own_tool(const struct saver *saver, unsigned round)
{
	struct orch_stored_rule rule;

	(void)snprintf((char *)(uintptr_t)saver->names[round], sizeof(saver->names[round]),
		"rule %u", round);
	rule = new_rule(saver->names[round]);
	if (saver->tool)
		rule.tool = orch_text_from(saver->tool);
	return rule;
}

static void test_rules_made_at_once_get_ids_of_their_own(void **state)
{
	struct world *w = *state, *other = open_other(w);
	struct saver *savers = calloc(2, sizeof(*savers));
	uint64_t revision = 0;
	struct orch_err err = { "" };

	savers[0] = (struct saver){ .w = w, .rule = new_of_own_tool, .tool = "dlp" };
	savers[1] = (struct saver){ .w = other, .rule = new_of_own_tool, .tool = "keyword" };
	save_at_once(savers);
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(savers[0].codes[i], ORCH_OK);
		assert_int_equal(savers[1].codes[i], ORCH_OK);
		assert_false(
			orch_text_equal(savers[0].saved[i].rule.id, savers[1].saved[i].rule.id));
	}
	assert_int_equal(ask_store(w, "SELECT count(DISTINCT id) FROM rule"), 2 * ROUNDS);
	assert_int_equal(ask_store(w, "SELECT count(DISTINCT n) FROM rule"), 2 * ROUNDS);
	assert_int_equal(orch_store_rules_revision(w->store, &revision, &err), ORCH_OK);
	assert_int_equal(revision, 2 * ROUNDS);
	close_other(other);
	free(savers);
}

static void test_of_two_rules_with_one_name_one_is_refused(void **state)
{
	struct world *w = *state, *other = open_other(w);
	struct saver *savers = calloc(2, sizeof(*savers));

	savers[0] = (struct saver){ .w = w, .rule = new_of_own_tool };
	savers[1] = (struct saver){ .w = other, .rule = new_of_own_tool };
	save_at_once(savers);
	for (unsigned i = 0; i < ROUNDS; i++) {
		int mine = savers[0].codes[i], theirs = savers[1].codes[i];

		assert_true(mine == ORCH_OK || theirs == ORCH_OK);
		assert_int_equal(mine == ORCH_OK ? theirs : mine, ORCH_E_INVALID);
	}
	assert_int_equal(ask_store(w, "SELECT count(*) FROM rule"), ROUNDS);
	close_other(other);
	free(savers);
}

/* Somebody who begins a database with a key of his own. */
struct opener {
	struct world *w;
	struct orch_secret *key;
	pthread_barrier_t *begin;
	pthread_t thread;
	int code;
	struct orch_err err;
};

static void *open_with_key(void *arg)
{
	struct opener *opener = arg;

	(void)pthread_barrier_wait(opener->begin);
	opener->code = opener->w->engine->open_store(opener->w, opener->key, &opener->err);
	return NULL;
}

static void open_at_once(struct opener openers[2])
{
	pthread_barrier_t begin;

	assert_int_equal(pthread_barrier_init(&begin, NULL, 2), 0);
	for (size_t i = 0; i < 2; i++) {
		openers[i].begin = &begin;
		assert_int_equal(
			pthread_create(&openers[i].thread, NULL, open_with_key, &openers[i]), 0);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(openers[i].thread, NULL), 0);
	(void)pthread_barrier_destroy(&begin);
}

static void test_of_two_first_keys_one_is_the_databases(void **state)
{
	static const char bytes[ORCH_SEAL_KEY_BYTES] = "another one, also only for tests";
	struct world *w = *state, *other = open_other(w);
	struct orch_store *stores[] = { w->store, other->store };
	struct opener openers[] = { { .w = w, .key = w->f.key },
		{ .w = other,
			.key = orch_secret_create((struct orch_text){ bytes, sizeof(bytes) }) } };

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t first;

		poke_store(w, "DELETE FROM key_proof");
		open_at_once(openers);
		first = openers[0].code == ORCH_OK ? 0 : 1;
		assert_int_equal(openers[first].code, ORCH_OK);
		assert_int_equal(openers[1 - first].code, ORCH_E_DENIED);
		assert_non_null(strstr(openers[1 - first].err.text,
			"not the one that the database was begun with"));
		orch_store_close(openers[first].w->store);
		assert_int_equal(ask_store(w, "SELECT count(*) FROM key_proof"), 2);
	}
	w->store = stores[0];
	other->store = stores[1];
	close_other(other);
	orch_secret_destroy(openers[1].key);
}

/*
 * A commit that is on the disk, and its answer lost: the server waits for a
 * standby that is not there, and is told to break the connection off.
 */

struct lost_save {
	struct world *w;
	struct orch_stored_rule rule;
	pthread_t thread;
	struct counter done;
	int code;
	struct orch_err err;
};

static void *save_lost(void *arg)
{
	struct lost_save *lost = arg;

	lost->code = orch_store_rule_save(
		lost->w->store, &lost->rule, BY, lost->w->f.arena, &lost->rule, &lost->err);
	counter_add(&lost->done);
	return NULL;
}

static void wait_for_standby(const struct world *w, const char *standby)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "synchronous_standby_names = '%s'", standby);
	postgres_set(&postgres, line);
	postgres_do(&postgres, "reload");
	(void)snprintf(line, sizeof(line),
		"SELECT (current_setting('synchronous_standby_names') = '%s')::int", standby);
	while (ask_store(w, line) == 0)
		orch_clock_pause_us(1000);
}

/* True once a commit has been broken off; false: it was through before that. */
static bool break_commit(const struct world *w, struct counter *done)
{
	while (counter_value(done) == 0) {
		if (ask_store(w,
			    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
			    " WHERE wait_event = 'SyncRep'") > 0)
			return true;
	}
	return false;
}

static void test_a_save_whose_answer_got_lost_is_no_conflict_with_itself(void **state)
{
	struct world *w = *state;
	struct lost_save lost = { .w = w, .rule = new_rule("one") };
	bool broken = false;
	unsigned saves = 0;

	wait_for_standby(w, "nobody");
	/* The server looks at its settings when it gets to it. */
	for (; !broken; saves++) {
		lost.done = (struct counter)COUNTER_INIT;
		assert_int_equal(pthread_create(&lost.thread, NULL, save_lost, &lost), 0);
		broken = break_commit(w, &lost.done);
		assert_int_equal(pthread_join(lost.thread, NULL), 0);
		if (lost.code < 0)
			fail_msg("%s", lost.err.text);
	}
	wait_for_standby(w, "");
	assert_int_equal(lost.rule.rule.version, saves);
	assert_int_equal(ask_store(w, "SELECT count(*) FROM rule_history"), saves);
	assert_int_equal(ask_store(w, "SELECT number FROM revision"), saves);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_events_handed_over_twice_at_once_are_stored_once),
		ON_BOTH(test_of_two_changes_of_a_version_one_is_refused),
		ON_BOTH(test_rules_made_at_once_get_ids_of_their_own),
		ON_BOTH(test_of_two_rules_with_one_name_one_is_refused),
		ON_BOTH(test_of_two_first_keys_one_is_the_databases),
		ON_PG(test_a_save_whose_answer_got_lost_is_no_conflict_with_itself),
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
