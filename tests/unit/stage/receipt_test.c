/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/receipt.h"

#include "unit/stage/world.h"

#define TWO_PIPELINES                                                                              \
	"tools = ( { name = \"tool\"; plugin = \"script_tool\"; } );"                              \
	"actions = ( { name = \"act\"; plugin = \"script_action\"; } );"                           \
	"pipelines = ( { name = \"one\"; inputs = [ \"in\" ]; tools = [ \"tool\" ]; policy = ( { " \
	"verdict = \"flag\"; actions = [ \"act\" ]; } ); }, "                                      \
	"{ name = \"two\"; inputs = [ \"in\" ]; tools = [ \"tool\" ]; policy = ( { "               \
	"verdict = \"flag\"; actions = [ \"act\" ]; } ); } );"

struct receipt {
	struct orch_sink sink;
	struct orch_message *messages;
	size_t count;
	struct orch_err err;
	int code;
};

/* What becomes of one emitted event. */
static struct receipt take(struct world *w, struct orch_event event)
{
	struct receipt receipt = { .err = { "" } };

	if (w->plan == NULL)
		world_begin(w, TWO_PIPELINES);
	receipt.sink.events = orch_event_copy(w->arena, &event);
	receipt.sink.event_count = 1;
	receipt.code = orch_receipt_messages(w->plan, &w->plan->inputs[0], &receipt.sink, w->arena,
		&receipt.messages, &receipt.count, &receipt.err);
	return receipt;
}

static struct orch_event event(const char *id)
{
	return (struct orch_event){ .size = sizeof(struct orch_event),
		.id = orch_text_from(id),
		.source = ORCH_TEXT("claimed"),
		.type = ORCH_TEXT("test"),
		.tenant = ORCH_TEXT("T1"),
		.actor = ORCH_TEXT_NONE,
		.order = ORCH_TEXT_NONE,
		.data = ORCH_TEXT_NONE,
		.trace = ORCH_TEXT("claimed") };
}

static struct orch_text wide(struct world *w, size_t len)
{
	char *bytes = orch_arena_alloc(w->arena, len + 1);

	memset(bytes, 'w', len);
	return (struct orch_text){ bytes, len };
}

static void test_each_pipeline_gets_a_message_of_its_own(void **state)
{
	struct world *w = *state;
	struct receipt receipt = take(w, event("e1"));

	assert_int_equal(receipt.code, ORCH_OK);
	assert_int_equal(receipt.count, 2);
	assert_text(receipt.messages[0].queue, "scan");
	assert_text(receipt.messages[0].pipeline, "one");
	assert_text(receipt.messages[1].pipeline, "two");
	assert_text(receipt.messages[0].tenant, "T1");
	assert_false(orch_text_equal(receipt.messages[0].id, receipt.messages[1].id));
	assert_true(orch_text_equal(receipt.messages[0].trace, receipt.messages[1].trace));
}

static void test_an_alias_is_told_apart_from_an_id_and_by_pipeline(void **state)
{
	struct world *w = *state;
	struct orch_event named = event("e1");
	struct receipt receipt, again;

	named.alias = ORCH_TEXT("e1");
	receipt = take(w, named);
	named.id = ORCH_TEXT("e2");
	again = take(w, named);
	assert_int_equal(receipt.code, ORCH_OK);
	assert_false(orch_text_equal(receipt.messages[0].alias, receipt.messages[0].id));
	assert_false(orch_text_equal(receipt.messages[0].alias, receipt.messages[1].alias));
	assert_true(orch_text_equal(receipt.messages[0].alias, again.messages[0].alias));
	assert_int_equal(take(w, event("e1")).messages[0].alias.len, 0);
}

/* A plugin may be built with a header that had no alias yet. */
static void test_what_lies_behind_an_older_event_is_not_read(void **state)
{
	struct world *w = *state;
	struct orch_event old = event("e1");

	old.alias = (struct orch_text){ (const char *)8, 100 };
	old.size = offsetof(struct orch_event, alias);
	assert_int_equal(take(w, old).messages[0].alias.len, 0);
}

static void test_the_core_says_where_an_event_came_from(void **state)
{
	struct world *w = *state;
	struct receipt receipt = take(w, event("e1"));
	struct orch_event *read;

	assert_int_equal(
		orch_event_read(receipt.messages[0].body, w->arena, &read, &receipt.err), ORCH_OK);
	assert_text(read->source, "in");
	assert_int_equal(read->trace.len, 16);
	assert_int_equal(read->attempt, 1);
}

static void test_the_same_event_gives_the_same_messages(void **state)
{
	struct world *w = *state;
	struct receipt first = take(w, event("e1")), again = take(w, event("e1")),
		       other = take(w, event("e2"));

	assert_true(orch_text_equal(first.messages[0].id, again.messages[0].id));
	assert_true(orch_text_equal(first.messages[0].trace, again.messages[0].trace));
	assert_false(orch_text_equal(first.messages[0].id, other.messages[0].id));
}

static void test_order_is_kept_within_a_pipeline(void **state)
{
	struct world *w = *state;
	struct orch_event given = event("e1");
	struct receipt receipt;

	given.order = ORCH_TEXT("C1");
	receipt = take(w, given);
	assert_text(receipt.messages[0].order, "one/C1");
	assert_text(receipt.messages[1].order, "two/C1");
}

static void test_an_event_needs_an_id_of_512_bytes_at_most(void **state)
{
	struct world *w = *state;
	struct orch_event given = event("");

	assert_int_equal(take(w, given).code, ORCH_E_INVALID);
	given.id = wide(w, 512);
	assert_int_equal(take(w, given).code, ORCH_OK);
	given.id = wide(w, 513);
	assert_int_equal(take(w, given).code, ORCH_E_INVALID);
}

static void test_no_queue_takes_longer_names_so_they_stop_at_the_door(void **state)
{
	struct world *w = *state;
	struct orch_event given = event("e1");

	given.order = wide(w, 512);
	assert_int_equal(take(w, given).code, ORCH_OK);
	given.order = wide(w, 513);
	assert_int_equal(take(w, given).code, ORCH_E_INVALID);
	given.order = ORCH_TEXT_NONE;
	given.tenant = wide(w, 513);
	assert_int_equal(take(w, given).code, ORCH_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_each_pipeline_gets_a_message_of_its_own),
		TEST(test_an_alias_is_told_apart_from_an_id_and_by_pipeline),
		TEST(test_what_lies_behind_an_older_event_is_not_read),
		TEST(test_the_core_says_where_an_event_came_from),
		TEST(test_the_same_event_gives_the_same_messages),
		TEST(test_order_is_kept_within_a_pipeline),
		TEST(test_an_event_needs_an_id_of_512_bytes_at_most),
		TEST(test_no_queue_takes_longer_names_so_they_stop_at_the_door),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
