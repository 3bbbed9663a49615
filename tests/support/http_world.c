/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http_world.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

#define PATIENCE_S 120 /* a test that waits longer hangs */

static void allow(struct orch_network *network, const char *text)
{
	struct orch_err err;

	assert_int_equal(orch_network_parse(orch_text_from(text), network, &err), ORCH_OK);
}

void http_world_init(struct http_world *world, const struct orch_http_client_options *options)
{
	const struct orch_http_client_options defaults = { .ca_file = NULL };
	struct orch_err err = { "" };

	(void)alarm(PATIENCE_S);
	*world = (struct http_world){ .pending = 0 };
	allow(&world->networks[0], "127.0.0.0/8");
	allow(&world->networks[1], "::1");
	world->egress.allowed = world->networks;
	world->egress.allowed_count = 2;
	assert_int_equal(orch_lane_create("test", &world->lane, &err), ORCH_OK);
	assert_int_equal(orch_http_client_create(
				 world->lane, options ? options : &defaults, &world->client, &err),
		ORCH_OK);
}

void http_world_fini(struct http_world *world)
{
	orch_http_client_destroy(world->client);
	orch_lane_destroy(world->lane);
}

struct orch_request http_request(const char *method, const struct stand_in *to, const char *path)
{
	static char url[512];

	(void)snprintf(
		url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned)stand_in_port(to), path);
	return (struct orch_request){ .size = sizeof(struct orch_request),
		.method = orch_text_from(method),
		.url = orch_text_from(url),
		.headers = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE,
		.limit_key = ORCH_TEXT_NONE,
		.part = ORCH_TEXT_NONE };
}

static char *copy(struct orch_text text)
{
	char *bytes = malloc(text.len + 1);

	assert_non_null(bytes);
	memcpy(bytes, text.ptr, text.len);
	bytes[text.len] = '\0';
	assert_int_equal(text.ptr[text.len], '\0');
	return bytes;
}

void http_expect(struct http_world *world, struct http_answer *answer)
{
	answer->world = world;
	world->pending++;
}

void http_note(void *arg, const struct orch_http_result *result)
{
	struct http_answer *answer = arg;

	assert_false(answer->is_done);
	assert_int_equal(result->reply.size, sizeof(struct orch_reply));
	answer->is_done = true;
	answer->status = result->reply.status;
	answer->headers = copy(result->reply.headers);
	answer->body = copy(result->reply.body);
	answer->body_len = result->reply.body.len;
	answer->truncated = result->reply.truncated;
	answer->part_bytes = result->reply.part_bytes;
	answer->was_sent = result->was_sent;
	answer->retry_after_ms = result->retry_after_ms;
	answer->took_ms = result->took_ms;
	(void)snprintf(answer->problem, sizeof(answer->problem), "%s", result->reply.problem.ptr);
	if (--answer->world->pending == 0)
		orch_lane_quit(answer->world->lane);
	if (answer->then)
		answer->then(answer);
}

void http_begin(struct http_world *world, struct http_answer *answer,
	const struct orch_request *request, struct orch_blob *blob)
{
	struct orch_err err = { "" };

	answer->refused = orch_http_client_send(world->client, &world->egress, request, blob,
		http_note, answer, &answer->flight, &err);
	if (answer->refused == ORCH_OK)
		http_expect(world, answer);
	else
		(void)snprintf(answer->problem, sizeof(answer->problem), "%s", err.text);
}

void http_wait(struct http_world *world)
{
	while (world->pending > 0)
		orch_lane_run(world->lane);
}

void http_send(
	struct http_world *world, struct http_answer *answer, const struct orch_request *request)
{
	http_begin(world, answer, request, NULL);
	http_wait(world);
}

void http_answer_fini(struct http_answer *answer)
{
	free(answer->headers);
	free(answer->body);
	*answer = (struct http_answer){ .is_done = false };
}
