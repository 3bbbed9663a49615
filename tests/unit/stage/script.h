/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in that answers by a list, one after the other, the last for ever; and keeps what it was sent. */
#ifndef ORCH_TEST_STAGE_SCRIPT_H
#define ORCH_TEST_STAGE_SCRIPT_H
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "support/stand_in.h"

#define SCRIPT_KEPT 64
#define SCRIPT_ANSWERS 16

struct scripted_answer {
	const char *
		status; /* "200 OK"; NULL: cuts the connection; "": answers nothing until the end */
	const char *headers; /* NULL: none */
	const char *body;    /* NULL: "" */
};

struct script {
	struct scripted_answer
		answers[SCRIPT_ANSWERS]; /* a copy: threads outlive the test's list */
	size_t count;
	struct stand_in *stand_in;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_held; /* answers wait */
	size_t sent;  /* requests that came */
	char bodies[SCRIPT_KEPT][256];
	char targets[SCRIPT_KEPT][128];
};

static inline struct scripted_answer script_next(struct script *script, struct stand_in_conn *conn)
{
	size_t at;

	pthread_mutex_lock(&script->lock);
	at = script->sent++;
	if (at < SCRIPT_KEPT) {
		(void)snprintf(
			script->bodies[at], sizeof(script->bodies[at]), "%.255s", conn->body);
		(void)snprintf(script->targets[at], sizeof(script->targets[at]), "%.*s",
			(int)strcspn(conn->request, "\r"), conn->request);
	}
	while (script->is_held)
		(void)pthread_cond_wait(&script->changed, &script->lock);
	pthread_mutex_unlock(&script->lock);
	return script->answers[at < script->count ? at : script->count - 1];
}

static inline void script_serve(struct stand_in_conn *conn)
{
	while (stand_in_read_request(conn)) {
		struct scripted_answer answer = script_next(conn->arg, conn);

		if (answer.status == NULL)
			return;
		if (answer.status[0] == '\0') {
			stand_in_wait_for_end(conn);
			return;
		}
		if (!stand_in_answer(conn, answer.status,
			    answer.headers == NULL ? "" : answer.headers,
			    answer.body == NULL ? "" : answer.body))
			return;
	}
}

static inline void script_start(
	struct script *script, const struct scripted_answer *answers, size_t count)
{
	assert_in_range(count, 1, SCRIPT_ANSWERS);
	*script = (struct script){ .count = count };
	memcpy(script->answers, answers, count * sizeof(*answers));
	(void)pthread_mutex_init(&script->lock, NULL);
	(void)pthread_cond_init(&script->changed, NULL);
	script->stand_in = stand_in_start("127.0.0.1", NULL, script_serve, script);
}

/* Answers wait until they are let go. */
static inline void script_hold(struct script *script, bool is_held)
{
	pthread_mutex_lock(&script->lock);
	script->is_held = is_held;
	pthread_cond_broadcast(&script->changed);
	pthread_mutex_unlock(&script->lock);
}

static inline void script_stop(struct script *script)
{
	script_hold(script, false);
	stand_in_stop(script->stand_in);
	(void)pthread_cond_destroy(&script->changed);
	(void)pthread_mutex_destroy(&script->lock);
}

static inline size_t script_sent(struct script *script)
{
	size_t sent;

	pthread_mutex_lock(&script->lock);
	sent = script->sent;
	pthread_mutex_unlock(&script->lock);
	return sent;
}

/* Of request NUMBER, from 0, which has come. */
static inline const char *script_body(struct script *script, size_t number)
{
	return script->bodies[number];
}

#define SCRIPT_START(script, ...)                                               \
	script_start((script), (const struct scripted_answer[]){ __VA_ARGS__ }, \
		sizeof((const struct scripted_answer[]){ __VA_ARGS__ }) /       \
			sizeof(struct scripted_answer))

#endif
