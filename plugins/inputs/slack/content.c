/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that a message says, as parts: its text in three views, blocks, attachments, metadata, files. */
#include "slack.h"

static void put_view(
	struct draft *draft, struct walk *walk, const char *name, struct kit_builder *view)
{
	struct orch_text text = kit_built(view);

	for (size_t i = 0; i < walk->known_count; i++) {
		if (kit_is_whole(view) && kit_equal(walk->known[i], text))
			return;
	}
	if (walk->known_count < WALK_KNOWN)
		walk->known[walk->known_count++] = text;
	draft_text(draft, name, view);
}

/* Where a message stands: it is the event's own, or the parent that a broadcast shows along with it. */
struct place {
	const char *text, *displayed, *blocks, *attachments, *metadata;
};

static const struct place own = { "text", "displayed", "blocks", "attachments", "metadata" };
static const struct place root = { "root", "root_displayed", "root_blocks", "root_attachments",
	"root_metadata" };

/* The text as it came, and as it is displayed if that differs. */
static void read_text(
	struct draft *draft, struct walk *walk, const struct place *place, struct orch_text text)
{
	struct kit_builder raw, displayed;

	kit_builder_init(&raw, draft->arena, TEXT_BYTES);
	kit_put(&raw, text);
	if (raw.len > 0)
		mrkdwn_blank_ids(raw.ptr, raw.len);
	kit_builder_init(&displayed, draft->arena, TEXT_BYTES);
	mrkdwn_display(&displayed, text);
	put_view(draft, walk, place->text, &raw);
	put_view(draft, walk, place->displayed, &displayed);
	mrkdwn_links(walk->links, text);
}

static void read_walked(
	struct draft *draft, struct walk *walk, const char *name, struct json_object *value)
{
	struct kit_builder lines;

	kit_builder_init(&lines, draft->arena, LINES_BYTES);
	walk->lines = &lines;
	walk_value(walk, name, value);
	draft_text(draft, name, &lines);
}

static void read_message(struct draft *draft, struct walk *walk, const struct place *place,
	struct json_object *message)
{
	read_text(draft, walk, place, kit_json_text(message, "text"));
	read_walked(draft, walk, place->blocks, kit_json_get(message, "blocks"));
	read_walked(draft, walk, place->attachments, kit_json_get(message, "attachments"));
	walk->everything = true;
	read_walked(draft, walk, place->metadata, kit_json_get(message, "metadata"));
	walk->everything = false;
}

void content_read(struct draft *draft, struct json_object *message)
{
	static const char *const extra[] = { "topic", "purpose", "name", "username" };
	struct json_object *parent = kit_json_get(message, "root");
	struct kit_builder links;
	struct walk walk = { .arena = draft->arena, .links = &links };

	kit_builder_init(&links, draft->arena, LINES_BYTES);
	read_message(draft, &walk, &own, message);
	for (size_t i = 0; i < sizeof(extra) / sizeof(extra[0]); i++)
		read_walked(draft, &walk, extra[i], kit_json_get(message, extra[i]));
	if (parent != NULL)
		read_message(draft, &walk, &root, parent);
	draft_text(draft, "links", &links);
	files_announce(draft, message);
}
