/* SPDX-License-Identifier: Apache-2.0 */
/* Queues themselves: made, found, furnished, emptied and deleted. */
#include <string.h>

#include "sim/args.h"
#include "sim/aws/handlers.h"
#include "sim/aws/sqs.h"
#include "base/alloc.h"
#include "base/text.h"

#define PURGE_MS 60000 /* between two purges */
#define LIST_MAX 1000

struct aws_queue *aws_queue_by_name(const struct aws_cloud *cloud, struct orch_text name)
{
	return orch_map_get(cloud->queues, name);
}

/* "http://host/000000000000/name": whoever stands in front of us may have given the host. */
static struct orch_text name_in_url(struct orch_text url)
{
	struct orch_text name = aws_text_after(url, '/'), rest = url;

	if (name.len + 1 >= url.len)
		return ORCH_TEXT_NONE;
	rest.len = url.len - name.len - 1;
	return orch_text_is(aws_text_after(rest, '/'), AWS_ACCOUNT) ? name : ORCH_TEXT_NONE;
}

struct aws_queue *aws_find_queue(struct aws_call *call)
{
	struct orch_text url = orch_json_text(call->args, "QueueUrl");
	struct aws_queue *queue;

	if (!url.len) {
		(void)aws_refuse_missing(call, "QueueUrl");
		return NULL;
	}
	queue = aws_queue_by_name(call->cloud, name_in_url(url));
	if (queue)
		aws_queue_settle(queue, aws_cloud_now(call->cloud), aws_cloud_wall(call->cloud));
	else
		(void)aws_refuse(call, "QueueDoesNotExist", "The specified queue does not exist.");
	return queue;
}

static bool is_queue_name(struct orch_text name)
{
	bool is_fifo = orch_text_ends_with(name, ORCH_TEXT(".fifo"));
	size_t plain = is_fifo ? name.len - 5 : name.len;

	for (size_t i = 0; i < plain; i++)
		if (!name.ptr[i] ||
			!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
				name.ptr[i]))
			return false;
	return plain >= 1 && name.len < AWS_QUEUE_NAME_SIZE;
}

static void set_error(struct aws_error *error, const char *code, const char *why)
{
	*error = (struct aws_error){ .status = 0 };
	sim_keep(error->code, sizeof(error->code), orch_text_from(code));
	sim_keep(error->message, sizeof(error->message), orch_text_from(why));
}

static bool may_make(struct aws_cloud *cloud, struct orch_text name, struct aws_error *error)
{
	const uint64_t *until_ms = orch_map_get(cloud->deleted, name);

	if (!is_queue_name(name))
		set_error(error, "InvalidParameterValueException",
			"Can only include alphanumeric characters, hyphens, or underscores. 1 to "
			"80 in length");
	else if (until_ms && *until_ms > aws_cloud_now(cloud))
		set_error(error, "QueueDeletedRecently",
			"You must wait 60 seconds after deleting a queue before you can create "
			"another with the same name.");
	else if (orch_map_count(cloud->queues) >= AWS_QUEUES_MAX)
		set_error(error, "ServiceUnavailable", "The stand-in has no room for more queues.");
	else
		return true;
	return false;
}

/* What it dies into must be there, and of the same kind. */
static bool has_grave(const struct aws_cloud *cloud, const struct aws_attributes *attributes,
	struct aws_error *error)
{
	const struct aws_queue *dead;

	if (!attributes->receives_max)
		return true;
	dead = aws_queue_by_name(cloud, orch_text_from(attributes->dead_letter));
	if (dead && dead->attributes.is_fifo == attributes->is_fifo)
		return true;
	set_error(error, "InvalidParameterValueException",
		"Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not "
		"exist.");
	return false;
}

static struct aws_queue *add_queue(
	struct aws_cloud *cloud, struct orch_text name, struct aws_attributes *attributes)
{
	struct aws_queue *queue = aws_queue_create(name, attributes, cloud->ledger);

	if (!queue)
		return NULL;
	queue->created_ms = queue->changed_ms = aws_cloud_wall(cloud);
	if (orch_map_set(cloud->queues, name, queue) != 0) {
		attributes->others = NULL;
		aws_queue_destroy(queue, AWS_DROPPED, 0);
		return NULL;
	}
	orch_free(orch_map_remove(cloud->deleted, name));
	return queue;
}

struct aws_queue *aws_make_queue(struct aws_cloud *cloud, struct orch_text name,
	struct json_object *given, struct aws_error *error)
{
	bool is_fifo = orch_text_ends_with(name, ORCH_TEXT(".fifo"));
	struct aws_attributes attributes;
	struct aws_queue *queue = NULL;

	set_error(error, "ServiceUnavailable", "The stand-in has no more room.");
	if (!aws_attributes_init(&attributes))
		return NULL;
	if (aws_attributes_set(&attributes, given, error)) {
		if (attributes.is_fifo != is_fifo)
			set_error(error, "InvalidParameterValueException",
				"The name of a FIFO queue can only include alphanumeric "
				"characters, hyphens, or underscores, must end with .fifo suffix "
				"and be 1 to 80 in length.");
		else if (may_make(cloud, name, error) && has_grave(cloud, &attributes, error))
			queue = add_queue(cloud, name, &attributes);
	}
	if (!queue)
		aws_attributes_fini(&attributes);
	return queue;
}

void aws_unmake_queue(struct aws_cloud *cloud, struct aws_queue *queue, enum aws_fate fate)
{
	aws_queue_turn_away(queue, "QueueDoesNotExist", "The specified queue does not exist.");
	(void)orch_map_remove(cloud->queues, orch_text_from(queue->name));
	aws_queue_destroy(queue, fate, aws_cloud_wall(cloud));
}

static void add_url(struct aws_call *call, const char *name)
{
	char url[AWS_URL_SIZE + AWS_QUEUE_NAME_SIZE + 16];

	(void)snprintf(url, sizeof(url), "%s/" AWS_ACCOUNT "/%s", call->cloud->url, name);
	orch_buf_add_json(&call->answer, orch_text_from(url));
}

static int answer_url(struct aws_call *call, const struct aws_queue *queue)
{
	orch_buf_add_char(&call->answer, '{');
	aws_add_name(call, "QueueUrl");
	add_url(call, queue->name);
	orch_buf_add_char(&call->answer, '}');
	return AWS_DONE;
}

/* It is there already: fine, if it is as it is wanted. */
static int check_same(
	struct aws_call *call, const struct aws_queue *queue, struct json_object *given)
{
	struct aws_attributes wanted;
	int code = AWS_DONE;

	if (!aws_attributes_copy(&queue->attributes, &wanted))
		return aws_refuse_no_memory(call);
	if (!aws_attributes_set(&wanted, given, &call->error))
		code = AWS_REFUSED;
	else if (!aws_attributes_agree(&wanted, &queue->attributes))
		code = aws_refuse(call, "QueueNameExists",
			"A queue already exists with the same name and a different value for "
			"attributes.");
	aws_attributes_fini(&wanted);
	return code;
}

int aws_create_queue(struct aws_call *call)
{
	struct orch_text name = orch_json_text(call->args, "QueueName");
	struct json_object *given = orch_json_get(call->args, "Attributes");
	struct aws_queue *queue = aws_queue_by_name(call->cloud, name);

	if (!name.len)
		return aws_refuse_missing(call, "QueueName");
	if (queue && check_same(call, queue, given) != AWS_DONE)
		return AWS_REFUSED;
	if (!queue)
		queue = aws_make_queue(call->cloud, name, given, &call->error);
	if (!queue)
		return AWS_REFUSED;
	call->error = (struct aws_error){ .status = 0 };
	return answer_url(call, queue);
}

/* Its name is not free for a while; without memory it is at once. */
static void keep_name(struct aws_cloud *cloud, struct orch_text name)
{
	uint64_t *until_ms = orch_alloc(sizeof(*until_ms));

	if (!until_ms)
		return;
	*until_ms = aws_cloud_now(cloud) + cloud->settings.deleted_ms;
	orch_free(orch_map_remove(cloud->deleted, name));
	if (orch_map_set(cloud->deleted, name, until_ms) != 0)
		orch_free(until_ms);
}

int aws_delete_queue(struct aws_call *call)
{
	struct aws_queue *queue = aws_find_queue(call);

	if (!queue)
		return AWS_REFUSED;
	keep_name(call->cloud, orch_text_from(queue->name));
	aws_unmake_queue(call->cloud, queue, AWS_DROPPED);
	orch_buf_add_string(&call->answer, "{}");
	return AWS_DONE;
}

int aws_purge_queue(struct aws_call *call)
{
	struct aws_queue *queue = aws_find_queue(call);
	uint64_t now_ms = aws_cloud_now(call->cloud);
	struct aws_heap_node *node;

	if (!queue)
		return AWS_REFUSED;
	if (queue->purged_ms && now_ms < queue->purged_ms + PURGE_MS)
		return aws_refuse(call, "PurgeQueueInProgress",
			"Only one PurgeQueue operation on %s is allowed every 60 seconds.",
			queue->name);
	queue->purged_ms = now_ms;
	while ((node = aws_heap_first(&queue->expiry)))
		aws_queue_remove(AWS_OF(node, struct aws_message, expiry), AWS_PURGED,
			aws_cloud_wall(call->cloud));
	orch_buf_add_string(&call->answer, "{}");
	return AWS_DONE;
}

int aws_get_queue_url(struct aws_call *call)
{
	struct orch_text name = orch_json_text(call->args, "QueueName");
	const struct aws_queue *queue = aws_queue_by_name(call->cloud, name);

	if (!name.len)
		return aws_refuse_missing(call, "QueueName");
	if (!queue)
		return aws_refuse(call, "QueueDoesNotExist", "The specified queue does not exist.");
	return answer_url(call, queue);
}

static void list_where(struct aws_call *call, const char *member,
	bool (*fits)(const struct aws_queue *queue, struct orch_text text), struct orch_text text)
{
	size_t cursor = 0, count = 0;
	struct orch_text name;
	void *queue;

	orch_buf_add_char(&call->answer, '{');
	aws_add_name(call, member);
	orch_buf_add_char(&call->answer, '[');
	while (count < LIST_MAX && orch_map_next(call->cloud->queues, &cursor, &name, &queue)) {
		if (!fits(queue, text))
			continue;
		if (count++)
			orch_buf_add_char(&call->answer, ',');
		add_url(call, ((struct aws_queue *)queue)->name);
	}
	orch_buf_add_string(&call->answer, "]}");
}

static bool begins_with(const struct aws_queue *queue, struct orch_text prefix)
{
	return orch_text_starts_with(orch_text_from(queue->name), prefix);
}

static bool dies_into(const struct aws_queue *queue, struct orch_text name)
{
	return queue->attributes.receives_max && orch_text_is(name, queue->attributes.dead_letter);
}

int aws_list_queues(struct aws_call *call)
{
	list_where(call, "QueueUrls", begins_with, orch_json_text(call->args, "QueueNamePrefix"));
	return AWS_DONE;
}

int aws_list_sources(struct aws_call *call)
{
	const struct aws_queue *queue = aws_find_queue(call);

	if (!queue)
		return AWS_REFUSED;
	list_where(call, "queueUrls", dies_into, orch_text_from(queue->name));
	return AWS_DONE;
}

static void put_number(struct json_object *shown, const char *name, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	sim_put(shown, name, text);
}

static struct json_object *show_all(const struct aws_call *call, const struct aws_queue *queue)
{
	struct json_object *shown = json_object_new_object();
	char arn[AWS_QUEUE_NAME_SIZE + 128];

	(void)snprintf(
		arn, sizeof(arn), AWS_SQS_ARN "%s", aws_cloud_region(call->cloud), queue->name);
	sim_put(shown, "QueueArn", arn);
	put_number(shown, "ApproximateNumberOfMessages", queue->ready_count);
	put_number(shown, "ApproximateNumberOfMessagesNotVisible", queue->flying_count);
	put_number(shown, "ApproximateNumberOfMessagesDelayed", queue->delayed_count);
	put_number(shown, "CreatedTimestamp", queue->created_ms / 1000);
	put_number(shown, "LastModifiedTimestamp", queue->changed_ms / 1000);
	aws_attributes_show(&queue->attributes, aws_cloud_region(call->cloud), shown);
	return shown;
}

/* REFUSED for a name that there is not. */
static int pick(struct aws_call *call, struct json_object *all, struct json_object *names,
	struct json_object *picked)
{
	for (size_t i = 0; i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		struct json_object *value = NULL;

		if (!name || !aws_attribute_is_known(orch_text_from(name)))
			return aws_refuse(call, "InvalidAttributeName", "Unknown Attribute %s.",
				name ? name : "null");
		if (strcmp(name, "All") == 0)
			sim_merge(picked, all);
		else if (json_object_object_get_ex(all, name, &value))
			sim_put_shared(picked, name, value);
	}
	return AWS_DONE;
}

int aws_get_queue_attributes(struct aws_call *call)
{
	const struct aws_queue *queue = aws_find_queue(call);
	struct json_object *names = orch_json_get(call->args, "AttributeNames");
	struct json_object *all, *picked;
	int code = AWS_DONE;

	if (!queue)
		return AWS_REFUSED;
	all = show_all(call, queue);
	picked = json_object_new_object();
	if (json_object_is_type(names, json_type_array))
		code = pick(call, all, names, picked);
	json_object_put(all);
	orch_buf_add_char(&call->answer, '{');
	if (json_object_object_length(picked)) {
		aws_add_name(call, "Attributes");
		aws_add_json(call, picked);
	} else {
		json_object_put(picked);
	}
	orch_buf_add_char(&call->answer, '}');
	return code;
}

int aws_set_queue_attributes(struct aws_call *call)
{
	struct aws_queue *queue = aws_find_queue(call);
	struct aws_attributes changed;

	if (!queue)
		return AWS_REFUSED;
	if (!aws_attributes_copy(&queue->attributes, &changed))
		return aws_refuse_no_memory(call);
	if (!aws_attributes_set(&changed, orch_json_get(call->args, "Attributes"), &call->error) ||
		!has_grave(call->cloud, &changed, &call->error)) {
		aws_attributes_fini(&changed);
		return AWS_REFUSED;
	}
	changed.is_fifo = queue->attributes.is_fifo;
	aws_attributes_fini(&queue->attributes);
	queue->attributes = changed;
	queue->changed_ms = aws_cloud_wall(call->cloud);
	orch_buf_add_string(&call->answer, "{}");
	return AWS_DONE;
}
