/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way out: wrapped, signed, posted, and tried again as Slack
 * does it.  Everything runs on the lane.
 */
#ifndef SIM_COURIER_H
#define SIM_COURIER_H
#include "fault.h"
#include "net/http_client.h"
#include "world.h"

#define SIM_RETRIES 3
#define SIM_ANSWER_LIMIT_MS 3000 /* Slack's */
#define SIM_LETTERS_PENDING_MAX 100000
#define SIM_TIMES_MAX 1000

struct sim_courier;
struct sim_letter; /* one delivery, with its tries */

struct sim_courier_options {
	struct orch_lane *lane;
	struct sim_world *world;
	struct sim_faults *faults;
	const struct orch_secret *signing_secret; /* must stay */
	const char *url;
	uint64_t retry_ms[SIM_RETRIES];
	uint64_t answer_ms;         /* how long an answer may take; 0: as with Slack */
	size_t keep;                /* letters that are remembered; 0: only counts */
	void (*changed)(void *arg); /* a letter was answered, or given up */
	void *arg;
};

/* How a letter differs from an ordinary one.  All zero: not at all. */
struct sim_letter_options {
	struct orch_text event_id;  /* empty: drawn */
	struct orch_text signature; /* "" right, "wrong", "missing", "prefix", "uppercase" */
	struct orch_text timestamp; /* sent as it is, and signed */
	int64_t timestamp_offset_s;
	uint64_t times;    /* 0 and 1: once */
	int64_t retry_num; /* > 0: the first try already calls itself a retry */
	struct orch_text retry_reason;
	bool no_retry;
	/* Told of the last try's outcome; ANSWER is lent.  Only for the first of TIMES. */
	void (*done)(void *arg, const struct sim_letter *letter, struct orch_text answer);
	void *arg;
};

ORCH_MUST_USE int sim_courier_create(const struct sim_courier_options *options,
	struct sim_courier **ret_courier, struct orch_err *err);
/* Letters under way end without a word. */
void sim_courier_destroy(struct sim_courier *courier);

/* Wraps INNER, which is taken, as event_callback.  CHANNEL may be NULL. */
ORCH_MUST_USE int sim_courier_send_event(struct sim_courier *courier, struct sim_channel *channel,
	struct json_object *inner, const struct sim_letter_options *options);
/* BODY is sent as it is. */
ORCH_MUST_USE int sim_courier_send_raw(struct sim_courier *courier, struct orch_text body,
	const struct sim_letter_options *options);

ORCH_MUST_USE int sim_courier_set_url(
	struct sim_courier *courier, struct orch_text url, struct orch_err *err);
const char *sim_courier_url(const struct sim_courier *courier);
void sim_courier_set_retries(struct sim_courier *courier, const uint64_t retry_ms[SIM_RETRIES]);
void sim_courier_set_answer_limit(struct sim_courier *courier, uint64_t ms);
/* Forgets all letters, those under way too, and the counts. */
void sim_courier_clear(struct sim_courier *courier);
/* Lets held letters go; with DROP they are given up instead.  How many there were. */
size_t sim_courier_release(struct sim_courier *courier, bool drop);

size_t sim_courier_pending(const struct sim_courier *courier); /* not yet answered or given up */
size_t sim_courier_held(const struct sim_courier *courier);
uint64_t sim_courier_answered(const struct sim_courier *courier); /* with 2xx */
struct json_object *sim_courier_show(const struct sim_courier *courier, size_t last);
struct json_object *sim_letter_show(const struct sim_letter *letter);
bool sim_letter_was_accepted(const struct sim_letter *letter);

#endif
