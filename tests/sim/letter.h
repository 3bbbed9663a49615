/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery from the inside: shared by courier.c and letter.c only. */
#ifndef SIM_LETTER_H
#define SIM_LETTER_H
#include "courier.h"

#define SIM_TRIES_MAX (SIM_RETRIES + 1)

enum sim_letter_state {
	SIM_LETTER_WAITING = 0, /* for its next try */
	SIM_LETTER_HELD,
	SIM_LETTER_SENT,
	SIM_LETTER_ACCEPTED,
	SIM_LETTER_FAILED,
	SIM_LETTER_DROPPED,
};

struct sim_try {
	uint64_t at_ms, took_ms;
	int status;
	char reason[24]; /* as x-slack-retry-reason names it; empty: 2xx */
};

struct sim_letter {
	TAILQ_ENTRY(sim_letter) next; /* among the pending */
	struct sim_courier *courier;
	uint64_t number;
	bool is_pending;    /* in the courier's list */
	bool is_remembered; /* in the courier's ring */
	bool has_timer;
	enum sim_letter_state state;
	enum sim_fault_kind fault;
	char event_id[SIM_EVENT_ID_SIZE];
	char what[64]; /* "message_changed" */
	char channel[SIM_ID_SIZE];
	char ts[SIM_TS_SIZE]; /* of the message; empty: it is about none */
	char signature[16], timestamp[32], retry_reason[32];
	int64_t timestamp_offset_s, retry_num;
	bool no_retry;
	char *body;
	size_t len;
	size_t try_count;
	struct sim_try tries[SIM_TRIES_MAX];
	struct orch_timer timer;
	struct orch_http_flight *flight;
	void (*done)(void *arg, const struct sim_letter *letter, struct orch_text answer);
	void *arg;
};
TAILQ_HEAD(sim_letters, sim_letter);

struct sim_courier {
	struct sim_courier_options options;
	struct orch_http_client *client;
	struct orch_network networks[2];
	struct orch_egress egress;
	char *url;
	struct sim_letters pending;
	size_t pending_count, held_count;
	uint64_t added, answered, failed, tries;
	struct sim_letter **ring;
};

/* NULL: no memory.  BODY is copied. */
struct sim_letter *sim_letter_create(struct sim_courier *courier, struct orch_text body,
	const struct sim_letter_options *options);
/* Ends what is under way. */
void sim_letter_destroy(struct sim_letter *letter);
void sim_letter_send(struct sim_letter *letter);
void sim_letter_send_in(struct sim_letter *letter, uint64_t ms);
/* courier.c: the letter's life is over; ANSWER is the last body that came. */
void sim_courier_ended(
	struct sim_letter *letter, enum sim_letter_state state, struct orch_text answer);

#endif
