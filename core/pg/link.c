/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link's life: look up names, connect to one address after the other, set
 * the session up, be ready; and after a loss, a random pause and all anew.
 *
 * libpq opens and closes sockets while it connects.  So the event on the
 * socket is taken away before it is asked to go on, and made anew after it; and
 * a connection that broke is given up before anything else may get its socket's
 * number.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/text.h"
#include "pg/internal.h"

static void start_try(struct orch_pg_link *link);
static void try_next(struct orch_pg_link *link);

uint64_t orch_pg_jitter(uint64_t first_ms, uint64_t most_ms, unsigned n)
{
	uint64_t bound = first_ms;

	while (n-- > 0 && bound < most_ms)
		bound *= 2;
	return orch_random_below(bound < most_ms ? bound : most_ms) + 1;
}

void orch_pg_link_wait(struct orch_pg_link *link, uint64_t ms)
{
	orch_timer_set(&link->timer, ms);
}

/* Who waits in orch_pg_run() has other things to heed. */
void orch_pg_link_expect(struct orch_pg_link *link)
{
	const struct orch_pg *pg = link->pg;

	atomic_store(&link->asked_ms, orch_clock_mono_ms());
	orch_pg_link_wait(link,
		link == pg->run && pg->run_ms ? pg->run_ms : pg->statement_ms + ORCH_PG_MARGIN_MS);
}

static void enter(struct orch_pg_link *link, enum orch_pg_state state)
{
	orch_metric_add(link->pg->counts.connections[link->state], -1);
	orch_metric_add(link->pg->counts.connections[state], 1);
	link->state = state;
}

static void note_trouble(struct orch_pg_link *link, int code, const char *why)
{
	pthread_mutex_lock(&link->pg->shared->mutex);
	link->trouble_code = code;
	(void)orch_fail(&link->trouble, code, "%s", why);
	pthread_mutex_unlock(&link->pg->shared->mutex);
}

static void forget_socket(struct orch_pg_link *link)
{
	(void)event_del(link->io);
	link->io_what = 0;
}

static void on_io(evutil_socket_t fd, short what, void *arg);

static void await(struct orch_pg_link *link, short what)
{
	if (link->io_what == what)
		return;
	forget_socket(link);
	(void)event_assign(link->io, orch_lane_base(link->lane), PQsocket(link->conn),
		(short)(what | EV_PERSIST), on_io, link);
	if (event_add(link->io, NULL) < 0) {
		orch_pg_link_lose(link, ORCH_E_NOMEM, "PostgreSQL: out of memory");
		return;
	}
	link->io_what = what;
}

static void disconnect(struct orch_pg_link *link)
{
	forget_socket(link);
	orch_timer_clear(&link->timer);
	PQfinish(link->conn);
	link->conn = NULL;
	orch_pg_statements_forget(link);
	link->is_proven = false;
}

/* The link of orch_pg_run() tells those who wait at once what time will not mend. */
static void pause_tries(struct orch_pg_link *link)
{
	int code = link->trouble_code;
	struct orch_err err = link->trouble;

	enter(link, ORCH_PG_WAITING);
	orch_pg_link_wait(link,
		orch_pg_jitter(ORCH_PG_RECONNECT_MS, ORCH_PG_RECONNECT_MAX_MS, link->failures++));
	if (link == link->pg->run && code != ORCH_E_AGAIN)
		orch_pg_fail_queued(link, code, &err);
}

/* One that fell silent was lost when it did. */
static void note_loss(struct orch_pg_link *link)
{
	uint64_t now = orch_clock_mono_ms();
	uint64_t asked = atomic_load(&link->asked_ms);

	atomic_store(&link->lost_ms, asked ? asked : now);
	/* It has held for long: this is another trouble. */
	if (now - link->ready_ms > ORCH_PG_RECONNECT_MAX_MS)
		link->failures = 0;
}

void orch_pg_link_lose(struct orch_pg_link *link, int code, const char *why)
{
	note_trouble(link, code, why);
	if (link->state == ORCH_PG_READY)
		note_loss(link);
	orch_pg_batch_lost(link);
	disconnect(link);
	pause_tries(link);
}

/* At one address; there may be another. */
static void fail_address(struct orch_pg_link *link, int code, const char *why)
{
	note_trouble(link, code, why);
	disconnect(link);
	link->target++;
	try_next(link);
}

static uint64_t time_for_one(const struct orch_pg_link *link)
{
	uint64_t ms = link->pg->connect_ms / link->targets.count;

	return ms < ORCH_PG_ADDRESS_MS ? ORCH_PG_ADDRESS_MS : ms;
}

static void try_next(struct orch_pg_link *link)
{
	struct orch_err err = { "" };
	int code;

	while (link->target < link->targets.count) {
		link->conn = orch_pg_dsn_connect(link->pg, &link->targets.at[link->target]);
		if (link->conn && PQstatus(link->conn) != CONNECTION_BAD) {
			(void)PQsetErrorVerbosity(link->conn, PQERRORS_VERBOSE);
			enter(link, ORCH_PG_CONNECTING);
			orch_pg_link_wait(link, time_for_one(link));
			await(link, EV_WRITE);
			return;
		}
		code = link->conn ? orch_pg_connect_failure(link->conn, &err)
				  : orch_fail(&err, ORCH_E_NOMEM, "PostgreSQL: out of memory");
		note_trouble(link, code, err.text);
		disconnect(link);
		link->target++;
	}
	pause_tries(link);
}

static void start_try(struct orch_pg_link *link)
{
	struct orch_err err = { "" };
	int code;

	link->target = 0;
	if (orch_pg_targets_literal(&link->pg->dsn, &link->targets)) {
		try_next(link);
		return;
	}
	enter(link, ORCH_PG_RESOLVING);
	code = link->look_up ? ORCH_OK : orch_pg_look_up_start(link, &err);
	if (code < 0)
		orch_pg_link_lose(link, code, err.text);
}

void orch_pg_link_resolved(struct orch_pg_link *link, const char *problem)
{
	if (link->targets.count == 0)
		orch_pg_link_lose(link, ORCH_E_AGAIN, problem);
	else
		try_next(link);
}

static void set_up(struct orch_pg_link *link)
{
	enter(link, ORCH_PG_SETTING_UP);
	if (orch_pg_setup_send(link->pg, link->conn))
		orch_pg_link_flush(link);
	else
		fail_address(link, ORCH_E_AGAIN, "PostgreSQL: nothing can be sent");
}

static void go_on_connecting(struct orch_pg_link *link)
{
	struct orch_err err = { "" };
	int code;

	forget_socket(link);
	switch (PQconnectPoll(link->conn)) {
	case PGRES_POLLING_READING:
		await(link, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		await(link, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		set_up(link);
		break;
	default:
		code = orch_pg_connect_failure(link->conn, &err);
		fail_address(link, code, err.text);
		break;
	}
}

static void become_ready(struct orch_pg_link *link)
{
	if (link->was_ready)
		orch_metric_add(link->pg->counts.reconnects, 1);
	link->was_ready = true;
	note_trouble(link, ORCH_OK, "");
	atomic_store(&link->lost_ms, 0);
	link->ready_ms = orch_clock_mono_ms();
	orch_timer_clear(&link->timer);
	enter(link, ORCH_PG_READY);
	link->must_listen = link->watches != NULL;
	orch_pg_batch_begin(link);
}

static void take_set_up(struct orch_pg_link *link)
{
	struct orch_err err = { "" };
	PGresult *result;
	int code = ORCH_E_AGAIN;

	if (PQisBusy(link->conn))
		return;
	result = PQgetResult(link->conn);
	if (result)
		code = orch_pg_setup_check(link->pg, result, &err);
	PQclear(result);
	if (code == ORCH_OK && PQgetResult(link->conn) == NULL &&
		PQenterPipelineMode(link->conn) == 1)
		become_ready(link);
	else
		fail_address(link, code, err.text);
}

static void take_answers(struct orch_pg_link *link)
{
	/* What came before the end counts. */
	bool is_there = PQconsumeInput(link->conn) == 1;

	if (!orch_pg_batch_take(link)) {
		orch_pg_link_lose(link, ORCH_E_AGAIN, "PostgreSQL: the connection broke");
		return;
	}
	if (link->state != ORCH_PG_READY)
		return;
	if (!is_there || PQstatus(link->conn) == CONNECTION_BAD) {
		orch_pg_link_lose(link, ORCH_E_AGAIN,
			link->failure.is_set ? link->failure.err.text
					     : "PostgreSQL: the connection broke");
		return;
	}
	orch_pg_watch_heard(link);
	orch_pg_batch_begin(link);
}

void orch_pg_link_flush(struct orch_pg_link *link)
{
	int left = PQflush(link->conn);

	if (left >= 0)
		await(link, left > 0 ? EV_READ | EV_WRITE : EV_READ);
	else if (link->state != ORCH_PG_READY)
		fail_address(link, ORCH_E_AGAIN, "PostgreSQL: the connection broke");
	else if (PQsocket(link->conn) >= 0)
		await(link, EV_READ); /* what the server said before its end */
	else
		orch_pg_link_lose(link, ORCH_E_AGAIN, "PostgreSQL: the connection broke");
}

static void on_ready_io(struct orch_pg_link *link, short what)
{
	if (link->is_under_way)
		orch_pg_link_expect(link);
	if (what & EV_READ)
		take_answers(link);
	if (link->state == ORCH_PG_READY)
		orch_pg_link_flush(link);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct orch_pg_link *link = arg;

	(void)fd;
	switch (link->state) {
	case ORCH_PG_CONNECTING:
		go_on_connecting(link);
		break;
	case ORCH_PG_SETTING_UP:
		if (PQconsumeInput(link->conn) == 1)
			take_set_up(link);
		else
			fail_address(link, ORCH_E_AGAIN, "PostgreSQL: the connection broke");
		if (link->state == ORCH_PG_SETTING_UP)
			orch_pg_link_flush(link);
		break;
	case ORCH_PG_READY:
		on_ready_io(link, what);
		break;
	default:
		break;
	}
}

static void on_timer(void *arg)
{
	struct orch_pg_link *link = arg;

	switch (link->state) {
	case ORCH_PG_WAITING:
		start_try(link);
		break;
	case ORCH_PG_CONNECTING:
	case ORCH_PG_SETTING_UP:
		fail_address(link, ORCH_E_AGAIN, "PostgreSQL: no answer in time");
		break;
	case ORCH_PG_READY:
		if (link->is_under_way)
			orch_pg_link_lose(link, ORCH_E_AGAIN, "PostgreSQL: no answer in time");
		link->is_paused = false;
		orch_pg_batch_begin(link);
		break;
	default:
		break;
	}
}

static void on_start(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	orch_pg_batch_begin(arg);
}

static int make_events(struct orch_pg_link *link)
{
	struct event_base *base = orch_lane_base(link->lane);

	link->io = event_new(base, -1, 0, on_io, link);
	link->start = event_new(base, -1, 0, on_start, link);
	link->tell = event_new(base, -1, 0, orch_pg_watch_tell, link);
	if (!link->io || !link->start || !link->tell)
		return ORCH_E_NOMEM;
	if (orch_timer_init(&link->timer, link->lane, on_timer, link) < 0)
		return ORCH_E_NOMEM;
	return orch_timer_init(&link->patience, link->lane, orch_pg_on_patience, link);
}

int orch_pg_link_create(struct orch_pg *pg, struct orch_lane *lane, struct orch_pg_link **ret_link,
	struct orch_err *err)
{
	struct orch_pg_link *link = orch_alloc(sizeof(*link));

	if (!link)
		return orch_fail(err, ORCH_E_NOMEM, "PostgreSQL: out of memory");
	link->pg = pg;
	link->lane = lane;
	link->last = &link->first;
	link->batch_last = &link->batch;
	link->sender.link = link;
	orch_buf_init(&link->sender.scratch, ORCH_PG_VALUE_BYTES);
	orch_metric_add(pg->counts.connections[ORCH_PG_WAITING], 1);
	/* The database was there a moment ago. */
	atomic_store(&link->lost_ms, orch_clock_mono_ms());
	link->statements = orch_alloc_array(ORCH_PG_STATEMENTS, sizeof(*link->statements));
	if (!link->statements || make_events(link) < 0) {
		orch_pg_link_destroy(link);
		return orch_fail(err, ORCH_E_NOMEM, "PostgreSQL: out of memory");
	}
	orch_timer_set(&link->timer, 0);
	*ret_link = link;
	return ORCH_OK;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void end_groups(struct orch_pg_link *link)
{
	struct orch_err err;
	int code = orch_fail(&err, ORCH_E_AGAIN, "PostgreSQL: the connection is being closed");

	orch_pg_batch_lost(link);
	orch_pg_fail_queued(link, code, &err);
}

void orch_pg_link_destroy(struct orch_pg_link *link)
{
	if (!link)
		return;
	orch_pg_look_up_cancel(link->look_up);
	end_groups(link);
	PQfinish(link->conn);
	free_event(link->io);
	free_event(link->start);
	free_event(link->tell);
	orch_timer_fini(&link->timer);
	orch_timer_fini(&link->patience);
	orch_metric_add(link->pg->counts.connections[link->state], -1);
	orch_pg_sender_fini(&link->sender);
	orch_free(link->sent);
	orch_free(link->ops);
	orch_free(link->statements);
	orch_free(link);
}
