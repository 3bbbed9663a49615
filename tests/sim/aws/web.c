/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a request: who asks, what, what is to go wrong, what it does,
 * and how the answer goes out.
 *
 * Most are answered before the handler of HTTP returns.  A call that is slow,
 * stalled or waits for messages is kept; its exchange keeps the request's
 * bytes.
 */
#include <string.h>

#include "sim/aws/shape.h"
#include "sim/aws/sigv4.h"
#include "sim/aws/stream.h"
#include "base/alloc.h"
#include "base/text.h"

#define HELD_MAX 4096
#define RESULTS_MAX 64 /* of each action, that are counted by name */

static struct orch_text header(const struct aws_call *call, const char *name)
{
	struct orch_text value = orch_http_head_get(orch_http_exchange_head(call->exchange), name);

	return value.ptr ? value : ORCH_TEXT_NONE;
}

static enum aws_service service_of(const struct aws_call *call)
{
	if (call->action)
		return call->action->service;
	return orch_text_starts_with(header(call, "x-amz-target"), ORCH_TEXT("Kinesis"))
		? AWS_KINESIS
		: AWS_SQS;
}

static void unlist(struct aws_call *call)
{
	if (!call->is_held)
		return;
	TAILQ_REMOVE(&call->cloud->held, call, next);
	call->cloud->held_count--;
	call->is_held = false;
}

static void end(struct aws_call *call)
{
	unlist(call);
	if (call->has_timer)
		orch_timer_fini(&call->timer);
	json_object_put(call->args);
	orch_buf_fini(&call->answer);
	aws_numbers_fini(&call->touched);
	orch_free(call);
}

/* How often it ended so; a counter that finds no memory is not kept. */
static void count_result(struct aws_count *count, const char *result)
{
	struct orch_text key = orch_text_from(result);
	uint64_t *times;

	if (!count->results && !(count->results = orch_map_create()))
		return;
	times = orch_map_get(count->results, key);
	if (!times && orch_map_count(count->results) < RESULTS_MAX) {
		times = orch_alloc(sizeof(*times));
		if (times && orch_map_set(count->results, key, times) != 0) {
			orch_free(times);
			times = NULL;
		}
	}
	if (times)
		++*times;
}

/* What the answer tells of is known to the client: none of it may be lost any more. */
static void acknowledge(struct aws_call *call)
{
	struct aws_ledger *ledger = call->cloud->ledger;

	for (size_t i = 0; i < call->touched.count; i++) {
		uint64_t number = call->touched.at[i];
		struct aws_entry *entry;
		struct aws_put *put;

		if (service_of(call) == AWS_KINESIS) {
			put = aws_ledger_find_put(ledger, number);
			put->stream->acknowledged += !put->is_acknowledged;
			put->is_acknowledged = true;
		} else if ((entry = aws_ledger_entry(ledger, number))) {
			entry->tally->acknowledged += !entry->is_acknowledged;
			entry->is_acknowledged = true;
		}
	}
}

static const char *media_type(const struct aws_call *call)
{
	return service_of(call) == AWS_SQS ? "application/x-amz-json-1.0"
					   : "application/x-amz-json-1.1";
}

static void write_headers(const struct aws_call *call, char *ret, size_t size)
{
	const struct aws_error *error = &call->error;
	int len = snprintf(ret, size, "x-amzn-RequestId: 00000000-0000-4000-8000-%012llx\r\n",
		(unsigned long long)call->number);

	if (error->code[0] && service_of(call) == AWS_SQS)
		len += snprintf(ret + len, size - (size_t)len, "x-amzn-query-error: %s;%s\r\n",
			aws_error_query_code(error->code),
			aws_error_is_ours(error->code) ? "Receiver" : "Sender");
	if (error->retry_after_s)
		(void)snprintf(ret + len, size - (size_t)len, "Retry-After: %llu\r\n",
			(unsigned long long)error->retry_after_s);
}

/* A proxy in between says this, not the service. */
static bool is_of_a_proxy(const struct aws_call *call)
{
	int status = call->error.status;

	return call->fault.kind == AWS_FAULT_HTTP && (status == 502 || status == 504);
}

static void answer_whole(struct aws_call *call, int status, struct orch_text body)
{
	static const char page[] = "<html><head><title>Bad gateway</title></head></html>\n";
	char headers[512];

	write_headers(call, headers, sizeof(headers));
	if (is_of_a_proxy(call))
		orch_http_answer(call->exchange, status, "text/html", NULL, ORCH_TEXT(page));
	else
		orch_http_answer(call->exchange, status, media_type(call), headers, body);
}

/* Half of it, and then the end, or nothing more at all. */
static void answer_half(struct aws_call *call, int status, struct orch_text body)
{
	char headers[512];

	write_headers(call, headers, sizeof(headers));
	orch_http_stream_begin(call->exchange, status, media_type(call), headers);
	body.len /= 2;
	(void)orch_http_stream_send(call->exchange, body);
}

static void note_end(struct aws_call *call, const char *result, bool is_good)
{
	char text[AWS_CODE_SIZE + 16];

	call->count->good += is_good;
	if (call->fault.kind) {
		(void)snprintf(text, sizeof(text), "fault: %s", aws_fault_name(call->fault.kind));
		result = text;
	}
	count_result(call->count, result);
}

static void stall_over(void *arg)
{
	struct aws_call *call = arg;

	orch_http_abort(call->exchange);
	end(call);
}

static void gone(void *arg)
{
	struct aws_call *call = arg;

	orch_http_abort(call->exchange);
	end(call);
}

/* Keeps it for so long; without room for that it is broken off. */
static void hold(struct aws_call *call, void (*fire)(void *arg))
{
	struct aws_cloud *cloud = call->cloud;

	if (cloud->held_count >= HELD_MAX || !aws_call_set_timer(call, fire, call->fault.ms)) {
		stall_over(call);
		return;
	}
	TAILQ_INSERT_TAIL(&cloud->held, call, next);
	cloud->held_count++;
	call->is_held = true;
	orch_http_stream_on_close(call->exchange, gone, call);
	aws_cloud_changed(cloud);
}

static void send_answer(struct aws_call *call)
{
	enum aws_service service = service_of(call);
	int status = 200;

	if (call->answer.failed)
		(void)aws_refuse_no_memory(call);
	if (call->error.code[0]) {
		status = aws_error_status(&call->error, service);
		aws_error_write(&call->error, service, &call->answer);
	} else {
		aws_shape_mishap(call);
		acknowledge(call);
	}
	note_end(call, call->error.code[0] ? call->error.code : "ok", !call->error.code[0]);
	answer_whole(call, status, orch_buf_text(&call->answer));
	end(call);
}

static void send_held(void *arg)
{
	struct aws_call *call = arg;

	unlist(call);
	send_answer(call);
}

/* It took effect, and something else is answered, or nothing. */
static void send_spoiled(struct aws_call *call)
{
	struct orch_text body = orch_buf_text(&call->answer);

	note_end(call, "", false);
	switch (call->fault.kind) {
	case AWS_FAULT_TRUNCATE:
		answer_half(call, 200, body);
		orch_http_abort(call->exchange);
		end(call);
		return;
	case AWS_FAULT_HALF:
		answer_half(call, 200, body);
		hold(call, stall_over);
		return;
	case AWS_FAULT_CUT:
		body.len = body.len > 1 ? body.len / 2 : 0;
		break;
	case AWS_FAULT_GARBAGE:
		body = ORCH_TEXT("\x01\xff{\"Successful\":[tru]]garbage");
		break;
	default:
		orch_http_abort(call->exchange);
		end(call);
		return;
	}
	answer_whole(call, 200, body);
	end(call);
}

static void set_fault_error(struct aws_call *call);

/* The call has an answer or an error; what happens to that on its way out? */
static void finish(struct aws_call *call)
{
	aws_cloud_changed(call->cloud);
	if (call->error.code[0] && call->fault.kind != AWS_FAULT_SLOW) {
		call->fault.kind = AWS_FAULT_NONE; /* it had its own reason to fail */
		send_answer(call);
		return;
	}
	switch (call->fault.kind) {
	case AWS_FAULT_NONE:
		send_answer(call);
		return;
	case AWS_FAULT_SLOW:
		if (call->fault.after)
			hold(call, send_held);
		else
			send_answer(call);
		return;
	case AWS_FAULT_STALL:
		note_end(call, "", false);
		hold(call, stall_over);
		return;
	case AWS_FAULT_RESET:
	case AWS_FAULT_TRUNCATE:
	case AWS_FAULT_HALF:
	case AWS_FAULT_CUT:
	case AWS_FAULT_GARBAGE:
		send_spoiled(call);
		return;
	default:
		set_fault_error(call);
		send_answer(call);
		return;
	}
}

void aws_call_finish(struct aws_call *call, int code)
{
	if (code == AWS_REFUSED)
		orch_buf_reset(&call->answer);
	else
		call->error = (struct aws_error){ .status = 0 };
	finish(call);
}

static void run(struct aws_call *call)
{
	int code;

	call->has_run = true;
	code = call->action->run(call);
	if (code == AWS_LATER)
		aws_cloud_changed(call->cloud);
	else
		aws_call_finish(call, code);
}

static void run_held(void *arg)
{
	struct aws_call *call = arg;

	unlist(call);
	run(call);
}

/* What a fault answers, if it says no more than its kind. */
static const char *usual_code(const struct aws_call *call)
{
	bool is_sqs = call->action->service == AWS_SQS;

	switch (call->fault.kind) {
	case AWS_FAULT_THROTTLE:
		return is_sqs ? "ThrottlingException" : "ProvisionedThroughputExceededException";
	case AWS_FAULT_DENIED:
		return "AccessDeniedException";
	case AWS_FAULT_GONE:
		return is_sqs ? "QueueDoesNotExist" : "ResourceNotFoundException";
	case AWS_FAULT_OVER_LIMIT:
		return is_sqs ? "OverLimit" : "LimitExceededException";
	case AWS_FAULT_EXPIRED:
		return "ExpiredTokenException";
	default:
		return call->fault.status == 503 ? "ServiceUnavailable" : "InternalFailure";
	}
}

static void set_fault_error(struct aws_call *call)
{
	const struct aws_fault *fault = &call->fault;
	struct aws_error *error = &call->error;

	(void)aws_refuse(call, fault->code[0] ? fault->code : usual_code(call), "%s",
		fault->message[0] ? fault->message : "This was asked for.");
	error->status = fault->status;
	if (fault->kind == AWS_FAULT_HTTP && !error->status)
		error->status = 500;
	error->spelling = fault->spelling;
	error->retry_after_s = fault->retry_after_s;
}

/* Nothing takes effect. */
static void spoil_before(struct aws_call *call)
{
	switch (call->fault.kind) {
	case AWS_FAULT_RESET:
		send_spoiled(call);
		return;
	case AWS_FAULT_STALL:
		note_end(call, "", false);
		hold(call, stall_over);
		return;
	case AWS_FAULT_SLOW:
		hold(call, run_held);
		return;
	default:
		set_fault_error(call);
		send_answer(call);
		return;
	}
}

/* These can only come when there is an answer to spoil. */
static bool comes_after(const struct aws_fault *fault)
{
	return fault->after || fault->kind == AWS_FAULT_NONE || fault->kind == AWS_FAULT_TRUNCATE ||
		fault->kind == AWS_FAULT_HALF || fault->kind == AWS_FAULT_CUT ||
		fault->kind == AWS_FAULT_GARBAGE;
}

static void proceed(struct aws_call *call)
{
	const struct aws_target target = {
		.action = UINT64_C(1) << aws_action_place(call->action),
		.on = call->subject,
		.now_ms = aws_cloud_now(call->cloud),
	};

	call->fault = aws_faults_take(&call->cloud->faults, &target);
	if (comes_after(&call->fault))
		run(call);
	else
		spoil_before(call);
}

static int check_signature(struct aws_call *call)
{
	struct aws_cloud *cloud = call->cloud;
	const struct aws_signed request = {
		.head = orch_http_exchange_head(call->exchange),
		.body = orch_http_exchange_body(call->exchange),
		.service = aws_service_name(service_of(call)),
		.region = aws_cloud_region(cloud),
		.wall_ms = aws_cloud_wall(cloud),
	};
	const char *code;
	struct orch_err err;

	if (cloud->settings.takes_unsigned)
		return AWS_DONE;
	code = aws_sigv4_check(&cloud->keys, cloud->digest, &request, &err);
	return code ? aws_refuse(call, code, "%s", err.text) : AWS_DONE;
}

static int read_body(struct aws_call *call)
{
	struct orch_err err;

	if (!call->action)
		return aws_refuse(call, "UnknownOperationException", "There is no such action.");
	if (orch_json_parse(orch_http_exchange_body(call->exchange), &call->args, &err) != 0)
		return aws_refuse(call, "SerializationException", "%s", err.text);
	if (!json_object_is_type(call->args, json_type_object))
		return aws_refuse(call, "SerializationException", "The body is no JSON object.");
	return AWS_DONE;
}

/* The queue or stream that the request is about. */
static struct orch_text find_subject(struct json_object *args)
{
	static const struct {
		const char *member;
		char separator; /* before the name */
	} members[] = { { "QueueUrl", '/' }, { "StreamARN", '/' }, { "SourceArn", ':' },
		{ "StreamName", '\0' }, { "QueueName", '\0' } };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct orch_text text = orch_json_text(args, members[i].member);

		if (text.len)
			return members[i].separator ? aws_text_after(text, members[i].separator)
						    : text;
	}
	return ORCH_TEXT_NONE;
}

void aws_web(struct orch_http_exchange *exchange, void *arg)
{
	struct aws_cloud *cloud = arg;
	struct aws_call *call = orch_alloc(sizeof(*call));

	if (!call) {
		orch_http_answer(exchange, 503, "text/plain", NULL, ORCH_TEXT("no memory\n"));
		return;
	}
	call->cloud = cloud;
	call->exchange = exchange;
	call->number = ++cloud->request_count;
	orch_buf_init(&call->answer, AWS_ANSWER_BYTES);
	call->action = aws_action_find(header(call, "x-amz-target"));
	call->count =
		call->action ? &cloud->counts[aws_action_place(call->action)] : &cloud->others;
	call->count->calls++;
	if (check_signature(call) != AWS_DONE || read_body(call) != AWS_DONE) {
		finish(call);
		return;
	}
	call->subject = find_subject(call->args);
	proceed(call);
}

/* Held calls go on; with DROP they end without an answer, and if they had not taken effect, they never do. */
size_t aws_web_release(struct aws_cloud *cloud, bool drop)
{
	struct aws_call *call;
	size_t count = 0;

	while ((call = TAILQ_FIRST(&cloud->held))) {
		bool is_stalled = call->fault.kind != AWS_FAULT_SLOW;

		count++;
		if (drop || is_stalled) {
			stall_over(call);
			continue;
		}
		unlist(call);
		if (call->has_run)
			send_answer(call);
		else
			run(call);
	}
	return count;
}
