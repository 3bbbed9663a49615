/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/shape.h"

#include <string.h>

#include "base/text.h"

#define STRANGE "X-New-Member"

/* The order of PutRecords' records says which is which; of all others it says nothing. */
static bool may_shuffle(const char *member)
{
	return strcmp(member, "Records") != 0 && strcmp(member, "Shards") != 0;
}

static void shuffle(struct json_object *list, struct aws_dice *dice)
{
	for (size_t i = json_object_array_length(list); i > 1; i--) {
		size_t place = aws_dice_below(dice, i);
		struct json_object *a = json_object_get(json_object_array_get_idx(list, i - 1));
		struct json_object *b = json_object_get(json_object_array_get_idx(list, place));

		(void)json_object_array_put_idx(list, i - 1, b);
		(void)json_object_array_put_idx(list, place, a);
	}
}

static void add_strange(struct json_object *object)
{
	struct json_object *inner = json_object_new_object();

	sim_put(inner, "Inner", "of a later version");
	if (json_object_is_type(object, json_type_object))
		sim_put_json(object, STRANGE, inner);
	else
		json_object_put(inner);
}

static struct json_object *reshape(struct json_object *answer, struct aws_dice *dice)
{
	struct json_object *other = json_object_new_object();

	add_strange(other);
	json_object_object_foreach(answer, member, value)
	{
		bool is_list = json_object_is_type(value, json_type_array);

		if (is_list && !json_object_array_length(value))
			continue;
		for (size_t i = 0; is_list && i < json_object_array_length(value); i++)
			add_strange(json_object_array_get_idx(value, i));
		if (is_list && may_shuffle(member))
			shuffle(value, dice);
		sim_put_shared(other, member, value);
	}
	return other;
}

void aws_shape_mishap(struct aws_call *call)
{
	struct json_object *answer, *other;
	struct orch_err err;

	if (!aws_call_hit(call, AWS_FAULT_SHUFFLE, NULL, NULL) ||
		orch_json_parse(orch_buf_text(&call->answer), &answer, &err) != 0)
		return;
	other = reshape(answer, &call->cloud->dice);
	orch_buf_reset(&call->answer);
	orch_buf_add_text(&call->answer, orch_json_print(other));
	json_object_put(other);
	json_object_put(answer);
}
