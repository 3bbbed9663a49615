/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "file.h"
#include "message.h"

#define BOT_SCOPES                                                                            \
	"channels:history,channels:read,channels:join,groups:history,groups:read,im:history," \
	"im:write,mpim:history,files:read,canvases:read,chat:write,users:read,team:read"
#define ADMIN_SCOPES                                                                           \
	"channels:history,groups:history,im:history,mpim:history,files:read,files:write,chat:" \
	"write"

static uint64_t next_random(struct sim_world *world)
{
	uint64_t z = world->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void sim_world_id(struct sim_world *world, const char *prefix, char ret[SIM_ID_SIZE])
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	uint64_t random = next_random(world);
	size_t used = strlen(prefix);

	memcpy(ret, prefix, used);
	ret[used++] = '0';
	for (int i = 0; i < 9; i++, random /= 36)
		ret[used++] = digits[random % 36];
	ret[used] = '\0';
}

void sim_world_stamp(struct sim_channel *channel, char ret[SIM_TS_SIZE])
{
	uint64_t us = orch_clock_now_ms() * 1000;

	if (us <= channel->last_us)
		us = channel->last_us + 1;
	channel->last_us = us;
	(void)snprintf(ret, SIM_TS_SIZE, "%010" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

struct sim_user *sim_world_user(const struct sim_world *world, struct orch_text key)
{
	return orch_map_get(world->user_by_key, key);
}

struct sim_channel *sim_world_channel(const struct sim_world *world, struct orch_text key)
{
	if (key.len && key.ptr[0] == '#')
		key = (struct orch_text){ key.ptr + 1, key.len - 1 };
	return orch_map_get(world->channel_by_key, key);
}

struct sim_message *sim_world_message(
	const struct sim_world *world, struct orch_text channel, struct orch_text ts)
{
	char key[SIM_ID_SIZE + SIM_TS_SIZE];
	int len =
		snprintf(key, sizeof(key), "%.*s:%.*s", ORCH_TEXT_ARG(channel), ORCH_TEXT_ARG(ts));

	if (len < 0 || (size_t)len >= sizeof(key))
		return NULL;
	return orch_map_get(world->message_by_key, (struct orch_text){ key, (size_t)len });
}

struct sim_file *sim_world_file(const struct sim_world *world, struct orch_text id)
{
	return orch_map_get(world->file_by_id, id);
}

struct sim_token *sim_world_token(const struct sim_world *world, struct orch_text secret)
{
	struct sim_token *token;

	TAILQ_FOREACH(token, &world->tokens, next)
	if (orch_text_equal(orch_secret_text(token->secret), secret))
		return token;
	return NULL;
}

struct sim_user *sim_world_add_user(
	struct sim_world *world, struct orch_text name, bool is_bot, bool is_foreign)
{
	struct sim_user *user;

	if (world->user_count >= SIM_USERS_MAX || sim_world_user(world, name) ||
		name.len >= SIM_NAME_SIZE || !(user = orch_alloc(sizeof(*user))))
		return NULL;
	sim_world_id(world, "U", user->id);
	sim_keep(user->name, sizeof(user->name), name);
	sim_keep(user->team, sizeof(user->team),
		orch_text_from(is_foreign ? world->foreign_team : world->team));
	user->is_bot = is_bot;
	user->is_foreign = is_foreign;
	TAILQ_INSERT_TAIL(&world->users, user, next);
	world->user_count++;
	world->revision++;
	if (orch_map_set(world->user_by_key, orch_text_from(user->id), user) != 0 ||
		orch_map_set(world->user_by_key, name, user) != 0)
		return NULL;
	return user;
}

struct sim_channel *sim_world_add_channel(
	struct sim_world *world, enum sim_kind kind, struct orch_text name)
{
	struct sim_channel *channel;

	if (world->channel_count >= SIM_CHANNELS_MAX || !name.len || name.len >= SIM_NAME_SIZE ||
		sim_world_channel(world, name) || !(channel = orch_alloc(sizeof(*channel))))
		return NULL;
	TAILQ_INIT(&channel->messages);
	channel->kind = kind;
	channel->members = orch_map_create();
	channel->created_s = (int64_t)(orch_clock_now_ms() / 1000);
	sim_world_id(world, kind == SIM_IM ? "D" : "C", channel->id);
	sim_keep(channel->name, sizeof(channel->name), name);
	TAILQ_INSERT_TAIL(&world->channels, channel, next);
	world->channel_count++;
	world->revision++;
	if (!channel->members ||
		orch_map_set(world->channel_by_key, orch_text_from(channel->id), channel) != 0 ||
		orch_map_set(world->channel_by_key, name, channel) != 0)
		return NULL;
	return channel;
}

struct sim_channel *sim_world_im(struct sim_world *world, struct sim_user *a, struct sim_user *b)
{
	char name[2 * SIM_ID_SIZE];
	struct sim_channel *channel;
	bool in_order = strcmp(a->id, b->id) < 0;

	(void)snprintf(name, sizeof(name), "%s:%s", (in_order ? a : b)->id, (in_order ? b : a)->id);
	channel = sim_world_channel(world, orch_text_from(name));
	if (channel)
		return channel;
	channel = sim_world_add_channel(world, SIM_IM, orch_text_from(name));
	if (!channel || sim_channel_join(channel, a) != 0 || sim_channel_join(channel, b) != 0)
		return NULL;
	return channel;
}

static void destroy_token(struct sim_token *token)
{
	if (!token)
		return;
	orch_secret_destroy(token->secret);
	orch_free(token->scopes);
	orch_free(token);
}

struct sim_token *sim_world_add_token(struct sim_world *world, struct orch_text secret,
	struct sim_user *owner, bool is_bot, const char *scopes)
{
	struct sim_token *token;

	if (world->token_count >= SIM_TOKENS_MAX || !(token = orch_alloc(sizeof(*token))))
		return NULL;
	token->owner = owner;
	token->is_bot = is_bot;
	token->secret = orch_secret_create(secret);
	token->scopes = orch_strdup(scopes);
	if (!token->secret || !token->scopes) {
		destroy_token(token);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&world->tokens, token, next);
	world->token_count++;
	return token;
}

int sim_channel_join(struct sim_channel *channel, struct sim_user *user)
{
	return orch_map_set(channel->members, orch_text_from(user->id), user);
}

void sim_channel_leave(struct sim_channel *channel, const struct sim_user *user)
{
	(void)orch_map_remove(channel->members, orch_text_from(user->id));
}

bool sim_channel_has(const struct sim_channel *channel, const struct sim_user *user)
{
	return user && orch_map_get(channel->members, orch_text_from(user->id)) != NULL;
}

const char *sim_channel_type(const struct sim_channel *channel)
{
	static const char *const names[] = { "channel", "group", "im", "mpim" };

	return names[channel->kind];
}

bool sim_channel_is_private(const struct sim_channel *channel)
{
	return channel->kind != SIM_CHANNEL;
}

bool sim_token_has_scope(const struct sim_token *token, const char *scope)
{
	struct orch_text rest = orch_text_from(token->scopes), piece;

	while (orch_text_split(&rest, ',', &piece))
		if (orch_text_is(orch_text_trim(piece), scope))
			return true;
	return false;
}

struct seed_channel {
	const char *name;
	enum sim_kind kind;
	bool is_archived, is_shared;
	const char *members; /* the first letters of those who are in */
};

/* Letters: a alice, b bob, c carol (the admin), d dlp-guard (the bot), m mallory of another organisation. */
static const struct seed_channel seed_channels[] = {
	{ "general", SIM_CHANNEL, false, false, "abcd" },
	{ "random", SIM_CHANNEL, false, false, "abcd" },
	{ "payments", SIM_GROUP, false, false, "abcd" },
	{ "partners", SIM_CHANNEL, false, true, "abcdm" },
	{ "old-news", SIM_CHANNEL, true, false, "abcd" },
	{ "no-bot", SIM_CHANNEL, false, false, "abc" },
	{ "mpdm-alice-bob-carol", SIM_MPIM, false, false, "abcd" },
};

static int join_by_letters(
	struct sim_world *world, struct sim_channel *channel, const char *letters)
{
	struct sim_user *user;

	TAILQ_FOREACH(user, &world->users, next)
	if (strchr(letters, user->name[0]) && sim_channel_join(channel, user) != 0)
		return ORCH_E_NOMEM;
	return ORCH_OK;
}

static int seed_all_channels(struct sim_world *world)
{
	for (size_t i = 0; i < sizeof(seed_channels) / sizeof(seed_channels[0]); i++) {
		const struct seed_channel *seed = &seed_channels[i];
		struct sim_channel *channel =
			sim_world_add_channel(world, seed->kind, orch_text_from(seed->name));

		if (!channel || join_by_letters(world, channel, seed->members) != 0)
			return ORCH_E_NOMEM;
		channel->is_archived = seed->is_archived;
		channel->is_shared = seed->is_shared;
	}
	return ORCH_OK;
}

/* Direct messages get names by which a tester finds them. */
static int seed_im(
	struct sim_world *world, const char *name, struct sim_user *a, struct sim_user *b)
{
	struct sim_channel *channel = a && b ? sim_world_im(world, a, b) : NULL;

	if (!channel)
		return ORCH_E_NOMEM;
	return orch_map_set(world->channel_by_key, orch_text_from(name), channel);
}

static int seed_people(struct sim_world *world)
{
	struct sim_user *slackbot, *alice, *bob;

	sim_world_id(world, "T", world->team);
	sim_world_id(world, "T", world->foreign_team);
	sim_world_id(world, "A", world->app);
	sim_world_id(world, "B", world->bot_id);
	alice = sim_world_add_user(world, ORCH_TEXT("alice"), false, false);
	bob = sim_world_add_user(world, ORCH_TEXT("bob"), false, false);
	world->admin = sim_world_add_user(world, ORCH_TEXT("carol"), false, false);
	world->bot = sim_world_add_user(world, ORCH_TEXT("dlp-guard"), true, false);
	slackbot = sim_world_add_user(world, ORCH_TEXT("slackbot"), true, false);
	if (!alice || !bob || !world->admin || !world->bot || !slackbot ||
		!sim_world_add_user(world, ORCH_TEXT("mallory"), false, true))
		return ORCH_E_NOMEM;
	world->admin->is_admin = true;
	(void)orch_map_remove(world->user_by_key, orch_text_from(slackbot->id));
	sim_keep(slackbot->id, sizeof(slackbot->id), ORCH_TEXT("USLACKBOT"));
	if (orch_map_set(world->user_by_key, orch_text_from(slackbot->id), slackbot) != 0 ||
		seed_all_channels(world) != 0 ||
		seed_im(world, "dm-alice-bot", alice, world->bot) != 0 ||
		seed_im(world, "dm-alice-carol", alice, world->admin) != 0)
		return ORCH_E_NOMEM;
	return seed_im(world, "dm-alice-bob", alice, bob);
}

static int populate(struct sim_world *world)
{
	struct sim_token *token;

	world->random = world->seed;
	world->user_by_key = orch_map_create();
	world->channel_by_key = orch_map_create();
	world->message_by_key = orch_map_create();
	world->file_by_id = orch_map_create();
	if (!world->user_by_key || !world->channel_by_key || !world->message_by_key ||
		!world->file_by_id || seed_people(world) != 0)
		return ORCH_E_NOMEM;
	TAILQ_FOREACH(token, &world->tokens, next)
	{
		token->owner = token->is_bot ? world->bot : world->admin;
		token->problem[0] = '\0';
		orch_free(token->scopes);
		token->scopes = orch_strdup(token->is_bot ? BOT_SCOPES : ADMIN_SCOPES);
		if (!token->scopes)
			return ORCH_E_NOMEM;
	}
	return ORCH_OK;
}

static void clear_people(struct sim_world *world)
{
	struct sim_channel *channel;
	struct sim_user *user;

	while ((channel = TAILQ_FIRST(&world->channels))) {
		TAILQ_REMOVE(&world->channels, channel, next);
		orch_map_destroy(channel->members, NULL);
		orch_free(channel);
	}
	while ((user = TAILQ_FIRST(&world->users))) {
		TAILQ_REMOVE(&world->users, user, next);
		orch_free(user);
	}
	world->user_count = world->channel_count = 0;
}

static void clear_tokens(struct sim_world *world, bool all)
{
	struct sim_token *token, *after;

	for (token = TAILQ_FIRST(&world->tokens); token; token = after) {
		after = TAILQ_NEXT(token, next);
		if (token->is_default && !all)
			continue;
		TAILQ_REMOVE(&world->tokens, token, next);
		world->token_count--;
		destroy_token(token);
	}
}

static void clear(struct sim_world *world)
{
	sim_messages_clear(world);
	sim_files_clear(world);
	clear_people(world);
	orch_map_destroy(world->user_by_key, NULL);
	orch_map_destroy(world->channel_by_key, NULL);
	orch_map_destroy(world->message_by_key, NULL);
	orch_map_destroy(world->file_by_id, NULL);
	world->user_by_key = world->channel_by_key = NULL;
	world->message_by_key = world->file_by_id = NULL;
}

int sim_world_reset(struct sim_world *world)
{
	clear(world);
	clear_tokens(world, false);
	world->revision++;
	return populate(world);
}

struct sim_world *sim_world_create(
	uint64_t seed, size_t keep, struct orch_text bot_token, struct orch_text admin_token)
{
	struct sim_world *world = orch_alloc(sizeof(*world));
	struct sim_token *bot, *admin;

	if (!world)
		return NULL;
	world->seed = seed;
	world->keep = keep;
	TAILQ_INIT(&world->users);
	TAILQ_INIT(&world->channels);
	TAILQ_INIT(&world->messages);
	TAILQ_INIT(&world->files);
	TAILQ_INIT(&world->tokens);
	bot = sim_world_add_token(world, bot_token, NULL, true, "");
	admin = sim_world_add_token(world, admin_token, NULL, false, "");
	if (bot)
		bot->is_default = true;
	if (admin)
		admin->is_default = true;
	if (!bot || !admin || populate(world) != 0) {
		sim_world_destroy(world);
		return NULL;
	}
	return world;
}

void sim_world_destroy(struct sim_world *world)
{
	if (!world)
		return;
	clear(world);
	clear_tokens(world, true);
	orch_free(world);
}
