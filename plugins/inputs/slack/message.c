/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the type "message": which of its many subtypes hold something new, and where. */
#include "slack.h"

#define HASH_START_1 14695981039346656037u
#define HASH_START_2 1099511628211u
#define NAME_BYTES \
	128 /* of an id or a time stamp of Slack's; what is longer is named by its digest */
#define ID_BYTES 512 /* as much as the core takes */
#define ALIAS_BYTES (4 * TEXT_BYTES)

enum treatment {
	READ,     /* what stands at the top level */
	CHANGED,  /* the message within, if its content differs */
	DELETED,  /* the message as it was */
	REPLIED,  /* the parent within: known as a rule, and then a repeat by its alias */
	WITHHELD, /* there is content, but nobody gives it to us */
	NOTHING,
};

struct subtype {
	const char *name;
	enum treatment treatment;
};

/* What is not in the table, known today or not, is read. */
static const struct subtype subtypes[] = {
	{ "message_changed", CHANGED },
	{ "message_deleted", DELETED },
	{ "ekm_access_denied", WITHHELD },
	{ "message_replied", REPLIED },
	{ "tombstone", NOTHING },
	{ "dlp_tombstone", NOTHING },
	{ "channel_join", NOTHING },
	{ "channel_leave", NOTHING },
	{ "channel_archive", NOTHING },
	{ "channel_unarchive", NOTHING },
	{ "channel_posting_permissions", NOTHING },
	{ "group_join", NOTHING },
	{ "group_leave", NOTHING },
	{ "group_archive", NOTHING },
	{ "group_unarchive", NOTHING },
};

static enum treatment treatment_of(struct orch_text subtype)
{
	for (size_t i = 0; i < sizeof(subtypes) / sizeof(subtypes[0]); i++) {
		if (kit_is(subtype, subtypes[i].name))
			return subtypes[i].treatment;
	}
	return READ;
}

struct json_object *message_of(struct json_object *event)
{
	switch (treatment_of(kit_json_text(event, "subtype"))) {
	case CHANGED:
	case REPLIED:
		return kit_json_get(event, "message");
	case DELETED:
		return kit_json_get(event, "previous_message");
	default:
		return event;
	}
}

/* Unfurls and our own updates come as edits too; what counts is whether anything new is said. */
static bool is_unchanged(struct json_object *event)
{
	static const char *const content[] = { "text", "blocks", "attachments", "files", "metadata",
		"username" };
	struct json_object *now = kit_json_get(event, "message");
	struct json_object *before = kit_json_get(event, "previous_message");

	if (before == NULL)
		return false;
	for (size_t i = 0; i < sizeof(content) / sizeof(content[0]); i++) {
		if (!json_object_equal(
			    kit_json_get(now, content[i]), kit_json_get(before, content[i])))
			return false;
	}
	return true;
}

static struct orch_text app_of(struct json_object *message)
{
	struct orch_text app = kit_json_text(message, "app_id");

	return app.len > 0 ? app : kit_json_text(kit_json_get(message, "bot_profile"), "app_id");
}

static bool is_listed(const struct envelope *envelope, struct json_object *message)
{
	const struct orch_list *list = &envelope->self->settings->ignore_bots;
	struct orch_text ids[] = { kit_json_text(message, "user"), kit_json_text(message, "bot_id"),
		app_of(message) };

	for (size_t i = 0; i < list->count; i++) {
		for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
			if (ids[k].len > 0 && kit_equal(list->items[i], ids[k]))
				return true;
		}
	}
	return false;
}

static bool is_our_bot(const struct envelope *envelope, struct orch_text user)
{
	size_t count;
	struct json_object *all = kit_json_array(envelope->root, "authorizations", &count);

	for (size_t i = 0; i < count && user.len > 0; i++) {
		struct json_object *one = json_object_array_get_idx(all, i);

		if (kit_json_is_true(one, "is_bot") &&
			kit_equal(kit_json_text(one, "user_id"), user))
			return true;
	}
	return false;
}

static bool is_own(const struct envelope *envelope, struct json_object *message)
{
	struct orch_text app = app_of(message);

	if (app.len > 0 && kit_equal(app, envelope->app))
		return true;
	return is_our_bot(envelope, kit_json_text(message, "user"));
}

/*
 * One of our notices.  Any app can set this metadata, so it counts only where
 * no other app's id contradicts it; people cannot set it at all.
 */
static bool is_notice(const struct envelope *envelope, struct json_object *message)
{
	struct orch_text kind = kit_json_text(kit_json_get(message, "metadata"), "event_type");
	struct orch_text app = app_of(message);

	if (!kit_is(kind, "orchestrator_notice") || kit_json_text(message, "bot_id").len == 0)
		return false;
	return app.len == 0 || envelope->app.len == 0 || kit_equal(app, envelope->app);
}

int ignore(const struct envelope *envelope, const char *reason)
{
	const struct orch_host *host = envelope->self->host;

	host->count(host, "ignored", 1);
	host->count(host, reason, 1);
	return ORCH_OK;
}

static uint64_t hash(uint64_t state, struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++)
		state = (state ^ (unsigned char)text.ptr[i]) * 1099511628211u;
	return state;
}

static void put_hash(struct kit_builder *builder, struct orch_text text)
{
	kit_printf(builder, "%016llx%016llx", (unsigned long long)hash(HASH_START_1, text),
		(unsigned long long)hash(HASH_START_2, text));
}

struct orch_text name_within(const struct envelope *envelope, struct orch_text name)
{
	struct kit_builder builder;

	if (name.len <= NAME_BYTES)
		return name;
	kit_builder_init(&builder, &envelope->self->arena, NAME_BYTES);
	kit_puts(&builder, "long-");
	put_hash(&builder, name);
	return kit_built(&builder);
}

struct orch_text envelope_id(const struct envelope *envelope)
{
	struct orch_text id = name_within(envelope, kit_json_text(envelope->root, "event_id"));
	struct kit_builder builder;

	kit_builder_init(&builder, &envelope->self->arena, ID_BYTES);
	kit_puts(&builder, "slack:");
	kit_put(&builder, envelope->team);
	kit_putc(&builder, ':');
	kit_put(&builder, id);
	if (id.len == 0)
		put_hash(&builder, envelope->body);
	return kit_is_whole(&builder) ? kit_built(&builder) : (struct orch_text){ "", 0 };
}

/* Of "1700000000.000100", in ms; 0 if it is none. */
static uint64_t read_ts(struct orch_text ts)
{
	struct orch_text piece;
	uint64_t seconds, fraction;

	if (!kit_split(&ts, '.', &piece) || !kit_number(piece, &seconds) || piece.len > 11)
		return 0;
	if (ts.len != 6 || !kit_number(ts, &fraction))
		fraction = 0;
	return seconds * 1000u + fraction / 1000u;
}

static uint64_t time_of(const struct envelope *envelope)
{
	uint64_t time_ms = read_ts(kit_json_text(envelope->event, "event_ts"));
	int64_t time_s = kit_json_int(envelope->root, "event_time");

	return time_ms > 0 || time_s <= 0 ? time_ms : (uint64_t)time_s * 1000u;
}

int envelope_describe(const struct envelope *envelope, struct draft *draft)
{
	struct json_object *root = envelope->root;

	json_object_object_del(root, "token"); /* the old verification token, a secret of sorts */
	draft->arena = &envelope->self->arena;
	draft->event.id = envelope_id(envelope);
	draft->event.time_ms = time_of(envelope);
	draft->event.tenant = envelope->team;
	draft->event.data = kit_text(json_object_to_json_string_ext(
		root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	if (draft->event.id.len == 0 || draft->event.data.len == 0)
		return orch_fail(envelope->err, ORCH_E_NOMEM, "no memory for the event");
	draft_field(draft, "slack.team", envelope->team);
	draft_field(draft, "slack.event_id", kit_json_text(root, "event_id"));
	if (kit_json_is_true(root, "is_ext_shared_channel"))
		draft_field(draft, "slack.is_ext_shared_channel", kit_text("true"));
	return ORCH_OK;
}

static struct orch_text order_key(
	const struct envelope *envelope, struct orch_text channel, struct orch_text ts)
{
	struct kit_builder key;

	kit_builder_init(&key, &envelope->self->arena, ID_BYTES);
	kit_put(&key, envelope->team);
	kit_putc(&key, '/');
	kit_put(&key, name_within(envelope, channel));
	kit_putc(&key, '/');
	kit_put(&key, name_within(envelope, ts));
	return kit_built(&key);
}

static void describe_message(
	const struct envelope *envelope, struct draft *draft, struct json_object *message)
{
	struct json_object *event = envelope->event;
	struct orch_text channel = kit_json_text(event, "channel");
	struct orch_text ts = kit_json_text(message, "ts");
	struct orch_text user = kit_json_text(message, "user");
	struct orch_text bot = kit_json_text(message, "bot_id");

	if (ts.len == 0)
		ts = kit_json_text(event, "deleted_ts");
	draft->event.actor = user.len > 0 ? user : bot;
	draft->event.order = order_key(envelope, channel, ts);
	draft->event.alias_time_ms = read_ts(ts);
	draft_field(draft, "slack.channel", channel);
	draft_field(draft, "slack.channel_type", kit_json_text(event, "channel_type"));
	draft_field(draft, "slack.ts", ts);
	draft_field(draft, "slack.thread_ts", kit_json_text(message, "thread_ts"));
	draft_field(draft, "slack.user", user);
	draft_field(draft, "slack.subtype", kit_json_text(event, "subtype"));
	draft_field(draft, "slack.bot_id", bot);
	draft_field(draft, "slack.app_id", app_of(message));
	if (is_own(envelope, message))
		draft_field(draft, "slack.is_own", kit_text("true"));
}

/* Of a file which one it is: what becomes of it its own events tell. */
static void name_part(struct kit_builder *alias, const struct orch_part *part)
{
	if (part->alias.len > 0) {
		kit_putc(alias, '\n');
		kit_put(alias, part->alias);
	} else if (!kit_starts(part->name, FILES_DESCRIBED)) {
		kit_printf(alias, "\n%zu %zu ", part->name.len, part->bytes.len);
		kit_put(alias, part->name);
		kit_put(alias, part->bytes);
	}
}

/*
 * One state of one message, whatever event tells of it: a second subscription,
 * or the deletion that shows what was deleted.  Unfurls change what is said
 * without a new edited.ts, hence the parts, which are all that is inspected.
 */
static void name_state(struct draft *draft, struct json_object *message)
{
	struct kit_builder alias;

	kit_builder_init(&alias, draft->arena, ALIAS_BYTES);
	kit_put(&alias, draft->event.order);
	kit_putc(&alias, '/');
	kit_put(&alias, kit_json_text(kit_json_get(message, "edited"), "ts"));
	for (size_t i = 0; i < draft->event.part_count; i++)
		name_part(&alias, &draft->parts[i]);
	if (kit_is_whole(&alias))
		draft->event.alias = kit_built(&alias);
}

static void put_withheld(struct draft *draft)
{
	const struct orch_part part = { .name = kit_text("text"),
		.state = ORCH_PART_UNAVAILABLE,
		.note = kit_text("withheld: Slack has no access to the workspace's key") };

	draft_part(draft, &part);
}

static int emit_message(struct envelope *envelope, struct json_object *message, enum treatment how)
{
	struct draft draft = { .arena = NULL };
	int rc = envelope_describe(envelope, &draft);

	if (rc != ORCH_OK)
		return rc;
	draft.event.type = kit_text(how == DELETED ? "slack.message_deleted" : "slack.message");
	describe_message(envelope, &draft, message);
	if (how == WITHHELD)
		put_withheld(&draft);
	else
		content_read(&draft, message);
	if (draft.event.part_count == 0)
		return ignore(envelope, "ignored_empty");
	name_state(&draft, message);
	return draft_emit(&draft, envelope);
}

static bool is_tombstone(struct json_object *message)
{
	struct orch_text subtype = kit_json_text(message, "subtype");

	return kit_is(subtype, "tombstone") || kit_is(subtype, "dlp_tombstone");
}

int message_receive(struct envelope *envelope)
{
	const struct settings *settings = envelope->self->settings;
	struct json_object *message = message_of(envelope->event);
	enum treatment how = treatment_of(kit_json_text(envelope->event, "subtype"));

	if (how == NOTHING)
		return ignore(envelope, "ignored_subtype");
	if (!json_object_is_type(message, json_type_object))
		return ignore(envelope, "ignored_empty");
	if (is_tombstone(message))
		return ignore(envelope, "ignored_tombstone");
	if (is_listed(envelope, message) || is_notice(envelope, message) ||
		(is_own(envelope, message) && !settings->scan_own))
		return ignore(envelope, "ignored_own");
	if (how == CHANGED && is_unchanged(envelope->event))
		return ignore(envelope, "ignored_unchanged");
	if (how == DELETED && !settings->scan_deleted)
		return ignore(envelope, "ignored_deleted");
	return emit_message(envelope, message, how);
}
