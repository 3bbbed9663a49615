/* SPDX-License-Identifier: Apache-2.0 */
#include "envelope.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

static struct json_object *make_authorization(
	const struct sim_world *world, const struct sim_user *user)
{
	struct json_object *entry = json_object_new_object(), *array = json_object_new_array();

	sim_put_null(entry, "enterprise_id");
	sim_put(entry, "team_id", world->team);
	sim_put(entry, "user_id", user->id);
	sim_put_bool(entry, "is_bot", user->is_bot);
	sim_put_bool(entry, "is_enterprise_install", false);
	sim_push(array, entry);
	return array;
}

/* Through whose eyes the app sees the channel; NULL: nobody's. */
static const struct sim_user *find_viewer(
	const struct sim_world *world, const struct sim_channel *channel)
{
	if (!channel || sim_channel_has(channel, world->bot))
		return world->bot;
	return sim_channel_has(channel, world->admin) ? world->admin : NULL;
}

/* In shared channels the outer team is the author's, which may be another than the installation's. */
static const char *outer_team(const struct sim_world *world, struct json_object *inner)
{
	const char *team = sim_get(inner, "team");

	return team[0] ? team : world->team;
}

struct json_object *sim_envelope_make(const struct sim_world *world, struct sim_channel *channel,
	struct json_object *inner, const char *event_id, bool *ret_seen)
{
	const struct sim_user *viewer = find_viewer(world, channel);
	struct json_object *envelope;

	*ret_seen = viewer != NULL;
	if (!viewer)
		return NULL;
	envelope = json_object_new_object();
	sim_put(envelope, "token", "legacy-token-to-be-ignored");
	sim_put(envelope, "team_id", outer_team(world, inner));
	sim_put(envelope, "context_team_id", world->team);
	sim_put_null(envelope, "context_enterprise_id");
	sim_put(envelope, "api_app_id", world->app);
	sim_put_shared(envelope, "event", inner);
	sim_put(envelope, "type", "event_callback");
	sim_put(envelope, "event_id", event_id);
	sim_put_int(envelope, "event_time", (int64_t)(orch_clock_now_ms() / 1000));
	sim_put_json(envelope, "authorizations", make_authorization(world, viewer));
	sim_put_bool(envelope, "is_ext_shared_channel", channel && channel->is_shared);
	sim_put(envelope, "event_context", "4-workspace-in-a-box");
	return envelope;
}

void sim_envelope_sign(struct orch_text secret, struct orch_text timestamp, struct orch_text body,
	char ret[SIM_SIGNATURE_SIZE])
{
	const struct orch_text pieces[] = { ORCH_TEXT("v0:"), timestamp, ORCH_TEXT(":"), body };
	uint8_t mac[ORCH_SHA256_BYTES];

	orch_hmac_sha256(secret, pieces, sizeof(pieces) / sizeof(pieces[0]), mac);
	memcpy(ret, "v0=", 3);
	orch_hex_encode(mac, sizeof(mac), ret + 3);
}
