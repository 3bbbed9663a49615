/* SPDX-License-Identifier: Apache-2.0 */
/* A lane's own instances: those that its stage needs, for as long as work holds them. */
#include "stage/crew.h"

#include "base/alloc.h"
#include "stage/batch.h"
#include "unit/stage/world.h"

#define CONFIG(script)                                                              \
	"tools = ( { name = \"tool\"; plugin = \"script_tool\"; script = \"" script \
	"\"; } ); actions = ( { name = \"act\"; plugin = \"script_action\"; } );"   \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"tool\" ]; " \
	"policy = ( { verdict = \"flag\"; actions = [ \"act\" ]; } ); } );"

static void test_each_stage_has_the_kinds_it_needs(void **state)
{
	struct world *w = *state;
	struct orch_crew *crew;

	world_begin(w, CONFIG(""));
	crew = world_crew(w->plan, ORCH_STAGE_INTAKE);
	assert_true(crew->inputs != NULL && crew->tools == NULL && crew->actions == NULL);
	orch_crew_unref(crew);
	crew = world_crew(w->plan, ORCH_STAGE_SCAN); /* inputs too: they gather */
	assert_true(crew->inputs != NULL && crew->tools != NULL && crew->actions == NULL);
	orch_crew_unref(crew);
	crew = world_crew(w->plan, ORCH_STAGE_ACT);
	assert_true(crew->inputs == NULL && crew->tools == NULL && crew->actions != NULL);
	orch_crew_unref(crew);
	orch_crew_unref(NULL);
}

static void test_two_lanes_never_share_an_instance(void **state)
{
	struct world *w = *state;
	struct orch_crew *one, *other;

	world_begin(w, CONFIG(""));
	one = world_crew(w->plan, ORCH_STAGE_SCAN);
	other = world_crew(w->plan, ORCH_STAGE_SCAN);
	assert_ptr_not_equal(one->tools[0].self, other->tools[0].self);
	orch_crew_unref(one);
	orch_crew_unref(other);
}

static void test_work_holds_its_crew_and_the_crew_its_plan(void **state)
{
	struct world *w = *state;
	struct orch_crew *crew, *held;

	world_begin(w, CONFIG(""));
	crew = world_crew(w->plan, ORCH_STAGE_SCAN);
	held = orch_crew_ref(crew);
	orch_plan_unref(w->plan);
	w->plan = NULL;
	orch_crew_unref(crew);
	assert_text(held->plan->tools[0].config->name, "tool");
	orch_crew_unref(held);
}

static void test_an_instance_that_cannot_be_made_is_named(void **state)
{
	struct world *w = *state;
	struct orch_crew *crew = NULL;
	struct orch_err err = { "" };

	world_begin(w, CONFIG("unborn"));
	assert_int_equal(orch_crew_create(w->plan, ORCH_STAGE_SCAN, &crew, &err), ORCH_E_INVALID);
	assert_string_equal(err.text, "tools.tool: it does not want to be");
	assert_null(crew);
}

static void test_without_memory_nothing_is_left_behind(void **state)
{
	struct world *w = *state;
	struct orch_crew *crew = NULL;
	struct orch_err err = { "" };
	int code = ORCH_E_NOMEM;

	world_begin(w, CONFIG(""));
	for (uint64_t nth = 1; code != ORCH_OK; nth++) {
		orch_alloc_fail_at(nth, 1);
		code = orch_crew_create(w->plan, ORCH_STAGE_SCAN, &crew, &err);
		orch_alloc_fail_at(0, 0);
		assert_true(code == ORCH_OK || code == ORCH_E_NOMEM);
	}
	orch_crew_unref(crew);
}

static void test_the_leases_of_a_receive_go_together(void **state)
{
	struct orch_batch *batch = orch_batch_create();
	char *bytes = orch_arena_alloc(batch->arena, 16);

	(void)state;
	assert_ptr_equal(orch_batch_ref(batch), batch);
	orch_batch_unref(batch);
	bytes[15] = 'x'; /* one of two has ended: what they share is still there */
	orch_batch_unref(batch);
	orch_batch_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_each_stage_has_the_kinds_it_needs),
		TEST(test_two_lanes_never_share_an_instance),
		TEST(test_work_holds_its_crew_and_the_crew_its_plan),
		TEST(test_an_instance_that_cannot_be_made_is_named),
		TEST(test_without_memory_nothing_is_left_behind),
		TEST(test_the_leases_of_a_receive_go_together),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
