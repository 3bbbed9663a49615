/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/audit.h"

#include <string.h>

#include "sim/args.h"
#include "sim/aws/queue.h"
#include "sim/aws/stream.h"
#include "base/hash.h"
#include "base/text.h"

struct page {
	size_t from, limit, taken;
};

static size_t size_arg(struct json_object *args, const char *name, size_t fallback, size_t most)
{
	int64_t value = sim_arg_int(args, name, (int64_t)fallback);

	if (value < 0)
		return 0;
	return (uint64_t)value < most ? (size_t)value : most;
}

static struct page read_page(struct json_object *args)
{
	return (struct page){
		.from = size_arg(args, "from", 0, SIZE_MAX / 2),
		.limit = size_arg(args, "limit", AWS_AUDIT_PAGE, AWS_AUDIT_PAGE_MAX),
	};
}

static void put_list(struct json_object *reply, const char *name, struct json_object *list,
	size_t next, size_t count)
{
	sim_put_json(reply, name, list);
	sim_put_int(reply, "count", (int64_t)count);
	if (next < count)
		sim_put_int(reply, "next", (int64_t)next);
}

static void put_hex(struct json_object *shown, const char *name, const uint8_t *bytes, size_t len)
{
	char hex[2 * AWS_SHA256_BYTES + 1];

	orch_hex_encode(bytes, len, hex);
	sim_put(shown, name, hex);
}

static struct json_object *show_state(const struct aws_queue *queue)
{
	struct json_object *left = json_object_new_object();

	sim_put_int(left, "ready", (int64_t)queue->ready_count);
	sim_put_int(left, "delayed", (int64_t)queue->delayed_count);
	sim_put_int(left, "in_flight", (int64_t)queue->flying_count);
	sim_put_int(left, "ghosts", (int64_t)queue->tally->ghosts);
	sim_put_int(left, "polls", (int64_t)queue->poll_count);
	return left;
}

/* Those in a queue that have not met their fate; the ghosts have. */
static uint64_t count_left(const struct aws_tally *tally)
{
	uint64_t over = 0;

	for (size_t fate = AWS_LIVE + 1; fate < AWS_FATES; fate++)
		over += tally->fates[fate];
	return tally->messages.count - over;
}

static struct json_object *show_tally(const struct aws_cloud *cloud, const struct aws_tally *tally)
{
	const struct aws_queue *queue = orch_map_get(cloud->queues, orch_text_from(tally->name));
	struct json_object *shown = json_object_new_object();

	sim_put(shown, "name", tally->name);
	sim_put_int(shown, "sent", (int64_t)tally->sent);
	sim_put_int(shown, "acknowledged", (int64_t)tally->acknowledged);
	sim_put_int(shown, "moved_in", (int64_t)tally->moved_in);
	sim_put_int(shown, "repeated", (int64_t)tally->repeated);
	sim_put_int(shown, "deliveries", (int64_t)tally->deliveries);
	sim_put_int(shown, "left", (int64_t)count_left(tally));
	for (size_t fate = AWS_LIVE + 1; fate < AWS_FATES; fate++)
		sim_put_int(shown, aws_fate_name((enum aws_fate)fate), (int64_t)tally->fates[fate]);
	if (queue)
		sim_put_json(shown, "now", show_state(queue));
	return shown;
}

static struct json_object *show_tallies(const struct aws_cloud *cloud)
{
	struct json_object *array = json_object_new_array();
	size_t cursor = 0;
	struct orch_text name;
	void *tally;

	while (orch_map_next(cloud->ledger->tallies, &cursor, &name, &tally))
		sim_push(array, show_tally(cloud, tally));
	return array;
}

static struct json_object *show_stream(const struct aws_stream *stream)
{
	struct json_object *shown = json_object_new_object();

	sim_put(shown, "name", stream->name);
	sim_put_bool(shown, "is_deleted", stream->is_deleted);
	sim_put_int(shown, "records", (int64_t)stream->puts.count);
	sim_put_int(shown, "acknowledged", (int64_t)stream->acknowledged);
	sim_put_int(shown, "throttled", (int64_t)stream->throttled);
	sim_put_int(shown, "keys", (int64_t)stream->key_list.count);
	sim_put_int(shown, "shards", (int64_t)stream->shards.count);
	sim_put_int(shown, "open_shards", (int64_t)stream->open.count);
	return shown;
}

static struct json_object *show_count(const struct aws_count *count)
{
	struct json_object *shown = json_object_new_object();
	struct json_object *results = json_object_new_object();
	size_t cursor = 0;
	struct orch_text name;
	void *times;

	while (count->results && orch_map_next(count->results, &cursor, &name, &times))
		sim_put_int(results, name.ptr, (int64_t) * (uint64_t *)times);
	sim_put_int(shown, "calls", (int64_t)count->calls);
	sim_put_int(shown, "ok", (int64_t)count->good);
	sim_put_json(shown, "results", results);
	return shown;
}

static struct json_object *show_requests(const struct aws_cloud *cloud)
{
	struct json_object *shown = json_object_new_object();

	for (size_t i = 0; i < aws_actions_count(); i++)
		if (cloud->counts[i].calls)
			sim_put_json(shown, aws_action_at(i)->name, show_count(&cloud->counts[i]));
	if (cloud->others.calls)
		sim_put_json(shown, "unknown", show_count(&cloud->others));
	return shown;
}

void aws_audit_show(const struct aws_cloud *cloud, struct json_object *reply)
{
	struct json_object *streams = json_object_new_array();

	for (size_t i = 0; i < cloud->all_streams.count; i++)
		sim_push(streams, show_stream(cloud->all_streams.at[i]));
	sim_put_int(reply, "seed", (int64_t)cloud->options->seed);
	sim_put_json(reply, "queues", show_tallies(cloud));
	sim_put_json(reply, "streams", streams);
	sim_put_json(reply, "requests", show_requests(cloud));
	sim_put_json(reply, "faults", aws_faults_show_hits(&cloud->faults));
	sim_put_int(reply, "held", (int64_t)cloud->held_count);
	sim_put_int(reply, "forgotten", (int64_t)cloud->ledger->forgotten);
	sim_put_int(reply, "steps", (int64_t)cloud->ledger->step_count);
}

/* Whole while it is in its queue; then the first bytes of it are left. */
static void put_body(struct json_object *shown, const struct aws_entry *entry, bool is_wanted)
{
	const struct aws_message *message = entry->message;

	put_hex(shown, "sha256", entry->sha256, sizeof(entry->sha256));
	sim_put_int(shown, "bytes", entry->body_len);
	if (is_wanted && message)
		sim_put_text(shown, "body", (struct orch_text){ message->body, message->body_len });
	else
		sim_put_text(shown, "head", (struct orch_text){ entry->head, entry->head_len });
}

static struct json_object *show_entry(const struct aws_entry *entry, bool with_body)
{
	struct json_object *shown = json_object_new_object();
	char id[AWS_ID_SIZE];

	aws_id_format(entry->id, id);
	sim_put_int(shown, "number", (int64_t)entry->number);
	sim_put(shown, "id", id);
	put_body(shown, entry, with_body);
	if (entry->group)
		sim_put(shown, "group", entry->group);
	sim_put(shown, "state", aws_fate_name(entry->fate));
	sim_put_bool(shown, "acknowledged", entry->is_acknowledged);
	sim_put_bool(shown, "moved_in", entry->is_moved);
	sim_put_int(shown, "deliveries", entry->deliveries);
	sim_put_int(shown, "deletions", entry->deletions);
	sim_put_int(shown, "sent_ms", (int64_t)entry->sent_ms);
	if (entry->over_ms)
		sim_put_int(shown, "over_ms", (int64_t)entry->over_ms);
	return shown;
}

bool aws_audit_messages(
	const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply)
{
	const struct aws_tally *tally =
		orch_map_get(cloud->ledger->tallies, sim_arg(args, "queue"));
	struct orch_text state = sim_arg(args, "state");
	struct json_object *list;
	struct page page = read_page(args);
	size_t i;

	if (!tally)
		return false;
	list = json_object_new_array();
	for (i = page.from; i < tally->messages.count && page.taken < page.limit; i++) {
		const struct aws_entry *entry =
			aws_ledger_entry(cloud->ledger, tally->messages.at[i]);

		if (!entry || (state.len && !orch_text_is(state, aws_fate_name(entry->fate))))
			continue;
		sim_push(list, show_entry(entry, sim_arg_bool(args, "body")));
		page.taken++;
	}
	put_list(reply, "messages", list, i, tally->messages.count);
	return true;
}

static struct json_object *show_put(const struct aws_put *put, bool with_data)
{
	struct json_object *shown = json_object_new_object();
	char sequence[AWS_SEQUENCE_SIZE];

	aws_sequence_format(put->sequence, sequence);
	sim_put_int(shown, "number", (int64_t)put->number);
	sim_put(shown, "key", put->key->text);
	sim_put(shown, "shard", aws_stream_shard(put->stream, put->shard)->id);
	sim_put(shown, "sequence", sequence);
	sim_put_bool(shown, "acknowledged", put->is_acknowledged);
	put_hex(shown, "sha256", put->sha256, sizeof(put->sha256));
	if (with_data && put->data)
		sim_put(shown, "data", put->data);
	sim_put_int(shown, "at_ms", (int64_t)put->at_ms);
	return shown;
}

/* Of this name, the newest if there was more than one; NULL: none. */
static const struct aws_stream *find_stream(const struct aws_cloud *cloud, struct orch_text name)
{
	for (size_t i = cloud->all_streams.count; i-- > 0;) {
		const struct aws_stream *stream = cloud->all_streams.at[i];

		if (orch_text_is(name, stream->name))
			return stream;
	}
	return NULL;
}

bool aws_audit_records(
	const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply)
{
	const struct aws_stream *stream = find_stream(cloud, sim_arg(args, "stream"));
	struct orch_text key = sim_arg(args, "key");
	const struct aws_key_of_stream *found = NULL;
	const struct aws_numbers *puts;
	struct page page = read_page(args);
	struct json_object *list;
	size_t i;

	if (!stream || (key.len && !(found = orch_map_get(stream->keys, key))))
		return false;
	puts = found ? &found->puts : &stream->puts;
	list = json_object_new_array();
	for (i = page.from; i < puts->count && page.taken < page.limit; i++, page.taken++)
		sim_push(list,
			show_put(aws_ledger_find_put(cloud->ledger, puts->at[i]),
				sim_arg_bool(args, "data")));
	put_list(reply, "records", list, i, puts->count);
	return true;
}

bool aws_audit_keys(
	const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply)
{
	const struct aws_stream *stream = find_stream(cloud, sim_arg(args, "stream"));
	struct page page = read_page(args);
	struct json_object *list;
	size_t i;

	if (!stream)
		return false;
	list = json_object_new_array();
	for (i = page.from; i < stream->key_list.count && page.taken < page.limit;
		i++, page.taken++) {
		const struct aws_key_of_stream *key = stream->key_list.at[i];
		struct json_object *shown = json_object_new_object();

		sim_put(shown, "key", key->text);
		sim_put_int(shown, "records", (int64_t)key->puts.count);
		sim_push(list, shown);
	}
	put_list(reply, "keys", list, i, stream->key_list.count);
	return true;
}

static struct json_object *show_step(
	const struct aws_cloud *cloud, const struct aws_step *step, size_t number)
{
	struct json_object *shown = json_object_new_object();
	const struct aws_entry *entry;
	const struct aws_put *put;
	char id[AWS_ID_SIZE];

	sim_put_int(shown, "step", (int64_t)number);
	sim_put(shown, "what", aws_step_name(step->kind));
	sim_put_int(shown, "at_ms", (int64_t)step->at_ms);
	sim_put_int(shown, "number", (int64_t)step->subject);
	if (step->kind == AWS_STEP_PUT) {
		put = aws_ledger_find_put(cloud->ledger, step->subject);
		sim_put(shown, "stream", put->stream->name);
		sim_put(shown, "key", put->key->text);
	} else if ((entry = aws_ledger_entry(cloud->ledger, step->subject))) {
		aws_id_format(entry->id, id);
		sim_put(shown, "queue", entry->tally->name);
		sim_put(shown, "id", id);
	}
	return shown;
}

bool aws_audit_log(
	const struct aws_cloud *cloud, struct json_object *args, struct json_object *reply)
{
	const struct aws_ledger *ledger = cloud->ledger;
	size_t first =
		ledger->step_count > ledger->step_room ? ledger->step_count - ledger->step_room : 0;
	struct page page = read_page(args);
	struct json_object *list = json_object_new_array();
	size_t i = page.from > first ? page.from : first;

	for (; i < ledger->step_count && page.taken < page.limit; i++, page.taken++)
		sim_push(list, show_step(cloud, &ledger->steps[i % ledger->step_room], i));
	put_list(reply, "log", list, i, ledger->step_count);
	sim_put_int(reply, "first", (int64_t)first);
	return true;
}
