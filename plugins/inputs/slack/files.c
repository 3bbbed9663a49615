/* SPDX-License-Identifier: Apache-2.0 */
/* Files as parts: announced ones that gather() fetches, and what their descriptions say. */
#include "slack.h"

#define NAME_BYTES 128
#define PART_NAME_BYTES 256

static const char *const descriptions[] = { "name", "title", "alt_txt", "preview",
	"preview_plain_text", "plain_text", "initial_comment", "subject", "headers", "from", "to",
	"cc", "transcription", "simplified_html" };

const char *files_refusal(struct json_object *file)
{
	struct orch_text mode = kit_json_text(file, "mode");

	if (kit_json_is_true(file, "is_external") || kit_is(mode, "external"))
		return "external file, held by a third party";
	if (kit_is(mode, "tombstone"))
		return "the file was deleted";
	if (kit_is(mode, "hidden_by_limit"))
		return "hidden by the limit of the workspace's plan";
	return NULL;
}

/* "file:F123/report.docx"; the name is its author's and so is tamed. */
static struct orch_text part_name(
	struct kit_arena *arena, const char *kind, struct orch_text id, struct orch_text name)
{
	struct kit_builder builder;

	kit_builder_init(&builder, arena, PART_NAME_BYTES);
	kit_puts(&builder, kind);
	kit_put(&builder, kit_prefix(id, 64));
	if (name.len > 0)
		kit_putc(&builder, '/');
	name = kit_prefix(name, NAME_BYTES);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		kit_putc(&builder, c < 0x20u || c == 0x7fu || c == '/' ? '_' : (char)c);
	}
	return kit_built(&builder);
}

bool files_describe(struct kit_arena *arena, struct json_object *file, struct orch_part *ret_part)
{
	struct kit_builder lines, links;
	struct walk walk = { .arena = arena, .lines = &lines, .links = &links };

	kit_builder_init(&lines, arena, TEXT_BYTES);
	kit_builder_init(&links, arena, TEXT_BYTES);
	for (size_t i = 0; i < sizeof(descriptions) / sizeof(descriptions[0]); i++)
		walk_value(&walk, descriptions[i], kit_json_get(file, descriptions[i]));
	kit_put(&lines, kit_built(&links));
	if (kit_built(&lines).len == 0)
		return false;
	*ret_part =
		(struct orch_part){ .name = part_name(arena, "filename:", kit_json_text(file, "id"),
					    (struct orch_text){ "", 0 }),
			.media_type = kit_text("text/plain"),
			.bytes = kit_built(&lines),
			.state = kit_is_whole(&lines) ? ORCH_PART_HERE : ORCH_PART_TRUNCATED,
			.note = kit_text(kit_is_whole(&lines) ? "" : "longer than the limit") };
	return ret_part->name.len > 0;
}

static void announce(struct draft *draft, struct json_object *file)
{
	struct orch_text id = kit_json_text(file, "id");
	const char *refusal = files_refusal(file);
	struct orch_part part = { .name = part_name(
					  draft->arena, "file:", id, kit_json_text(file, "name")),
		.media_type = kit_json_text(file, "mimetype"),
		.state = refusal == NULL ? ORCH_PART_ANNOUNCED : ORCH_PART_UNAVAILABLE,
		.note = kit_text(refusal) };

	draft_part(draft, &part);
	if (files_describe(draft->arena, file, &part))
		draft_part(draft, &part);
}

void files_announce_id(struct draft *draft, struct orch_text id)
{
	struct orch_part part = {
		.name = part_name(draft->arena, "file:", id, (struct orch_text){ "", 0 }),
		.state = ORCH_PART_ANNOUNCED,
	};

	draft_part(draft, &part);
	draft_field(draft, "slack.files", id);
}

static void put_too_many(struct draft *draft)
{
	const struct orch_part part = { .name = kit_text("files"),
		.state = ORCH_PART_UNAVAILABLE,
		.note = kit_text("more files than are fetched of one message") };

	draft_part(draft, &part);
}

void files_announce(struct draft *draft, struct json_object *message)
{
	size_t count;
	struct json_object *files = kit_json_array(message, "files", &count);
	struct kit_builder ids;

	kit_builder_init(&ids, draft->arena, TEXT_BYTES);
	for (size_t i = 0; i < count && i < FILES_LIMIT; i++) {
		struct json_object *file = json_object_array_get_idx(files, i);
		struct orch_text id = kit_json_text(file, "id");

		if (id.len == 0)
			continue;
		announce(draft, file);
		if (kit_built(&ids).len > 0)
			kit_putc(&ids, ',');
		kit_put(&ids, id);
	}
	if (count > FILES_LIMIT)
		put_too_many(draft);
	draft_field(draft, "slack.files", kit_built(&ids));
}

static struct json_object *find_in(struct json_object *holder, struct orch_text id)
{
	size_t count;
	struct json_object *files = kit_json_array(holder, "files", &count);

	for (size_t i = 0; i < count; i++) {
		struct json_object *file = json_object_array_get_idx(files, i);

		if (kit_equal(kit_json_text(file, "id"), id))
			return file;
	}
	return NULL;
}

struct json_object *files_find(struct json_object *envelope, struct orch_text id)
{
	struct json_object *message = message_of(kit_json_get(envelope, "event"));
	size_t count;
	struct json_object *attachments = kit_json_array(message, "attachments", &count);
	struct json_object *file = find_in(message, id);

	for (size_t i = 0; i < count && file == NULL; i++)
		file = find_in(json_object_array_get_idx(attachments, i), id);
	return file;
}
