/* SPDX-License-Identifier: Apache-2.0 */
/* Arrivals by HTTP, from a client on a lane of its own: the intake's lane is a thread here. */
#include "stage/intake.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "support/http_peer.h"
#include "unit/stage/world.h"

#define PIPELINE                                                                                 \
	"tools = ( { name = \"tool\"; plugin = \"script_tool\"; } );"                            \
	"actions = ( { name = \"act\"; plugin = \"script_action\"; } );"                         \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"tool\" ]; policy = ( { " \
	"verdict = \"flag\"; actions = [ \"act\" ]; } ); } );"

struct door {
	struct world *w;
	struct orch_lane *lane;
	struct orch_intake *intake;
	uint16_t port;
	char head[PEER_REPLY_BYTES], body[4096];
	int status;
};

/* The listener's port is not the stage's to tell; a free one is given to it. */
static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

static void open_door(struct world *w, struct door *door, const char *more)
{
	struct orch_err err = { "" };
	char config[4096];

	*door = (struct door){ .w = w, .port = free_port() };
	(void)snprintf(config, sizeof(config), "%s http = { listen = \"127.0.0.1:%u\"; };" PIPELINE,
		more, (unsigned)door->port);
	world_begin(w, config);
	assert_int_equal(orch_lane_create("intake", &door->lane, &err), ORCH_OK);
	if (orch_intake_create(
		    &(struct orch_intake_options){ .lane = door->lane, .queue = w->queue },
		    world_crew(w->plan, ORCH_STAGE_INTAKE), &door->intake, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	assert_int_equal(orch_lane_start(door->lane, &err), ORCH_OK);
}

static void close_door(struct door *door)
{
	orch_lane_stop(door->lane);
	orch_intake_destroy(door->intake);
	orch_lane_destroy(door->lane);
	orch_plan_unref(door->w->plan);
	door->w->plan = NULL;
}

/* One arrival with BODY, and the answer to it. */
static int say(struct door *door, const char *body)
{
	int fd = peer_connect(door->port);
	struct reply reply = { .status = 0 };
	char *request;

	assert_true(asprintf(&request,
			    "POST /in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
			    "Content-Length: %zu\r\n\r\n%s",
			    strlen(body), body) > 0);
	assert_true(peer_say(fd, request));
	peer_read(fd, &reply);
	(void)snprintf(door->head, sizeof(door->head), "%s", reply.head);
	(void)snprintf(door->body, sizeof(door->body), "%.*s", (int)reply.body_len,
		reply.body == NULL ? "" : reply.body);
	door->status = reply.status;
	reply_fini(&reply);
	(void)close(fd);
	free(request);
	return door->status;
}

static uint64_t received(const char *result)
{
	return (uint64_t)orch_metric_value(
		orch_metric(ORCH_METRIC_COUNTER, "orchestrator_events_received_total", "",
			{ "source", ORCH_TEXT("in") }, { "result", orch_text_from(result) }));
}

static void test_an_answer_means_that_it_is_kept(void **state)
{
	struct door door;
	uint64_t before = received("accepted");

	open_door(*state, &door, "");
	assert_int_equal(say(&door, "id e1\ntext text hello\nemit\n"), 200);
	assert_string_equal(door.body, "{\"ok\":true}\n");
	assert_int_equal(world_ledger(*state, "scan").in_flight, 1);
	assert_int_equal(received("accepted"), before + 1);
	close_door(&door);
}

static void test_a_repeat_is_answered_and_not_kept_again(void **state)
{
	struct door door;
	uint64_t before = received("duplicate");

	open_door(*state, &door, "");
	assert_int_equal(say(&door, "id e1\ntext text hello\nemit\n"), 200);
	assert_int_equal(say(&door, "id e1\ntext text hello\nemit\n"), 200);
	assert_int_equal(world_ledger(*state, "scan").accepted, 1);
	assert_int_equal(received("duplicate"), before + 1);
	close_door(&door);
}

static void test_the_plugin_says_what_is_answered(void **state)
{
	struct door door;

	open_door(*state, &door, "");
	assert_int_equal(say(&door, "say the challenge\n"), 200);
	assert_string_equal(door.body, "the challenge");
	assert_contains(door.head, "text/plain");
	assert_int_equal(say(&door, "status 202\n"), 202);
	assert_int_equal(say(&door, "status 7\n"), 200);
	assert_int_equal(say(&door, "status 418\nsay teapot\ninvalid\n"), 418);
	assert_string_equal(door.body, "teapot");
	close_door(&door);
}

static void test_an_answer_of_many_lines_stays_one_answer(void **state)
{
	struct door door;

	open_door(*state, &door, "");
	assert_int_equal(say(&door, "say hi\ntype text/html; charset=utf-8\n"), 200);
	assert_contains(door.head, "\r\nContent-Type: text/html; charset=utf-8\r\n");
	assert_int_equal(say(&door, "say hi\ntype text/plain|X-Injected: yes||<html>\n"), 200);
	assert_null(strstr(door.head, "X-Injected"));
	assert_contains(door.head, "\r\nContent-Type: application/json\r\n");
	assert_string_equal(door.body, "hi");
	close_door(&door);
}

static void test_what_is_refused_leaves_nothing(void **state)
{
	static const struct {
		const char *word, *result;
		int status;
	} rows[] = {
		{ "denied", "denied", 401 },
		{ "invalid", "invalid", 422 },
		{ "again", "unavailable", 503 },
		{ "limit", "too_large", 413 },
	};
	struct door door;

	open_door(*state, &door, "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t before = received(rows[i].result);
		char body[64];

		(void)snprintf(body, sizeof(body), "id e1\nemit\n%s\n", rows[i].word);
		assert_int_equal(say(&door, body), rows[i].status);
		assert_int_equal(received(rows[i].result), before + 1);
		if (rows[i].status == 503)
			assert_contains(door.head, "Retry-After: 1");
	}
	assert_int_equal(world_ledger(*state, "scan").accepted, 0);
	close_door(&door);
}

static void test_as_many_events_as_the_limit_are_taken(void **state)
{
	struct door door;

	open_door(*state, &door, "limits = { events = 2; };");
	assert_int_equal(say(&door, "id e1\nemit\nid e2\nemit\n"), 200);
	assert_int_equal(world_ledger(*state, "scan").accepted, 2);
	close_door(&door);
}

static void test_one_event_more_is_refused_for_good(void **state)
{
	struct door door;
	uint64_t before = world_metric("orchestrator_limits_reached_total", "limit", "events");

	open_door(*state, &door, "limits = { events = 2; };");
	assert_int_equal(say(&door, "id e1\nemit\nid e2\nemit\nid e3\nemit\n"), 413);
	/* Even if the plugin does not mind. */
	assert_int_equal(say(&door, "id e1\nemit\nid e2\nemit\nid e3\nignore\n"), 413);
	assert_int_equal(world_ledger(*state, "scan").accepted, 0);
	assert_int_equal(
		world_metric("orchestrator_limits_reached_total", "limit", "events"), before + 2);
	close_door(&door);
}

static void test_parts_and_fields_have_limits_too(void **state)
{
	struct door door;

	open_door(*state, &door, "limits = { parts = 1; fields = 1; };");
	assert_int_equal(say(&door, "id e1\ntext a 1\nfield f 1\nemit\n"), 200);
	assert_int_equal(say(&door, "id e2\ntext a 1\ntext b 1\nemit\n"), 413);
	assert_int_equal(say(&door, "id e3\nfield f 1\nfield g 1\nemit\n"), 413);
	close_door(&door);
}

static void test_what_an_input_rejects_is_counted_by_its_reason(void **state)
{
	struct door door;

	open_door(*state, &door, "");
	assert_int_equal(say(&door, "reject bad_json\n"), 200);
	assert_int_equal(
		orch_metric_value(orch_metric(ORCH_METRIC_COUNTER,
			"orchestrator_events_rejected_total", "", { "source", ORCH_TEXT("in") },
			{ "reason", ORCH_TEXT("bad_json") })),
		1);
	close_door(&door);
}

static void test_an_event_without_an_id_makes_no_sense(void **state)
{
	struct door door;

	open_door(*state, &door, "");
	assert_int_equal(say(&door, "text text hello\nemit\n"), 422);
	close_door(&door);
}

static void test_a_body_that_is_too_long_is_not_read(void **state)
{
	struct door door;
	static char body[3000];

	memset(body, 'x', sizeof(body) - 1);
	open_door(*state, &door, "limits = { body_bytes = 2000; };");
	assert_int_equal(say(&door, body), 413);
	body[2000] = '\0';
	assert_int_equal(say(&door, body), 200);
	close_door(&door);
}

struct swap {
	struct orch_job job;
	struct orch_intake *intake;
	struct orch_crew *crew;
	sem_t done;
};

static void run_swap(struct orch_job *job)
{
	struct swap *swap = (struct swap *)job;

	orch_intake_set_crew(swap->intake, swap->crew);
	(void)sem_post(&swap->done);
}

static void test_a_new_crew_takes_over(void **state)
{
	struct world *w = *state;
	struct swap swap = { .job = { .run = run_swap } };
	struct orch_plan *next;
	struct door door;

	open_door(w, &door, "");
	next = world_plan(w, "limits = { events = 1; };" PIPELINE);
	swap.intake = door.intake;
	swap.crew = world_crew(next, ORCH_STAGE_INTAKE);
	(void)sem_init(&swap.done, 0, 0);
	orch_plan_unref(w->plan);
	w->plan = next;
	assert_int_equal(say(&door, "id e1\nemit\nid e2\nemit\n"), 200);
	orch_lane_post(door.lane, &swap.job);
	while (sem_wait(&swap.done) != 0)
		;
	assert_int_equal(say(&door, "id e3\nemit\nid e4\nemit\n"), 413);
	close_door(&door);
}

static void test_a_taken_port_is_said(void **state)
{
	struct world *w = *state;
	struct orch_intake *intake;
	struct orch_lane *lane;
	struct orch_err err = { "" };
	char config[2048];
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	(void)snprintf(config, sizeof(config), "http = { listen = \"127.0.0.1:%u\"; };" PIPELINE,
		(unsigned)ntohs(address.sin_port));
	world_begin(w, config);
	assert_int_equal(orch_lane_create("intake", &lane, &err), ORCH_OK);
	assert_true(
		orch_intake_create(&(struct orch_intake_options){ .lane = lane, .queue = w->queue },
			world_crew(w->plan, ORCH_STAGE_INTAKE), &intake, &err) < 0);
	assert_contains(err.text, "in use");
	orch_lane_destroy(lane);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
		TEST(test_an_answer_means_that_it_is_kept),
		TEST(test_a_repeat_is_answered_and_not_kept_again),
		TEST(test_the_plugin_says_what_is_answered),
		TEST(test_an_answer_of_many_lines_stays_one_answer),
		TEST(test_what_is_refused_leaves_nothing),
		TEST(test_as_many_events_as_the_limit_are_taken),
		TEST(test_one_event_more_is_refused_for_good),
		TEST(test_parts_and_fields_have_limits_too),
		TEST(test_what_an_input_rejects_is_counted_by_its_reason),
		TEST(test_an_event_without_an_id_makes_no_sense),
		TEST(test_a_body_that_is_too_long_is_not_read),
		TEST(test_a_new_crew_takes_over),
		TEST(test_a_taken_port_is_said),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
