/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/traits.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"

#define NAME_MAX_CHARS 256

static bool is_name(struct orch_text name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!name.ptr[i] ||
			!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.",
				name.ptr[i]))
			return false;
	return name.len >= 1 && name.len <= NAME_MAX_CHARS && name.ptr[0] != '.' &&
		!orch_text_starts_with(name, ORCH_TEXT("AWS.")) &&
		!orch_text_starts_with(name, ORCH_TEXT("Amazon."));
}

/* "String", "String.custom" */
static bool is_type(struct orch_text type, const char *wanted)
{
	size_t len = strlen(wanted);

	return orch_text_is(type, wanted) ||
		(type.len > len + 1 && orch_text_starts_with(type, orch_text_from(wanted)) &&
			type.ptr[len] == '.');
}

static char *keep(struct orch_text text)
{
	char *copy = orch_alloc(text.len + 1);

	if (copy)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

static int keep_value(struct aws_call *call, struct aws_trait *trait, struct orch_text value)
{
	if (!trait->is_binary) {
		trait->value = keep(value);
		trait->value_len = value.len;
		return trait->value ? AWS_DONE : aws_refuse_no_memory(call);
	}
	trait->value = orch_alloc(value.len + 4);
	if (!trait->value)
		return aws_refuse_no_memory(call);
	if (orch_base64_decode(value, trait->value, &trait->value_len) != 0)
		return aws_refuse_parameter(call, trait->name, "It is not base64.");
	return AWS_DONE;
}

static int read_one(struct aws_call *call, struct orch_text name, struct json_object *given,
	struct aws_trait *trait)
{
	struct orch_text type = orch_json_text(given, "DataType"), value;

	trait->is_binary = is_type(type, "Binary");
	value = orch_json_text(given, trait->is_binary ? "BinaryValue" : "StringValue");
	trait->name = keep(name);
	trait->type = keep(type);
	if (!trait->name || !trait->type)
		return aws_refuse_no_memory(call);
	if (!is_name(name))
		return aws_refuse_parameter(call, "MessageAttributes", "A name is not allowed.");
	if (!trait->is_binary && !is_type(type, "String") && !is_type(type, "Number"))
		return aws_refuse_parameter(call, trait->name,
			"The type must be Binary, Number, or String, perhaps with a label.");
	if (!value.len)
		return aws_refuse_parameter(
			call, trait->name, "It must contain a non-empty value of its type.");
	if (!trait->is_binary && aws_message_bad_character(value))
		return aws_refuse(call, "InvalidMessageContents",
			"Invalid character was found in the message attribute %s.", trait->name);
	return keep_value(call, trait, value);
}

int aws_traits_read(struct aws_call *call, struct json_object *entry, struct aws_message *message)
{
	struct json_object *given = orch_json_get(entry, "MessageAttributes");
	size_t count;

	if (!json_object_is_type(given, json_type_object))
		return AWS_DONE;
	count = (size_t)json_object_object_length(given);
	if (count > AWS_TRAITS_MAX)
		return aws_refuse(call, "InvalidParameterValueException",
			"Number of message attributes [%zu] exceeds the allowed maximum [%d].",
			count, AWS_TRAITS_MAX);
	if (!count)
		return AWS_DONE;
	message->traits = orch_alloc_array(count, sizeof(message->traits[0]));
	if (!message->traits)
		return aws_refuse_no_memory(call);
	json_object_object_foreach(given, name, value)
	{
		struct aws_trait *trait = &message->traits[message->trait_count++];

		if (read_one(call, orch_text_from(name), value, trait) != AWS_DONE)
			return AWS_REFUSED;
	}
	return AWS_DONE;
}

/* "All", ".*", "prefix.*" or the name itself */
static bool asks_for(struct orch_text wanted, const char *name)
{
	if (orch_text_is(wanted, "All") || orch_text_is(wanted, ".*"))
		return true;
	if (orch_text_ends_with(wanted, ORCH_TEXT(".*"))) {
		wanted.len -= 2;
		return orch_text_starts_with(orch_text_from(name), wanted);
	}
	return orch_text_is(wanted, name);
}

static bool is_wanted(struct json_object *names, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(names); i++)
		if (asks_for(orch_text_from(
				     json_object_get_string(json_object_array_get_idx(names, i))),
			    name))
			return true;
	return false;
}

static void write_one(struct aws_call *call, const struct aws_trait *trait)
{
	struct orch_text value = { trait->value, trait->value_len };
	char *coded;

	aws_add_name(call, trait->name);
	orch_buf_add_char(&call->answer, '{');
	if (!trait->is_binary) {
		aws_add_text(call, "StringValue", value);
	} else if ((coded = orch_alloc((value.len + 2) / 3 * 4 + 1))) {
		(void)orch_base64_encode(value.ptr, value.len, coded);
		aws_add_string(call, "BinaryValue", coded);
		orch_free(coded);
	}
	aws_add_string(call, "DataType", trait->type);
	orch_buf_add_char(&call->answer, '}');
}

void aws_traits_write(struct aws_call *call, const struct aws_message *message)
{
	struct json_object *names = orch_json_get(call->args, "MessageAttributeNames");
	bool wanted[AWS_TRAITS_MAX] = { false };
	char md5[AWS_MD5_SIZE];
	size_t count = 0;

	if (!json_object_is_type(names, json_type_array))
		return;
	for (size_t i = 0; i < message->trait_count; i++)
		count += wanted[i] = is_wanted(names, message->traits[i].name);
	if (!count)
		return;
	aws_traits_md5(call->cloud->digest, message, wanted, md5);
	aws_add_string(call, "MD5OfMessageAttributes", md5);
	aws_add_name(call, "MessageAttributes");
	orch_buf_add_char(&call->answer, '{');
	for (size_t i = 0; i < message->trait_count; i++)
		if (wanted[i])
			write_one(call, &message->traits[i]);
	orch_buf_add_char(&call->answer, '}');
}
