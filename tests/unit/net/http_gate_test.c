/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes of one listener count as one. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/metric.h"
#include "base/text.h"
#include "net/http_gate.h"
#include "support/http_peer.h"
#include "support/text_assert.h"

#define GET_HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
#define NAME "gate-test"
#define SILENCE_MS 300

struct lanes {
	struct orch_http_gate *gate;
	struct served first, second;
};

static void start(struct lanes *lanes, uint32_t connections, uint32_t per_address)
{
	struct orch_http_server_options options = { .metric_listener = NAME };

	lanes->gate = orch_http_gate_create(connections, per_address);
	assert_non_null(lanes->gate);
	options.gate = lanes->gate;
	served_start(&lanes->first, &options);
	served_start(&lanes->second, &options);
}

static void stop(struct lanes *lanes)
{
	served_stop(&lanes->first);
	served_stop(&lanes->second);
	orch_http_gate_destroy(lanes->gate);
}

static void expect_hello(int fd)
{
	struct reply reply;

	peer_read(fd, &reply);
	assert_string_equal(reply.body, "hello");
	reply_fini(&reply);
}

static int greet(const struct served *served)
{
	int fd = peer_connect(served->port);

	assert_true(peer_say(fd, GET_HELLO));
	return fd;
}

static void expect_silence(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&ready, 1, SILENCE_MS), 0);
}

static int64_t refused(const char *reason)
{
	return orch_metric_value(orch_metric(ORCH_METRIC_COUNTER, "orchestrator_http_refused_total",
		"", { "listener", ORCH_TEXT(NAME) }, { "reason", orch_text_from(reason) }));
}

static void test_a_place_taken_on_one_lane_is_missing_on_the_other(void **state)
{
	int64_t before = refused("connections"), counted;
	struct lanes lanes;
	int in[3], waiting;

	(void)state;
	start(&lanes, 3, 0);
	for (size_t i = 0; i < 3; i++) {
		in[i] = greet(i == 0 ? &lanes.second : &lanes.first);
		expect_hello(in[i]);
	}
	waiting = greet(&lanes.second);
	expect_silence(waiting);
	counted = refused("connections");
	assert_true(counted > before);
	/* Looking again and again is not refusing again and again. */
	expect_silence(waiting);
	assert_int_equal(refused("connections"), counted);
	/* A place on the first lane is one for him who waits at the second. */
	close(in[1]);
	expect_hello(waiting);
	close(waiting);
	close(in[0]);
	close(in[2]);
	served_wait_for_connections(&lanes.first, 0);
	served_wait_for_connections(&lanes.second, 0);
	stop(&lanes);
}

static void test_an_address_has_one_share_for_all_lanes(void **state)
{
	int64_t before = refused("address");
	struct lanes lanes;
	int first, second, third;

	(void)state;
	start(&lanes, 100, 2);
	first = greet(&lanes.first);
	expect_hello(first);
	second = greet(&lanes.second);
	expect_hello(second);
	third = peer_connect(lanes.second.port);
	peer_expect_end(third);
	assert_int_equal(refused("address"), before + 1);
	close(third);
	close(first);
	served_wait_for_connections(&lanes.first, 0);
	third = greet(&lanes.second);
	expect_hello(third);
	close(third);
	close(second);
	stop(&lanes);
}

static void test_who_leaves_gives_back_what_he_took(void **state)
{
	static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
	static const uint8_t other_v4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 2 };
	struct orch_http_gate *gate = orch_http_gate_create(1, 1);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(orch_http_gate_take_place(gate));
		assert_false(orch_http_gate_take_place(gate));
		assert_int_equal(orch_http_gate_enter(gate, v4), ORCH_OK);
		assert_int_equal(orch_http_gate_enter(gate, v4), ORCH_E_LIMIT);
		assert_int_equal(orch_http_gate_enter(gate, other_v4), ORCH_OK);
		orch_http_gate_leave(gate, other_v4);
		orch_http_gate_leave(gate, v4);
		orch_http_gate_give_place(gate);
	}
	orch_http_gate_destroy(gate);
}

static void test_a_network_of_ipv6_is_one_address(void **state)
{
	static const uint8_t one[16] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, [15] = 1 };
	static const uint8_t same[16] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 1, [15] = 2 };
	static const uint8_t other[16] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 2, [15] = 1 };
	struct orch_http_gate *gate = orch_http_gate_create(10, 1);

	(void)state;
	assert_int_equal(orch_http_gate_enter(gate, one), ORCH_OK);
	assert_int_equal(orch_http_gate_enter(gate, same), ORCH_E_LIMIT);
	assert_int_equal(orch_http_gate_enter(gate, other), ORCH_OK);
	orch_http_gate_destroy(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_place_taken_on_one_lane_is_missing_on_the_other),
		cmocka_unit_test(test_an_address_has_one_share_for_all_lanes),
		cmocka_unit_test(test_who_leaves_gives_back_what_he_took),
		cmocka_unit_test(test_a_network_of_ipv6_is_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
