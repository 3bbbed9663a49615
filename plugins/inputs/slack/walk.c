/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every text of blocks and attachments, whatever they are called.
 *
 * The walk goes over all JSON strings and leaves out only what is known to be
 * no text, so that kinds of blocks that do not exist yet are read as well.
 * Below "metadata" an app's developer chose the names, so nothing is left out.
 * The leaves of one rich text container are joined without a separator: a
 * number of which some digits are bold is spread over several of them.
 */
#include "slack.h"

#include <string.h>

#define NUMBER_DIGITS_LEAST 9 /* a number of fewer digits says nothing */

static const char *const not_text[] = { "type", "block_id", "action_id", "callback_id", "id", "ts",
	"user", "user_id", "user_team", "team", "team_id", "channel", "channel_id", "channel_team",
	"channel_type", "bot_id", "app_id", "client_msg_id", "subtype", "style", "color",
	"mimetype", "filetype", "mode", "external_type", "file_id", "usergroup_id", "canvas_id",
	"private_channel", "author_id", "author_icon", "footer_icon", "service_icon",
	"fallback_style", "mrkdwn_in", "permalink", "permalink_public", "url_private",
	"url_private_download", "files", "hash", "msg_subtype", "skin_tone", "unicode",
	"response_url_enabled" };

static bool is_text(const struct walk *walk, const char *key)
{
	if (walk->everything)
		return true;
	if (strncmp(key, "thumb_", 6) == 0)
		return false;
	for (size_t i = 0; i < sizeof(not_text) / sizeof(not_text[0]); i++) {
		if (strcmp(key, not_text[i]) == 0)
			return false;
	}
	return true;
}

static bool is_link(const char *key)
{
	struct orch_text name = kit_text(key);

	return kit_ends(name, "url") || kit_ends(name, "_link");
}

static bool is_known(const struct walk *walk, struct orch_text line)
{
	for (size_t i = 0; i < walk->known_count; i++) {
		if (kit_equal(walk->known[i], line))
			return true;
	}
	return false;
}

static void put_line(struct walk *walk, struct orch_text line)
{
	if (line.len == 0 || is_known(walk, line))
		return;
	if (walk->known_count < WALK_KNOWN)
		walk->known[walk->known_count++] = line;
	kit_put(walk->lines, line);
	kit_putc(walk->lines, '\n');
}

static bool may_be_markup(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("<&*_~`", text.ptr[i]) != NULL || (unsigned char)text.ptr[i] >= 0x80u)
			return true;
	}
	return false;
}

/* The same bytes with the ids in them blanked; the very text if it holds none. */
static struct orch_text without_ids(struct walk *walk, struct orch_text text)
{
	struct kit_builder copy;

	if (memchr(text.ptr, '<', text.len) == NULL)
		return text;
	kit_builder_init(&copy, walk->arena, TEXT_BYTES);
	kit_put(&copy, text);
	if (copy.cut)
		walk->lines->cut = true;
	if (copy.failed)
		walk->lines->failed = true;
	if (copy.len > 0)
		mrkdwn_blank_ids(copy.ptr, copy.len);
	return kit_built(&copy);
}

/* As it came, then as VIEW shows it. */
static void put_views(struct walk *walk, struct orch_text text,
	void (*view)(struct kit_builder *seen, struct orch_text text))
{
	struct kit_builder seen;

	put_line(walk, text);
	kit_builder_init(&seen, walk->arena, TEXT_BYTES);
	view(&seen, text);
	if (seen.failed)
		walk->lines->failed = true;
	put_line(walk, kit_built(&seen));
}

static void put_text(struct walk *walk, const char *key, struct orch_text text)
{
	if (is_link(key)) {
		link_put(walk->links, text);
		return;
	}
	if (!may_be_markup(text)) {
		put_line(walk, text);
		return;
	}
	mrkdwn_links(walk->links, text);
	put_views(walk, without_ids(walk, text), mrkdwn_display);
}

static void fold_all(struct kit_builder *folded, struct orch_text text)
{
	for (size_t at = 0; at < text.len;)
		at += fold_put(folded, (struct orch_text){ text.ptr + at, text.len - at });
}

static void join_value(
	struct walk *walk, struct kit_builder *line, const char *key, struct json_object *value);

/* Kinds that we do not know: whatever text they hold, in its order. */
static void join_members(struct walk *walk, struct kit_builder *line, struct json_object *object)
{
	bool is_emoji = kit_is(kit_json_text(object, "type"), "emoji");

	json_object_object_foreach(object, key, value)
	{
		if (is_text(walk, key) && !(is_emoji && strcmp(key, "name") == 0))
			join_value(walk, line, key, value);
	}
}

static void join_leaf(struct walk *walk, struct kit_builder *line, struct json_object *leaf)
{
	struct orch_text type = kit_json_text(leaf, "type"), text = kit_json_text(leaf, "text");
	struct orch_text url = kit_json_text(leaf, "url");

	if (kit_is(type, "text")) {
		kit_put(line, text);
	} else if (kit_is(type, "link")) {
		link_put(walk->links, url);
		kit_put(line, text.len > 0 ? text : url);
	} else if (kit_is(type, "date")) {
		link_put(walk->links, url);
		put_line(walk, kit_json_text(leaf, "format"));
		kit_put(line, kit_json_text(leaf, "fallback"));
	} else if (kit_is(type, "color")) {
		kit_put(line, kit_json_text(leaf, "value"));
	} else {
		join_members(walk, line, leaf);
	}
}

static void join_value(
	struct walk *walk, struct kit_builder *line, const char *key, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		if (is_link(key))
			link_put(walk->links, kit_json_string(value));
		else
			kit_put(line, kit_json_string(value));
		break;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			join_value(walk, line, key, json_object_array_get_idx(value, i));
		break;
	case json_type_object:
		join_leaf(walk, line, value);
		break;
	case json_type_int:
	case json_type_double:
		kit_puts(line, json_object_to_json_string(value));
		break;
	default:
		break;
	}
}

static void end_line(struct walk *walk, struct kit_builder *line)
{
	if (line->failed)
		walk->lines->failed = true;
	if (may_be_markup(kit_built(line)))
		put_views(walk, kit_built(line), fold_all);
	else
		put_line(walk, kit_built(line));
	kit_builder_init(line, walk->arena, TEXT_BYTES);
}

/* A line of its own: what we do not know may as well stand within one. */
static bool is_container(struct json_object *value)
{
	return kit_starts(kit_json_text(value, "type"), "rich_text_") &&
		json_object_is_type(kit_json_get(value, "elements"), json_type_array);
}

static void walk_members(struct walk *walk, struct json_object *object, bool joined)
{
	json_object_object_foreach(object, key, value)
	{
		bool was_everything = walk->everything;

		if (!is_text(walk, key) || (joined && strcmp(key, "elements") == 0))
			continue;
		if (walk->everything)
			put_line(walk, kit_text(key));
		walk->everything = walk->everything || strcmp(key, "metadata") == 0;
		walk_value(walk, key, value);
		walk->everything = was_everything;
	}
}

/* CONTAINER holds leaves and further containers in "elements". */
static void walk_container(struct walk *walk, struct json_object *container)
{
	struct json_object *elements = kit_json_get(container, "elements");
	size_t count = json_object_array_length(elements);
	struct kit_builder line;

	kit_builder_init(&line, walk->arena, TEXT_BYTES);
	for (size_t i = 0; i < count; i++) {
		struct json_object *element = json_object_array_get_idx(elements, i);

		if (is_container(element)) {
			end_line(walk, &line);
			walk_container(walk, element);
		} else {
			join_value(walk, &line, "", element);
		}
	}
	end_line(walk, &line);
	walk_members(walk, container, true);
}

/* What stands beside each other in a rich text is a line each, whatever it is. */
static void walk_rich_text(struct walk *walk, struct json_object *block)
{
	struct json_object *elements = kit_json_get(block, "elements");
	struct kit_builder line;

	kit_builder_init(&line, walk->arena, TEXT_BYTES);
	for (size_t i = 0; i < json_object_array_length(elements); i++) {
		struct json_object *element = json_object_array_get_idx(elements, i);

		if (is_container(element))
			walk_container(walk, element);
		else
			join_value(walk, &line, "", element);
		end_line(walk, &line);
	}
	walk_members(walk, block, true);
}

static void walk_object(struct walk *walk, struct json_object *object)
{
	struct orch_text type = kit_json_text(object, "type");
	bool has_elements = json_object_is_type(kit_json_get(object, "elements"), json_type_array);

	if (kit_is(type, "rich_text") && has_elements && !walk->everything)
		walk_rich_text(walk, object);
	else if (is_container(object) && !walk->everything)
		walk_container(walk, object);
	else
		walk_members(walk, object, false);
	if (kit_is(type, "markdown"))
		put_views(walk, kit_json_text(object, "text"), mrkdwn_plain);
}

static void put_number(struct walk *walk, struct json_object *value)
{
	struct orch_text digits = kit_text(json_object_to_json_string(value));

	if (digits.len >= NUMBER_DIGITS_LEAST)
		put_line(walk, digits);
}

/* As deep as the JSON parser allows, KIT_JSON_DEPTH. */
void walk_value(struct walk *walk, const char *key, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		put_text(walk, key, kit_json_string(value));
		break;
	case json_type_int:
	case json_type_double:
		put_number(walk, value);
		break;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			walk_value(walk, key, json_object_array_get_idx(value, i));
		break;
	case json_type_object:
		walk_object(walk, value);
		break;
	default:
		break;
	}
}
