/* SPDX-License-Identifier: Apache-2.0 */
/* Files as parts: announced ones that gather() fetches, and what their descriptions say. */
#include "slack.h"

#define NAME_BYTES 128
#define PART_NAME_BYTES 256
#define ALIAS_BYTES 1024
#define NAMED_FILES_LIMIT 1000 /* of a message's own: also those that are too many to be fetched */

static const char *const descriptions[] = { "name", "title", "alt_txt", "preview",
	"preview_plain_text", "plain_text", "initial_comment", "subject", "headers", "from", "to",
	"cc", "transcription", "vtt", "simplified_html", "list_metadata" };

bool files_is_gone(struct json_object *file)
{
	return kit_is(kit_json_text(file, "mode"), "tombstone");
}

const char *files_refusal(struct json_object *file)
{
	struct orch_text mode = kit_json_text(file, "mode");

	if (files_is_gone(file))
		return "the file was deleted";
	if (kit_json_is_true(file, "is_external") || kit_is(mode, "external"))
		return "external file, held by a third party";
	if (kit_is(mode, "hidden_by_limit"))
		return "hidden by the limit of the workspace's plan";
	return NULL;
}

enum file_kind file_kind(struct json_object *file)
{
	struct orch_text mode = kit_json_text(file, "mode");
	struct orch_text type = kit_json_text(file, "mimetype");

	if (kit_is(mode, "quip") || kit_is(mode, "canvas") || kit_is(mode, "space") ||
		kit_is(type, "application/vnd.slack-docs"))
		return FILE_CANVAS;
	if (kit_is(mode, "list") || kit_is(type, "application/vnd.slack-list"))
		return FILE_LIST;
	return FILE_BYTES;
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

struct orch_text files_alias(const struct draft *draft, struct orch_text id)
{
	struct kit_builder alias;

	kit_builder_init(&alias, draft->arena, ALIAS_BYTES);
	kit_put(&alias, draft->event.tenant);
	kit_puts(&alias, "/file/");
	kit_put(&alias, id);
	return kit_is_whole(&alias) ? kit_built(&alias) : (struct orch_text){ "", 0 };
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
		(struct orch_part){ .name = part_name(arena, FILES_DESCRIBED,
					    kit_json_text(file, "id"), (struct orch_text){ "", 0 }),
			.media_type = kit_text("text/plain"),
			.bytes = kit_built(&lines),
			.state = kit_is_whole(&lines) ? ORCH_PART_HERE : ORCH_PART_TRUNCATED,
			.note = kit_text(kit_is_whole(&lines) ? "" : "longer than the limit") };
	return ret_part->name.len > 0;
}

static uint32_t first_state(struct json_object *file)
{
	if (files_refusal(file) == NULL)
		return ORCH_PART_ANNOUNCED;
	return files_is_gone(file) ? ORCH_PART_GONE : ORCH_PART_UNAVAILABLE;
}

static void announce(struct draft *draft, struct json_object *file)
{
	struct orch_text id = kit_json_text(file, "id");
	struct orch_part part = { .name = part_name(
					  draft->arena, "file:", id, kit_json_text(file, "name")),
		.media_type = kit_json_text(file, "mimetype"),
		.state = first_state(file),
		.note = kit_text(files_refusal(file)),
		.alias = files_alias(draft, id) };

	draft_part(draft, &part);
	if (files_describe(draft->arena, file, &part))
		draft_part(draft, &part);
}

void files_announce_id(struct draft *draft, struct orch_text id)
{
	struct orch_part part = {
		.name = part_name(draft->arena, "file:", id, (struct orch_text){ "", 0 }),
		.state = ORCH_PART_ANNOUNCED,
		.alias = draft->event.alias,
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

/* Gives true when it has seen enough. */
typedef bool visit_file(void *arg, struct json_object *file);

static bool each_holder(struct json_object *list, const char *within, visit_file *visit, void *arg);

/*
 * The files of HOLDER, then those that it quotes: in attachments, in forwarded
 * messages, in the parent of a broadcast.  As deep as JSON is read, KIT_JSON_DEPTH.
 */
static bool each_file(struct json_object *holder, visit_file *visit, void *arg)
{
	struct json_object *root = kit_json_get(holder, "root");
	size_t count;
	struct json_object *files = kit_json_array(holder, "files", &count);

	for (size_t i = 0; i < count; i++) {
		if (visit(arg, json_object_array_get_idx(files, i)))
			return true;
	}
	return each_holder(kit_json_get(holder, "attachments"), NULL, visit, arg) ||
		each_holder(kit_json_get(holder, "message_blocks"), "message", visit, arg) ||
		(root != NULL && each_file(root, visit, arg));
}

/* WITHIN names the member of each entry that holds the files; NULL: the entry itself. */
static bool each_holder(struct json_object *list, const char *within, visit_file *visit, void *arg)
{
	size_t count =
		json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);

		if (within != NULL)
			entry = kit_json_get(entry, within);
		if (each_file(entry, visit, arg))
			return true;
	}
	return false;
}

struct announcing {
	struct draft *draft;
	size_t count;
};

static bool announce_next(void *arg, struct json_object *file)
{
	struct announcing *all = arg;

	if (all->count++ == FILES_LIMIT) {
		put_too_many(all->draft);
		return true;
	}
	if (kit_json_text(file, "id").len > 0)
		announce(all->draft, file);
	return false;
}

/* What a message only quotes belongs to somebody else: it is inspected, and never ours to delete. */
static void name_own(struct draft *draft, struct json_object *message)
{
	size_t count;
	struct json_object *files = kit_json_array(message, "files", &count);
	struct kit_builder ids;

	kit_builder_init(&ids, draft->arena, TEXT_BYTES);
	for (size_t i = 0; i < count && i < NAMED_FILES_LIMIT; i++) {
		struct orch_text id = kit_json_text(json_object_array_get_idx(files, i), "id");

		if (id.len > 0 && kit_built(&ids).len > 0)
			kit_putc(&ids, ',');
		kit_put(&ids, id);
	}
	draft_field(draft, "slack.files", kit_built(&ids));
}

void files_announce(struct draft *draft, struct json_object *message)
{
	struct announcing all = { .draft = draft };

	(void)each_file(message, announce_next, &all);
	name_own(draft, message);
}

struct finding {
	struct orch_text id;
	struct json_object *file;
};

static bool find_next(void *arg, struct json_object *file)
{
	struct finding *wanted = arg;

	if (!kit_equal(kit_json_text(file, "id"), wanted->id))
		return false;
	wanted->file = file;
	return true;
}

struct json_object *files_find(struct json_object *envelope, struct orch_text id)
{
	struct finding wanted = { .id = id };

	(void)each_file(message_of(kit_json_get(envelope, "event")), find_next, &wanted);
	return wanted.file;
}
