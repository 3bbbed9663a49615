/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/hook_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "plugin/settings.h"
#include "stage/leases.h"
#include "stage/limit.h"

#define DEFAULT_PAUSE_MS 1000     /* for a 429 that names no time */
#define SPILL_BYTES (1024 * 1024) /* of a download, from where on it is a file */

static void enter(struct orch_run *run, const struct orch_reply *reply);

static void finish(struct orch_run *run, int code)
{
	run->done(run, code);
}

static void note_duration(struct orch_run *run, uint64_t took_ns)
{
	orch_metric_observe_ns(run->duration, took_ns);
	if (took_ns / 1000000 <= run->hook_ms)
		return;
	orch_limit_note("hook_ms");
	orch_log(ORCH_LOG_WARN, "plugin.slow", ORCH_LOG_TEXT("instance", run->instance->name),
		ORCH_LOG_STRING("hook", run->name), ORCH_LOG_INT("took_ms", took_ns / 1000000),
		ORCH_LOG_TEXT("trace", run->about.trace), ORCH_LOG_TEXT("id", run->about.id));
}

static void on_timer(void *arg)
{
	enter(arg, NULL);
}

/*
 * A limit key is paused: sits it out if that is short, else gives the work
 * back.  Short is the sum of all its pauses, or one work could keep its place
 * for ever.
 */
static void sit_out(struct orch_run *run, uint64_t pause_ms)
{
	run->requests--;
	if (run->waited_ms + pause_ms <= run->wait_max_ms &&
		(run->has_timer ||
			orch_timer_init(&run->timer, run->bench->lane, on_timer, run) == ORCH_OK)) {
		run->has_timer = true;
		run->waited_ms += pause_ms;
		orch_timer_set(&run->timer, pause_ms + orch_backoff_ms(0, 100, 100));
		return;
	}
	run->pause_ms = pause_ms;
	(void)orch_fail(&run->err, ORCH_E_AGAIN, "a rate limit pauses %.*s",
		ORCH_TEXT_ARG(run->request.limit_key));
	finish(run, ORCH_E_AGAIN);
}

static void reply_refused(struct orch_run *run, int32_t status, const struct orch_err *err)
{
	struct orch_reply reply = {
		.size = sizeof(reply),
		.status = status,
		.headers = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE,
		.problem = orch_text_from(err->text),
	};

	enter(run, &reply);
}

static void take_part(struct orch_run *run, const struct orch_reply *reply)
{
	if (run->blob == NULL)
		return;
	if (reply->status >= 200 && reply->status < 300 && run->part != NULL)
		run->part(run, run->request.part, run->blob, reply->truncated);
	else
		orch_blob_destroy(run->blob);
	run->blob = NULL;
}

static void note_answer(struct orch_run *run, const struct orch_reply *reply, bool was_sent)
{
	run->is_unanswered = reply->status <= 0 && (was_sent || run->was_unanswered);
}

void orch_run_answer(struct orch_run *run, const struct orch_reply *reply, bool was_sent)
{
	note_answer(run, reply, was_sent);
	enter(run, reply);
}

static void on_result(void *arg, const struct orch_http_result *result)
{
	struct orch_run *run = arg;
	uint64_t pause_ms = result->retry_after_ms > 0 ? result->retry_after_ms : DEFAULT_PAUSE_MS;

	run->flight = NULL;
	note_answer(run, &result->reply, result->was_sent);
	take_part(run, &result->reply);
	if (result->reply.status == 429 && run->request.limit_key.len > 0) {
		orch_pauses_set(run->bench->pauses, run->request.limit_key, pause_ms);
		orch_log(ORCH_LOG_INFO, "limit.paused",
			ORCH_LOG_TEXT("what", run->request.limit_key),
			ORCH_LOG_INT("for_ms", pause_ms), ORCH_LOG_TEXT("trace", run->about.trace),
			ORCH_LOG_TEXT("id", run->about.id));
		sit_out(run, pause_ms);
		return;
	}
	enter(run, &result->reply);
}

/* Nobody appends to a file that the configuration has not named to him. */
static int append_line(struct orch_run *run, struct orch_err *err)
{
	const struct orch_request *request = &run->request;
	struct orch_text file;

	if (orch_outlet_file(request->url, &file) &&
		!orch_settings_name_file(run->plugin, run->settings, file))
		return orch_fail(err, ORCH_E_DENIED, "%.*s: no option of %.*s names this file",
			ORCH_TEXT_ARG(file), ORCH_TEXT_ARG(run->instance->name));
	return orch_outlets_write(run->bench->outlets, request->url, request->body, err);
}

static void write_log_line(struct orch_run *run)
{
	struct orch_reply reply = {
		.size = sizeof(reply),
		.status = 200,
		.headers = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE,
		.problem = ORCH_TEXT_NONE,
	};
	struct orch_err err = { "" };
	int rc = append_line(run, &err);

	if (rc != ORCH_OK) {
		reply_refused(run, rc == ORCH_E_AGAIN ? 0 : -1, &err);
		return;
	}
	run->is_unanswered = false;
	enter(run, &reply);
}

/* Nothing has been sent, and perhaps nothing ever will be. */
static void refuse(struct orch_run *run, int code, const struct orch_err *err)
{
	run->is_unanswered = run->was_unanswered;
	orch_blob_destroy(run->blob);
	run->blob = NULL;
	reply_refused(run, code == ORCH_E_AGAIN || code == ORCH_E_NOMEM ? 0 : -1, err);
}

static int send_http(struct orch_run *run, struct orch_err *err)
{
	struct orch_request *request = &run->request;

	if (request->part.len > 0) {
		run->blob = orch_blob_create(run->bench->spool_dir, SPILL_BYTES);
		if (run->blob == NULL)
			return orch_fail(err, ORCH_E_AGAIN, "no room for a download");
	}
	if ((request->part.len > 0 && request->max_bytes == 0) ||
		request->max_bytes > run->part_bytes)
		request->max_bytes = run->part_bytes;
	return orch_http_client_send(run->bench->client, run->egress, request, run->blob, on_result,
		run, &run->flight, err);
}

static void send_request(struct orch_run *run)
{
	struct orch_request *request = &run->request;
	struct orch_err err = { "" };
	int rc;

	if (orch_text_is(request->method, "LOG")) {
		write_log_line(run);
		return;
	}
	if (request->timeout_ms == 0)
		request->timeout_ms = run->instance->timeout_ms;
	run->was_unanswered = run->is_unanswered;
	run->is_unanswered = true;
	rc = orch_text_is(request->method, "AWS") ? orch_run_call_aws(run, &err)
						  : send_http(run, &err);
	if (rc != ORCH_OK)
		refuse(run, rc, &err);
}

/* The plugin's texts are lent until it is entered again; a request may have to wait longer. */
static int copy_request(struct orch_run *run, const struct orch_request *from)
{
	struct orch_request *to = &run->request;

	orch_arena_destroy(run->arena);
	run->arena = orch_arena_create(0);
	if (run->arena == NULL)
		return ORCH_E_NOMEM;
	*to = *from;
	to->method = orch_arena_text(run->arena, from->method);
	to->url = orch_arena_text(run->arena, from->url);
	to->headers = orch_arena_text(run->arena, from->headers);
	to->body = orch_arena_text(run->arena, from->body);
	to->limit_key = orch_arena_text(run->arena, from->limit_key);
	to->part = orch_arena_text(run->arena, from->part);
	return orch_arena_failed(run->arena) ? ORCH_E_NOMEM : ORCH_OK;
}

static bool has_moved(const struct orch_run *run)
{
	return run->progress.step != run->kept_step ||
		strcmp(run->progress.memo, run->kept_memo) != 0;
}

static void wants_to_send(struct orch_run *run, const struct orch_request *request)
{
	uint64_t pause_ms;

	if (run->is_lost != NULL && *run->is_lost) {
		finish(run, orch_fail(&run->err, ORCH_E_AGAIN, "the lease was lost meanwhile"));
		return;
	}
	if (++run->requests > run->requests_max) {
		orch_limit_note("requests");
		finish(run,
			orch_fail(&run->err, ORCH_E_LIMIT,
				"wants more than %u requests (limits.requests)",
				run->requests_max));
		return;
	}
	if (copy_request(run, request) != ORCH_OK) {
		finish(run, orch_fail(&run->err, ORCH_E_AGAIN, "no memory for a request"));
		return;
	}
	pause_ms = orch_pauses_left_ms(run->bench->pauses, run->request.limit_key);
	if (pause_ms > 0)
		sit_out(run, pause_ms);
	else if (run->checkpoint != NULL && has_moved(run))
		run->checkpoint(run);
	else
		send_request(run);
}

void orch_run_go_on(struct orch_run *run, int code)
{
	if (code != ORCH_OK) {
		finish(run, code);
		return;
	}
	run->kept_step = run->progress.step;
	memcpy(run->kept_memo, run->progress.memo, sizeof(run->kept_memo));
	send_request(run);
}

/* Of a step to which the run has moved on nothing has been sent yet. */
static void note_step(struct orch_run *run, uint32_t step)
{
	if (run->progress.step != step)
		run->is_unanswered = false;
}

static void enter(struct orch_run *run, const struct orch_reply *reply)
{
	struct orch_request request = {
		.size = sizeof(request),
		.method = ORCH_TEXT("POST"),
		.url = ORCH_TEXT_NONE,
		.headers = ORCH_TEXT_NONE,
		.body = ORCH_TEXT_NONE,
		.limit_key = ORCH_TEXT_NONE,
		.part = ORCH_TEXT_NONE,
	};
	uint64_t begin = orch_clock_mono_ns();
	uint32_t step = run->progress.step;
	int rc;

	run->err.text[0] = '\0';
	orch_plugin_host_set_about(run->host, &run->about);
	rc = run->enter(run, reply, &request, &run->err);
	orch_plugin_host_set_about(run->host, NULL);
	run->progress.memo[sizeof(run->progress.memo) - 1] = '\0';
	note_step(run, step);
	if (reply != NULL) {
		run->progress.resumed = false;
		run->last_status = reply->status;
		run->last_answer[0] = '\0';
		if (rc < 0)
			orch_answer_describe(reply, run->last_answer);
	}
	note_duration(run, orch_clock_mono_ns() - begin);
	if (rc == ORCH_SEND) {
		wants_to_send(run, &request);
		return;
	}
	finish(run, orch_code_settle(rc, run->name, &run->err));
}

void orch_run_start(struct orch_run *run)
{
	run->progress.size = sizeof(run->progress);
	run->is_unanswered = run->progress.resumed;
	run->kept_step = run->progress.step;
	memcpy(run->kept_memo, run->progress.memo, sizeof(run->kept_memo));
	enter(run, NULL);
}

void orch_run_cancel(struct orch_run *run)
{
	if (run->flight != NULL)
		orch_http_client_cancel(run->flight);
	run->flight = NULL;
	if (run->call != NULL)
		orch_aws_cancel(run->call);
	run->call = NULL;
	if (run->has_timer)
		orch_timer_clear(&run->timer);
}

void orch_run_fini(struct orch_run *run)
{
	orch_run_cancel(run);
	if (run->has_timer)
		orch_timer_fini(&run->timer);
	run->has_timer = false;
	orch_blob_destroy(run->blob);
	run->blob = NULL;
	orch_arena_destroy(run->arena);
	run->arena = NULL;
}
