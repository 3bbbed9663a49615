/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP client on a lane of its own, run by the test's thread, and what the
 * requests sent through it came to.
 */
#ifndef HTTP_WORLD_H
#define HTTP_WORLD_H
#include "net/http_client.h"
#include "support/stand_in.h"

struct http_world;

/* One request and its answer; zeroed, then begun. */
struct http_answer {
	struct http_world *world;
	struct orch_http_flight *flight;
	int refused; /* the code of send(), which then says why in PROBLEM */
	bool is_done;
	int status;
	char problem[256];
	char *headers, *body; /* NUL-terminated; freed by answer_fini() */
	size_t body_len;
	bool truncated, was_sent;
	uint64_t part_bytes, retry_after_ms, took_ms;
	void (*then)(struct http_answer *answer); /* called within done; may be NULL */
	void *arg;
};

struct http_world {
	struct orch_lane *lane;
	struct orch_http_client *client;
	struct orch_egress egress; /* allows 127.0.0.0/8 and ::1; tests change it as they like */
	struct orch_network networks[2];
	size_t pending;
};

void http_world_init(struct http_world *world, const struct orch_http_client_options *options);
void http_world_fini(struct http_world *world);

/* A request with method and URL ("http://127.0.0.1:PORT" PATH); never NULL; the texts are static until the next call. */
struct orch_request http_request(const char *method, const struct stand_in *to, const char *path);

void http_begin(struct http_world *world, struct http_answer *answer,
	const struct orch_request *request, struct orch_blob *blob);
/* For requests that a test sends by itself: one more is awaited, and http_note() is its DONE. */
void http_expect(struct http_world *world, struct http_answer *answer);
void http_note(void *answer, const struct orch_http_result *result);
/* Until every request that was begun has ended. */
void http_wait(struct http_world *world);
/* Both. */
void http_send(
	struct http_world *world, struct http_answer *answer, const struct orch_request *request);
void http_answer_fini(struct http_answer *answer);

#endif
