/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/call.h"

#include <string.h>

#include "base/text.h"

int aws_refuse(struct aws_call *call, const char *code, const char *fmt, ...)
{
	va_list ap;

	call->error = (struct aws_error){ .status = 0 };
	sim_keep(call->error.code, sizeof(call->error.code), orch_text_from(code));
	va_start(ap, fmt);
	(void)vsnprintf(call->error.message, sizeof(call->error.message), fmt, ap);
	va_end(ap);
	return AWS_REFUSED;
}

int aws_refuse_parameter(struct aws_call *call, const char *name, const char *why)
{
	return aws_refuse(call, "InvalidParameterValueException",
		"Value for parameter %s is invalid. Reason: %s", name, why);
}

int aws_refuse_missing(struct aws_call *call, const char *name)
{
	return aws_refuse(call, "MissingRequiredParameterException",
		"The request must contain the parameter %s.", name);
}

int aws_refuse_no_memory(struct aws_call *call)
{
	return aws_refuse(call, "ServiceUnavailable", "The stand-in has no more room.");
}

bool aws_call_set_timer(struct aws_call *call, void (*fire)(void *call), uint64_t in_ms)
{
	if (!call->has_timer)
		call->has_timer = orch_timer_init(&call->timer, call->cloud->lane, fire, call) == 0;
	if (!call->has_timer)
		return false;
	call->timer.fire = fire;
	orch_timer_set(&call->timer, in_ms);
	return true;
}

bool aws_call_hit(struct aws_call *call, enum aws_fault_kind kind, const char *shard,
	struct aws_fault *ret_fault)
{
	const struct aws_target target = {
		.action = UINT64_C(1) << aws_action_place(call->action),
		.on = call->subject,
		.shard = shard,
		.now_ms = aws_cloud_now(call->cloud),
	};

	return call->cloud->faults.rules[kind] &&
		aws_faults_hit(&call->cloud->faults, kind, &target, ret_fault);
}

/* Without memory it counts as not acknowledged, which promises less, not more. */
void aws_call_touch(struct aws_call *call, uint64_t number)
{
	if (aws_numbers_add(&call->touched, number) != 0)
		return;
}

int aws_call_int(struct aws_call *call, struct json_object *args, const char *name, int64_t min,
	int64_t max, int64_t fallback, int64_t *ret)
{
	struct json_object *value = orch_json_get(args, name);
	char why[64];
	int64_t given;

	*ret = fallback;
	if (!value)
		return AWS_DONE;
	given = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : min - 1;
	*ret = given;
	if (given >= min && given <= max)
		return AWS_DONE;
	(void)snprintf(why, sizeof(why), "Must be between %lld and %lld, if provided.",
		(long long)min, (long long)max);
	return aws_refuse_parameter(call, name, why);
}

void aws_add_name(struct aws_call *call, const char *name)
{
	struct orch_buf *buf = &call->answer;
	char last = buf->len ? buf->ptr[buf->len - 1] : '{';

	if (last != '{' && last != '[')
		orch_buf_add_char(buf, ',');
	orch_buf_add_char(buf, '"');
	orch_buf_add_string(buf, name);
	orch_buf_add(buf, "\":", 2);
}

void aws_add_text(struct aws_call *call, const char *name, struct orch_text value)
{
	aws_add_name(call, name);
	orch_buf_add_json(&call->answer, value);
}

void aws_add_string(struct aws_call *call, const char *name, const char *value)
{
	aws_add_text(call, name, orch_text_from(value));
}

void aws_add_int(struct aws_call *call, const char *name, uint64_t value)
{
	aws_add_name(call, name);
	orch_buf_printf(&call->answer, "%llu", (unsigned long long)value);
}

void aws_add_int_text(struct aws_call *call, const char *name, uint64_t value)
{
	aws_add_name(call, name);
	orch_buf_printf(&call->answer, "\"%llu\"", (unsigned long long)value);
}

void aws_add_json(struct aws_call *call, struct json_object *value)
{
	orch_buf_add_text(&call->answer, value ? orch_json_print(value) : ORCH_TEXT("null"));
	json_object_put(value);
}

void aws_add_md5(struct aws_call *call, const char *name, const char *md5)
{
	char shown[AWS_MD5_SIZE];

	sim_keep(shown, sizeof(shown), orch_text_from(md5));
	if (aws_call_hit(call, AWS_FAULT_MD5, NULL, NULL))
		shown[0] = shown[0] == '0' ? '1' : '0';
	aws_add_string(call, name, shown);
}
