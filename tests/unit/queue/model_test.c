/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations against a model of the queue that fits on two pages.
 *
 * Times are far apart (delays and leases of 1,000 s, the clock goes on by
 * 600 s), so that the milliseconds of the test itself never matter.
 */
#include "unit/queue/world.h"

#define SEEDS 20
#define STEPS 2000
#define ITEMS 20000 /* ever put */
#define QUEUES 2
#define IDS 60
#define HELD 64
#define UNIT_MS 1000000
#define TICK_MS 600000
#define TOLERANCE_MS 30000

enum where { LIVE, DEAD, GONE };

struct item {
	enum where where;
	unsigned queue, id, order; /* order 0: none */
	uint32_t priority, receives, attempts, step;
	uint64_t visible; /* or the lease's end */
	bool leased;
	uint64_t token;
	uint64_t place; /* in its key */
};

struct counts {
	uint64_t accepted, done, dropped, duplicates;
};

/* Leases as the test holds them, valid or lost. */
struct held {
	struct orch_lease lease;
	unsigned item;
};

struct model {
	struct world *w;
	uint64_t random, shift, places;
	struct item items[ITEMS];
	unsigned item_count;
	bool seen[QUEUES][IDS];
	struct counts counts[QUEUES];
	struct held held[HELD];
	unsigned held_count;
};

static const char *const queue_names[QUEUES] = { "scan", "act.block" };
static const char *const orders[] = { "", "one", "two" };

static unsigned draw(struct model *m, unsigned bound)
{
	m->random = m->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((m->random >> 33) % bound);
}

static uint64_t now(const struct model *m)
{
	(void)m;
	return orch_clock_now_ms();
}

static struct item *find_live(struct model *m, unsigned queue, unsigned id)
{
	for (unsigned i = 0; i < m->item_count; i++) {
		struct item *item = &m->items[i];

		if (item->where == LIVE && item->queue == queue && item->id == id)
			return item;
	}
	return NULL;
}

static bool is_head(const struct model *m, const struct item *item)
{
	for (unsigned i = 0; i < m->item_count && item->order; i++) {
		const struct item *other = &m->items[i];

		if (other->where == LIVE && other->queue == item->queue &&
			other->order == item->order && other->place < item->place)
			return false;
	}
	return true;
}

static bool is_ready(const struct model *m, const struct item *item)
{
	return item->where == LIVE && !item->leased && item->visible <= now(m) && is_head(m, item);
}

static int64_t rank(const struct item *item)
{
	return (int64_t)item->visible - (int64_t)item->priority * 60000;
}

static void step_put(struct model *m)
{
	unsigned queue = draw(m, QUEUES);
	unsigned id = draw(m, IDS);
	bool accepted = draw(m, 3) == 0;
	struct item *item = &m->items[m->item_count];
	bool is_new;
	char name[16];
	struct orch_message message_;

	(void)snprintf(name, sizeof(name), "id-%u", id);
	message_ = message(queue_names[queue], name);
	*item = (struct item){ .where = LIVE, .queue = queue, .id = id };
	item->order = draw(m, 3);
	item->priority = draw(m, 5);
	message_.order = orch_text_from(orders[item->order]);
	message_.priority = item->priority;
	message_.delay_ms = draw(m, 4) == 0 ? UNIT_MS : 0;
	item->visible = now(m) + message_.delay_ms;
	is_new = !find_live(m, queue, id) && !(accepted && m->seen[queue][id]);
	assert_int_equal(put_message(m->w, &message_, accepted), ORCH_OK);
	assert_int_equal(m->w->duplicates, accepted && !is_new);
	if (accepted) {
		m->seen[queue][id] = true;
		m->counts[queue].duplicates += !is_new;
	}
	if (!is_new)
		return;
	item->place = ++m->places;
	m->counts[queue].accepted++;
	m->item_count++;
	assert_true(m->item_count < ITEMS);
}

static void end_leases(struct model *m, unsigned queue)
{
	for (unsigned i = 0; i < m->item_count; i++) {
		struct item *item = &m->items[i];

		if (item->where == LIVE && item->queue == queue && item->leased &&
			item->visible <= now(m)) {
			item->leased = false;
			item->token = 0;
		}
	}
}

static void hold(struct model *m, const struct orch_lease *lease, unsigned item)
{
	unsigned at = m->held_count < HELD ? m->held_count++ : draw(m, HELD);

	m->held[at] = (struct held){ .lease = *lease, .item = item };
}

/* The lease is of a message that was ready, and as the model has it. */
static int64_t take_lease(struct model *m, unsigned queue, const struct orch_lease *lease)
{
	struct item *item =
		find_live(m, queue, (unsigned)strtoul(lease->message.id.ptr + 3, NULL, 10));
	int64_t was;

	assert_non_null(item);
	assert_true(is_ready(m, item));
	assert_int_equal(lease->receives, ++item->receives);
	assert_int_equal(lease->attempts, item->attempts);
	assert_int_equal(lease->step, item->step);
	assert_int_equal(lease->message.priority, item->priority);
	assert_true(text_is(lease->message.order, orders[item->order]));
	assert_true(orch_text_equal(lease->message.body, lease->message.id));
	was = rank(item);
	item->leased = true;
	item->token = lease->token;
	item->visible = now(m) + UNIT_MS;
	hold(m, lease, (unsigned)(item - m->items));
	return was;
}

static void step_receive(struct model *m)
{
	unsigned queue = draw(m, QUEUES);
	size_t max = 1 + draw(m, 8);
	size_t ready = 0;
	int64_t last = INT64_MIN / 2;

	end_leases(m, queue);
	for (unsigned i = 0; i < m->item_count; i++)
		ready += m->items[i].queue == queue && is_ready(m, &m->items[i]);
	(void)receive(m->w, queue_names[queue], max);
	assert_int_equal(m->w->lease_count, ready < max ? ready : max);
	for (size_t i = 0; i < m->w->lease_count; i++) {
		int64_t is = take_lease(m, queue, &m->w->leases[i]);

		assert_true(is >= last - TOLERANCE_MS);
		last = is;
	}
	for (unsigned i = 0; i < m->item_count && m->w->lease_count; i++) {
		if (m->items[i].queue == queue && is_ready(m, &m->items[i]))
			assert_true(rank(&m->items[i]) >= last - TOLERANCE_MS);
	}
}

static void step_renew(struct model *m, struct item *item, const struct orch_lease *lease, int code)
{
	assert_int_equal(renew(m->w, lease), code);
	if (code == ORCH_OK)
		item->visible = now(m) + UNIT_MS;
}

static void step_release(
	struct model *m, struct item *item, const struct orch_lease *lease, int code)
{
	uint64_t delay = draw(m, 2) ? UNIT_MS : 0;
	bool failed = draw(m, 2) != 0;

	assert_int_equal(release(m->w, lease, delay, failed), code);
	if (code < 0)
		return;
	item->leased = false;
	item->token = 0;
	item->visible = now(m) + delay;
	item->attempts += failed;
}

static void step_checkpoint(
	struct model *m, struct item *item, const struct orch_lease *lease, int code)
{
	uint32_t step = draw(m, 5);

	assert_int_equal(checkpoint(m->w, lease, step, draw(m, 2) != 0, "memo"), code);
	if (code == ORCH_OK)
		item->step = step;
}

static void end_item(struct item *item, enum where where)
{
	item->where = where;
	item->leased = false;
	item->token = 0;
}

static void step_settle(
	struct model *m, struct item *item, const struct orch_lease *lease, int code)
{
	bool drops = draw(m, 4) == 0;

	assert_int_equal(drops ? drop(m->w, lease, "reason") : settle(m->w, lease), code);
	if (code < 0)
		return;
	end_item(item, GONE);
	m->counts[item->queue].done += !drops;
	m->counts[item->queue].dropped += drops;
}

static void step_bury(struct model *m, struct item *item, const struct orch_lease *lease, int code)
{
	assert_int_equal(bury(m->w, lease, "reason", "detail"), code);
	if (code < 0)
		return;
	end_item(item, DEAD);
	item->place = ++m->places; /* the order of the dead letters */
}

static void step_with_lease(struct model *m)
{
	static void (*const steps[])(struct model * m, struct item * item,
		const struct orch_lease *lease, int code) = { step_renew, step_release,
		step_checkpoint, step_settle, step_settle, step_settle, step_bury };
	const struct held *held;
	struct item *item;
	bool valid;

	if (m->held_count == 0)
		return;
	held = &m->held[draw(m, m->held_count)];
	item = &m->items[held->item];
	valid = item->where == LIVE && item->leased && item->token == held->lease.token;
	steps[draw(m, sizeof(steps) / sizeof(steps[0]))](
		m, item, &held->lease, valid ? ORCH_OK : ORCH_E_DENIED);
}

static struct item *next_dead(struct model *m, uint64_t after)
{
	struct item *next = NULL;

	for (unsigned i = 0; i < m->item_count; i++) {
		struct item *item = &m->items[i];

		if (item->where == DEAD && item->place > after &&
			(!next || item->place < next->place))
			next = item;
	}
	return next;
}

static void step_sweep(struct model *m)
{
	const struct orch_queue_filter filter = { .queue = { "", 0 }, .id = { "", 0 } };
	bool redrives = draw(m, 2) != 0;
	uint64_t after = 0, expected = 0, last = m->places;
	struct orch_queue_swept swept;
	struct orch_err err;
	struct item *item;

	while ((item = next_dead(m, after)) && item->place <= last) {
		after = item->place;
		if (redrives && find_live(m, item->queue, item->id))
			continue;
		expected++;
		item->where = redrives ? LIVE : GONE;
		if (!redrives) {
			m->counts[item->queue].dropped++;
			continue;
		}
		item->place = ++m->places;
		item->visible = now(m);
		item->receives = item->attempts = 0;
	}
	if (redrives)
		assert_int_equal(orch_queue_redrive(m->w->queue, &filter, &swept, &err), ORCH_OK);
	else
		assert_int_equal(orch_queue_discard(m->w->queue, &filter, &swept, &err), ORCH_OK);
	assert_int_equal(swept.changed, expected);
}

static void step_time(struct model *m)
{
	m->shift += TICK_MS;
	orch_clock_shift_ms((int64_t)m->shift);
}

static void check_ledger(struct model *m)
{
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		struct orch_ledger is = ledger(m->w, queue_names[queue]);
		uint64_t live = 0;
		uint64_t dead = 0;

		for (unsigned i = 0; i < m->item_count; i++) {
			live += m->items[i].queue == queue && m->items[i].where == LIVE;
			dead += m->items[i].queue == queue && m->items[i].where == DEAD;
		}
		assert_int_equal(is.accepted, m->counts[queue].accepted);
		assert_int_equal(is.done, m->counts[queue].done);
		assert_int_equal(is.dropped, m->counts[queue].dropped);
		assert_int_equal(is.duplicates, m->counts[queue].duplicates);
		assert_int_equal(is.dead, dead);
		assert_int_equal(is.in_flight, live);
		assert_int_equal(is.damaged, 0);
	}
}

static void run_step(struct model *m)
{
	unsigned what = draw(m, 100);

	if (what < 40)
		step_put(m);
	else if (what < 60)
		step_receive(m);
	else if (what < 95)
		step_with_lease(m);
	else if (what < 97)
		step_sweep(m);
	else
		step_time(m);
}

static void run_seed(unsigned seed)
{
	struct model *m = calloc(1, sizeof(*m));
	void *state = NULL;

	(void)make_world(&state);
	m->w = state;
	m->random = seed;
	for (unsigned i = 0; i < STEPS; i++) {
		run_step(m);
		check_ledger(m);
		if (i == STEPS / 2)
			reopen_queue(m->w, 0);
	}
	assert_is_sound(m->w->f.path);
	(void)remove_world(&state);
	free(m);
}

static void test_random_operations_do_what_the_model_does(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		print_message("seed %u\n", seed);
		run_seed(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations_do_what_the_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
