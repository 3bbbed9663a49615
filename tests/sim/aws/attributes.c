/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/attributes.h"

#include <stddef.h>
#include <string.h>

#include "sim/args.h"
#include "sim/aws/account.h"
#include "base/text.h"

static const struct number {
	const char *name;
	size_t offset;
	uint64_t min, max, usual;
} numbers[] = {
	{ "DelaySeconds", offsetof(struct aws_attributes, delay_s), 0, 900, 0 },
	{ "MaximumMessageSize", offsetof(struct aws_attributes, message_bytes), 1024,
		AWS_MESSAGE_BYTES_MAX, AWS_MESSAGE_BYTES_MAX },
	{ "MessageRetentionPeriod", offsetof(struct aws_attributes, retention_s), 60, 1209600,
		345600 },
	{ "ReceiveMessageWaitTimeSeconds", offsetof(struct aws_attributes, wait_s), 0, 20, 0 },
	{ "VisibilityTimeout", offsetof(struct aws_attributes, visibility_s), 0, 43200, 30 },
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const char *const others[] = { "Policy", "RedriveAllowPolicy", "KmsMasterKeyId",
	"KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "DeduplicationScope",
	"FifoThroughputLimit" };

/* That only show; see aws_get_queue_attributes(). */
static const char *const shown_only[] = { "All", "QueueArn", "CreatedTimestamp",
	"LastModifiedTimestamp", "ApproximateNumberOfMessages",
	"ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed" };

static bool is_in(struct orch_text name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (orch_text_is(name, list[i]))
			return true;
	return false;
}

static const struct number *find_number(struct orch_text name)
{
	for (size_t i = 0; i < NUMBERS; i++)
		if (orch_text_is(name, numbers[i].name))
			return &numbers[i];
	return NULL;
}

static uint64_t *number_at(struct aws_attributes *attributes, const struct number *number)
{
	return (uint64_t *)(void *)((char *)attributes + number->offset);
}

static uint64_t number_of(const struct aws_attributes *attributes, const struct number *number)
{
	return *(const uint64_t *)(const void *)((const char *)attributes + number->offset);
}

bool aws_attribute_is_known(struct orch_text name)
{
	return find_number(name) || is_in(name, others, sizeof(others) / sizeof(others[0])) ||
		is_in(name, shown_only, sizeof(shown_only) / sizeof(shown_only[0])) ||
		orch_text_is(name, "RedrivePolicy") || orch_text_is(name, "FifoQueue") ||
		orch_text_is(name, "ContentBasedDeduplication");
}

bool aws_attributes_init(struct aws_attributes *attributes)
{
	*attributes = (struct aws_attributes){ .others = json_object_new_object() };
	for (size_t i = 0; i < NUMBERS; i++)
		*number_at(attributes, &numbers[i]) = numbers[i].usual;
	return attributes->others != NULL;
}

bool aws_attributes_copy(const struct aws_attributes *attributes, struct aws_attributes *ret)
{
	*ret = *attributes;
	ret->others = json_object_new_object();
	sim_merge(ret->others, attributes->others);
	return ret->others != NULL;
}

void aws_attributes_fini(struct aws_attributes *attributes)
{
	json_object_put(attributes->others);
	attributes->others = NULL;
}

static bool refuse(struct aws_error *error, const char *code, const char *what, const char *name)
{
	sim_keep(error->code, sizeof(error->code), orch_text_from(code));
	(void)snprintf(error->message, sizeof(error->message), "%s %s.", what, name);
	return false;
}

static bool refuse_value(struct aws_error *error, const char *name)
{
	return refuse(error, "InvalidAttributeValue", "Invalid value for the parameter", name);
}

static bool set_flag(bool *flag, struct orch_text value)
{
	*flag = orch_text_is(value, "true");
	return *flag || orch_text_is(value, "false");
}

/* {"deadLetterTargetArn":"arn:…:name","maxReceiveCount":"5"}; empty: none any more. */
static bool set_redrive(struct aws_attributes *attributes, struct orch_text value)
{
	struct json_object *policy;
	struct orch_err err;
	struct orch_text arn;
	int64_t count;
	bool is_good;

	attributes->receives_max = 0;
	attributes->dead_letter[0] = '\0';
	if (!value.len)
		return true;
	if (orch_json_parse(value, &policy, &err) != 0)
		return false;
	arn = aws_name_in_arn(orch_json_text(policy, "deadLetterTargetArn"));
	count = sim_arg_int(policy, "maxReceiveCount", 0);
	is_good = arn.len && arn.len < AWS_QUEUE_NAME_SIZE && count >= 1 && count <= 1000;
	if (is_good) {
		sim_keep(attributes->dead_letter, sizeof(attributes->dead_letter), arn);
		attributes->receives_max = (uint64_t)count;
	}
	json_object_put(policy);
	return is_good;
}

static bool set_one(struct aws_attributes *attributes, const char *name, struct orch_text value,
	struct aws_error *error)
{
	const struct number *number = find_number(orch_text_from(name));
	bool is_good = false;

	if (number)
		is_good = orch_text_to_uint(value, number->min, number->max,
				  number_at(attributes, number)) == 0;
	else if (strcmp(name, "RedrivePolicy") == 0)
		is_good = set_redrive(attributes, value);
	else if (strcmp(name, "FifoQueue") == 0)
		is_good = set_flag(&attributes->is_fifo, value) && attributes->is_fifo;
	else if (strcmp(name, "ContentBasedDeduplication") == 0)
		is_good = set_flag(&attributes->deduplicates_content, value);
	else if (!is_in(orch_text_from(name), others, sizeof(others) / sizeof(others[0])))
		return refuse(error, "InvalidAttributeName", "Unknown Attribute", name);
	else if ((is_good = value.len <= AWS_ATTRIBUTE_BYTES_MAX))
		sim_put_text(attributes->others, name, value);
	return is_good || refuse_value(error, name);
}

bool aws_attributes_set(
	struct aws_attributes *attributes, struct json_object *given, struct aws_error *error)
{
	if (!json_object_is_type(given, json_type_object))
		return true;
	json_object_object_foreach(given, name, value)
	{
		if (!json_object_is_type(value, json_type_string))
			return refuse_value(error, name);
		if (!set_one(attributes, name, orch_json_text(given, name), error))
			return false;
	}
	return true;
}

bool aws_attributes_agree(const struct aws_attributes *a, const struct aws_attributes *b)
{
	for (size_t i = 0; i < NUMBERS; i++)
		if (number_of(a, &numbers[i]) != number_of(b, &numbers[i]))
			return false;
	return a->receives_max == b->receives_max && strcmp(a->dead_letter, b->dead_letter) == 0 &&
		a->is_fifo == b->is_fifo && a->deduplicates_content == b->deduplicates_content &&
		json_object_equal(a->others, b->others);
}

static void put_number(struct json_object *shown, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	sim_put(shown, name, text);
}

void aws_attributes_show(
	const struct aws_attributes *attributes, const char *region, struct json_object *shown)
{
	char policy[512];

	for (size_t i = 0; i < NUMBERS; i++)
		put_number(shown, numbers[i].name, number_of(attributes, &numbers[i]));
	if (attributes->receives_max) {
		(void)snprintf(policy, sizeof(policy),
			"{\"deadLetterTargetArn\":\"" AWS_SQS_ARN "%s\",\"maxReceiveCount\":%llu}",
			region, attributes->dead_letter,
			(unsigned long long)attributes->receives_max);
		sim_put(shown, "RedrivePolicy", policy);
	}
	if (attributes->is_fifo) {
		sim_put(shown, "FifoQueue", "true");
		sim_put(shown, "ContentBasedDeduplication",
			attributes->deduplicates_content ? "true" : "false");
	}
	sim_merge(shown, attributes->others);
}
