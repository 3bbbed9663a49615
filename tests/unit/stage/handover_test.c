/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored, passed on and settled takes effect as one, or not at all. */
#include "stage/handover.h"

#include "unit/stage/world.h"

#define ONE_TOOL                                                                    \
	"tools = ( { name = \"tool\"; plugin = \"script_tool\"; } );"               \
	"actions = ( { name = \"act\"; plugin = \"script_action\"; } );"            \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"tool\" ]; " \
	"policy = ( { verdict = \"flag\"; actions = [ \"act\" ]; } ); } );"

struct hand {
	struct world *w;
	struct orch_handover handover;
	struct orch_queue_op receive, lose;
	bool is_done;
	int code;
	char problem[256];
};

static void on_op(struct orch_queue_op *op)
{
	bool *is_done = op->user;

	assert_int_equal(op->code, ORCH_OK);
	*is_done = true;
}

static void run_op(struct world *w, struct orch_queue_op *op)
{
	struct orch_err err = { "" };
	bool is_done = false;
	uint64_t until = orch_clock_mono_ms() + WORLD_WAIT_MS;

	op->lane = w->lane;
	op->done = on_op;
	op->user = &is_done;
	assert_int_equal(orch_queue_submit(w->queue, op, &err), ORCH_OK);
	while (!is_done) {
		assert_true(orch_clock_mono_ms() < until);
		world_turn(w);
	}
}

static const struct orch_lease *lease_event(struct world *w, struct hand *hand)
{
	world_begin(w, ONE_TOOL);
	PUT_EVENT(w, .id = "e1", .text = "x");
	hand->w = w;
	hand->receive = (struct orch_queue_op){ .kind = ORCH_QUEUE_RECEIVE,
		.name = ORCH_TEXT("scan"),
		.max = 1,
		.visibility_ms = 60000,
		.arena = w->arena };
	run_op(w, &hand->receive);
	assert_int_equal(hand->receive.lease_count, 1);
	return hand->receive.leases;
}

static void on_handed_over(struct orch_handover *handover, int code, const struct orch_err *err)
{
	struct hand *hand = handover->user;

	hand->is_done = true;
	hand->code = code;
	(void)snprintf(hand->problem, sizeof(hand->problem), "%s", code < 0 ? err->text : "");
}

static struct orch_stored_event stored(void)
{
	return (struct orch_stored_event){ .id = ORCH_TEXT("e1"),
		.trace = ORCH_TEXT("trace"),
		.source = ORCH_TEXT("in"),
		.pipeline = ORCH_TEXT("p"),
		.type = ORCH_TEXT("test"),
		.tenant = ORCH_TEXT_NONE,
		.actor = ORCH_TEXT_NONE,
		.inspection_note = ORCH_TEXT_NONE,
		.content = ORCH_TEXT("{}") };
}

static struct orch_message task(const char *id)
{
	return (struct orch_message){ .queue = ORCH_TEXT("act.act"),
		.id = orch_text_from(id),
		.pipeline = ORCH_TEXT("p"),
		.tenant = ORCH_TEXT_NONE,
		.order = ORCH_TEXT_NONE,
		.trace = ORCH_TEXT_NONE,
		.body = ORCH_TEXT("{}") };
}

static bool is_known(struct world *w, struct orch_text name)
{
	bool known = false;
	struct orch_queue_op recall = { .kind = ORCH_QUEUE_RECALL,
		.name = ORCH_TEXT("scan"),
		.names = &name,
		.name_count = 1,
		.known = &known };

	run_op(w, &recall);
	return known;
}

/* With an event, a task and a name beside the end of LEASE. */
static void hand_over(struct hand *hand, const struct orch_lease *lease, enum orch_end end,
	const struct orch_message *message)
{
	static const struct orch_text name = ORCH_TEXT("n1");
	struct orch_stored_event event = stored();
	uint64_t until = orch_clock_mono_ms() + WORLD_WAIT_MS;

	hand->handover = (struct orch_handover){ .queue = hand->w->queue,
		.store = hand->w->store,
		.lane = hand->w->lane,
		.done = on_handed_over,
		.user = hand,
		.event = &event,
		.messages = message,
		.message_count = 1,
		.names = &name,
		.name_count = 1,
		.lease = lease,
		.end = end,
		.reason = ORCH_TEXT("reason"),
		.detail = ORCH_TEXT("a detail"),
		.keeps_progress = end == ORCH_END_DEAD,
		.step = 7,
		.memo = ORCH_TEXT("memo") };
	orch_handover_submit(&hand->handover, hand->w->arena);
	while (!hand->is_done) {
		assert_true(orch_clock_mono_ms() < until);
		world_turn(hand->w);
	}
}

static void test_all_of_it_takes_effect_together(void **state)
{
	struct world *w = *state;
	struct hand hand = { .is_done = false };
	const struct orch_lease *lease = lease_event(w, &hand);
	struct orch_message message = task("t1");

	hand_over(&hand, lease, ORCH_END_DONE, &message);
	assert_int_equal(hand.code, ORCH_OK);
	assert_text(world_stored(w).id, "e1");
	assert_int_equal(world_ledger(w, "scan").done, 1);
	assert_int_equal(world_ledger(w, "act.act").in_flight, 1);
	assert_true(is_known(w, ORCH_TEXT("n1")));
}

static void test_who_has_lost_the_lease_leaves_nothing_behind(void **state)
{
	struct world *w = *state;
	struct hand hand = { .is_done = false };
	const struct orch_lease *lease = lease_event(w, &hand);
	struct orch_message message = task("t1");
	size_t count;

	hand.lose = (struct orch_queue_op){ .kind = ORCH_QUEUE_RELEASE, .lease = lease };
	run_op(w, &hand.lose);
	hand_over(&hand, lease, ORCH_END_DONE, &message);
	assert_int_equal(hand.code, ORCH_E_DENIED);
	assert_contains(hand.problem, "lost");
	(void)world_events(w, &count);
	assert_int_equal(count, 0);
	assert_int_equal(world_ledger(w, "scan").in_flight, 1);
	assert_int_equal(world_ledger(w, "act.act").accepted, 0);
	assert_false(is_known(w, ORCH_TEXT("n1")));
}

static void test_a_part_that_fails_undoes_the_others(void **state)
{
	struct world *w = *state;
	struct hand hand = { .is_done = false };
	const struct orch_lease *lease = lease_event(w, &hand);
	struct orch_message message = task("");
	size_t count;

	hand_over(&hand, lease, ORCH_END_DONE, &message);
	assert_int_equal(hand.code, ORCH_E_INVALID);
	(void)world_events(w, &count);
	assert_int_equal(count, 0);
	assert_int_equal(world_ledger(w, "scan").in_flight, 1);
}

static void test_a_dead_letter_keeps_its_reason_and_progress(void **state)
{
	struct world *w = *state;
	struct hand hand = { .is_done = false };
	const struct orch_lease *lease = lease_event(w, &hand);
	struct orch_message message = task("t1");
	struct orch_queue_filter all = { .queue = ORCH_TEXT_NONE, .id = ORCH_TEXT_NONE };
	struct orch_err err;
	struct orch_queue_swept swept;

	hand_over(&hand, lease, ORCH_END_DEAD, &message);
	assert_text(world_dead(w, "scan").reason, "reason");
	assert_text(world_dead(w, "scan").detail, "a detail");
	assert_int_equal(orch_queue_redrive(w->queue, &all, &swept, &err), ORCH_OK);
	run_op(w, &hand.receive);
	assert_int_equal(hand.receive.leases[0].step, 7);
	assert_text(hand.receive.leases[0].memo, "memo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_all_of_it_takes_effect_together),
		TEST(test_who_has_lost_the_lease_leaves_nothing_behind),
		TEST(test_a_part_that_fails_undoes_the_others),
		TEST(test_a_dead_letter_keeps_its_reason_and_progress),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
