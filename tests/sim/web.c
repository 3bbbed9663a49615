/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Web API and the downloads as they go over the wire, with what goes
 * wrong on request.
 *
 * A call is "pending" while it is held or slow; all others are answered at
 * once.  The exchange keeps the request's bytes until it is answered.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "box.h"
#include "file.h"

#define HEADERS_BYTES 4096

struct sim_pending {
	TAILQ_ENTRY(sim_pending) next;
	struct sim_box *box;
	struct orch_http_exchange *exchange;
	struct sim_fault fault;
	char method[64];
	bool is_file;
	bool is_listed;
	bool is_held;
	bool has_run;
	bool has_timer;
	struct orch_timer timer;
	struct sim_answer answer;
	struct sim_file *file; /* of a download that succeeds */
};

static struct orch_text header(const struct sim_pending *pending, const char *name)
{
	struct orch_text value =
		orch_http_head_get(orch_http_exchange_head(pending->exchange), name);

	return value.ptr ? value : ORCH_TEXT_NONE;
}

static void unlist(struct sim_pending *pending)
{
	if (!pending->is_listed)
		return;
	TAILQ_REMOVE(&pending->box->pendings, pending, next);
	pending->is_listed = false;
	if (pending->is_held)
		pending->box->held_count--;
	pending->is_held = false;
}

static void end(struct sim_pending *pending)
{
	unlist(pending);
	if (pending->has_timer)
		orch_timer_fini(&pending->timer);
	json_object_put(pending->answer.body);
	json_object_put(pending->answer.args);
	orch_free(pending);
}

static struct sim_request read_request(const struct sim_pending *pending)
{
	const struct orch_http_head *head = orch_http_exchange_head(pending->exchange);

	return (struct sim_request){
		.method = orch_text_from(pending->method),
		.is_get = !orch_text_is(head->method, "POST"),
		.query = head->query,
		.media_type = header(pending, "content-type"),
		.body = orch_http_exchange_body(pending->exchange),
		.authorization = header(pending, "authorization"),
		.now_ms = orch_clock_mono_ms(),
	};
}

static void run_api(struct sim_pending *pending)
{
	struct sim_request request = read_request(pending);

	sim_api_call(pending->box->world, pending->box->limits, &request, &pending->answer);
}

static const struct sim_token *bearer(const struct sim_pending *pending)
{
	struct orch_text value = header(pending, "authorization");

	if (value.len < 7 ||
		!orch_text_equal_nocase((struct orch_text){ value.ptr, 7 }, ORCH_TEXT("bearer ")))
		return NULL;
	return sim_world_token(pending->box->world,
		orch_text_trim((struct orch_text){ value.ptr + 7, value.len - 7 }));
}

/* Without a token that may read files Slack shows its sign-in page, and calls that 200. */
static void run_file(struct sim_pending *pending)
{
	struct sim_box *box = pending->box;
	struct orch_text id = sim_path_after(pending->exchange, "/files/"), rest = id;
	const struct sim_token *token = bearer(pending);
	struct sim_file *file;
	const char *error = NULL;

	(void)orch_text_split(&rest, '/', &id);
	file = sim_world_file(box->world, id);
	pending->answer.args = json_object_new_object();
	pending->answer.body = json_object_new_object();
	pending->answer.token = token;
	pending->answer.status = 200;
	sim_put_text(pending->answer.args, "file", id);
	if (!token || token->problem[0] || !sim_token_has_scope(token, "files:read") ||
		pending->fault.kind == SIM_FAULT_LOGIN)
		error = "sign_in_page";
	else if (!file || file->is_deleted || !file->bytes ||
		!sim_file_is_visible(box->world, file, token->owner))
		error = "file_not_found";
	else
		pending->file = file;
	if (error && strcmp(error, "file_not_found") == 0)
		pending->answer.status = 404;
	sim_put_bool(pending->answer.body, "ok", !error);
	if (error)
		sim_put(pending->answer.body, "error", error);
}

static void note(struct sim_pending *pending)
{
	sim_audit_add(pending->box->audit, orch_text_from(pending->method),
		orch_http_exchange_received_ms(pending->exchange), &pending->answer,
		pending->fault.kind);
	sim_box_changed(pending->box);
}

static void run(struct sim_pending *pending)
{
	pending->has_run = true;
	if (pending->is_file)
		run_file(pending);
	else
		run_api(pending);
	note(pending);
}

static const char sign_in_page[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><title>Sign in | Slack</title></head>"
	"<body><h1>Sign in to your workspace</h1></body></html>\n";

/* What the address of a canvas gives is no sign-in page, and not its text either. */
static const char canvas_page[] =
	"<div class=\"quip-canvas-content\"><p>Open this canvas in Slack.</p></div>\n";

static const char *choose_media_type(const struct sim_pending *pending)
{
	const char *type;

	if (!pending->is_file)
		return "application/json; charset=utf-8";
	if (!pending->file || sim_file_is_canvas(pending->file))
		return "text/html; charset=utf-8";
	type = sim_get(pending->file->body, "mimetype");
	return type[0] ? type : "application/octet-stream";
}

static struct orch_text choose_body(const struct sim_pending *pending)
{
	if (pending->fault.kind == SIM_FAULT_GARBAGE)
		return ORCH_TEXT("\x01\xff{\"ok\":tru]]garbage");
	if (!pending->is_file)
		return orch_json_print(pending->answer.body);
	if (!pending->file)
		return ORCH_TEXT(sign_in_page);
	if (sim_file_is_canvas(pending->file))
		return ORCH_TEXT(canvas_page);
	return (struct orch_text){ pending->file->bytes, pending->file->len };
}

static void add_headers(const struct sim_pending *pending, struct orch_buf *headers)
{
	const struct sim_answer *answer = &pending->answer;

	orch_buf_add_string(headers, "Cache-Control: no-store\r\n");
	if (answer->retry_after_s)
		orch_buf_printf(headers, "Retry-After: %llu\r\n",
			(unsigned long long)answer->retry_after_s);
	if (answer->token && !pending->is_file)
		orch_buf_printf(headers, "X-OAuth-Scopes: %s\r\n", answer->token->scopes);
	if (pending->fault.kind == SIM_FAULT_REDIRECT && pending->fault.location[0])
		orch_buf_printf(headers, "Location: %s\r\n", pending->fault.location);
	if (pending->file)
		orch_buf_add_string(headers, "Content-Disposition: attachment\r\n");
}

/* The sim's last word on this call. */
static void finish(struct sim_pending *pending)
{
	struct orch_http_exchange *exchange = pending->exchange;
	struct orch_text body = choose_body(pending);
	struct orch_buf headers;

	orch_buf_init(&headers, HEADERS_BYTES);
	add_headers(pending, &headers);
	if (pending->fault.kind == SIM_FAULT_RESET ||
		pending->fault.kind == SIM_FAULT_RESET_AFTER) {
		orch_http_abort(exchange);
	} else if (pending->fault.kind == SIM_FAULT_TRUNCATE) {
		orch_http_stream_begin(
			exchange, 200, choose_media_type(pending), orch_buf_text(&headers).ptr);
		body.len /= 2;
		(void)orch_http_stream_send(exchange, body);
		orch_http_abort(exchange);
	} else {
		orch_http_answer(exchange, pending->answer.status, choose_media_type(pending),
			orch_buf_text(&headers).ptr, body);
	}
	orch_buf_fini(&headers);
	end(pending);
}

static void list(struct sim_pending *pending, bool held)
{
	TAILQ_INSERT_TAIL(&pending->box->pendings, pending, next);
	pending->is_listed = true;
	pending->is_held = held;
	if (held) {
		pending->box->held_count++;
		sim_box_changed(pending->box);
	}
}

static void fire(void *arg)
{
	finish(arg);
}

static void finish_later(struct sim_pending *pending)
{
	if (orch_timer_init(&pending->timer, pending->box->lane, fire, pending) != 0) {
		finish(pending);
		return;
	}
	pending->has_timer = true;
	list(pending, false);
	orch_timer_set(&pending->timer, pending->fault.ms);
}

/* What the fault answers instead of the call; nothing took effect. */
static void refuse(struct sim_pending *pending)
{
	struct sim_answer *answer = &pending->answer;
	const struct sim_fault *fault = &pending->fault;
	const struct sim_request request = read_request(pending);
	const char *error = "internal_error";

	sim_api_look(pending->box->world, &request, answer);
	answer->status = 200;
	answer->body = json_object_new_object();
	if (fault->kind == SIM_FAULT_STATUS)
		answer->status = fault->status;
	if (fault->kind == SIM_FAULT_REDIRECT)
		answer->status = 302;
	if (fault->kind == SIM_FAULT_ERROR)
		error = fault->error;
	if (fault->kind == SIM_FAULT_RATELIMITED) {
		answer->status = 429;
		answer->retry_after_s = fault->retry_after_s;
		error = "ratelimited";
	}
	sim_put_bool(answer->body, "ok", false);
	sim_put(answer->body, "error", error);
	note(pending);
	finish(pending);
}

static void take_effect(struct sim_pending *pending)
{
	run(pending);
	if (pending->fault.kind == SIM_FAULT_SLOW)
		finish_later(pending);
	else if (pending->fault.kind == SIM_FAULT_HOLD && pending->fault.after)
		list(pending, true);
	else
		finish(pending);
}

static void proceed(struct sim_pending *pending)
{
	switch (pending->fault.kind) {
	case SIM_FAULT_STATUS:
	case SIM_FAULT_RATELIMITED:
	case SIM_FAULT_ERROR:
	case SIM_FAULT_RESET:
	case SIM_FAULT_REDIRECT:
		refuse(pending);
		return;
	case SIM_FAULT_HOLD:
		if (!pending->fault.after) {
			list(pending, true);
			return;
		}
		break;
	default:
		break;
	}
	take_effect(pending);
}

static void begin(struct sim_box *box, struct orch_http_exchange *exchange, struct orch_text method,
	const char *fault_key)
{
	struct sim_pending *pending = orch_alloc(sizeof(*pending));

	if (!pending || box->held_count >= SIM_HELD_MAX) {
		orch_free(pending);
		sim_answer_problem(exchange, 503, "no room for another call");
		return;
	}
	pending->box = box;
	pending->exchange = exchange;
	pending->is_file = fault_key != NULL;
	sim_keep(pending->method, sizeof(pending->method), method);
	sim_audit_arrived(box->audit, orch_text_from(pending->method));
	pending->fault =
		sim_faults_take(&box->faults, fault_key ? orch_text_from(fault_key) : method);
	proceed(pending);
}

void sim_web_api(struct orch_http_exchange *exchange, void *box)
{
	begin(box, exchange, sim_path_after(exchange, "/api/"), NULL);
}

void sim_web_file(struct orch_http_exchange *exchange, void *box)
{
	begin(box, exchange, ORCH_TEXT("files.download"), "files");
}

/* Held calls go on; with DROP they end without an answer, and if they had not taken effect, they never do. */
size_t sim_web_release(struct sim_box *box, bool drop)
{
	struct sim_pending *pending, *after;
	size_t count = 0;

	for (pending = TAILQ_FIRST(&box->pendings); pending; pending = after) {
		after = TAILQ_NEXT(pending, next);
		if (!pending->is_held)
			continue;
		count++;
		unlist(pending);
		if (drop) {
			orch_http_abort(pending->exchange);
			end(pending);
			continue;
		}
		pending->fault.kind = SIM_FAULT_NONE;
		if (!pending->has_run)
			run(pending);
		finish(pending);
	}
	return count;
}

void sim_web_end(struct sim_box *box)
{
	struct sim_pending *pending;

	while ((pending = TAILQ_FIRST(&box->pendings))) {
		orch_http_abort(pending->exchange);
		end(pending);
	}
}
