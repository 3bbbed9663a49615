/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/client.h"

#include "base/alloc.h"
#include "base/clock.h"

_Static_assert(
	sizeof(struct orch_aws_progress) <= sizeof(((struct orch_aws_call *)0)->private_part),
	"a call's private part has room");

/* From here on nothing of the account or the lane is touched. */
static void let_go(struct orch_aws_client *client)
{
	orch_aws_keeper_remove(client->aws->keeper, &client->waiter);
	orch_bell_fini(&client->waiter.bell);
	orch_timer_fini(&client->timer);
}

void orch_aws_client_enter(struct orch_aws_client *client)
{
	client->depth++;
}

void orch_aws_client_leave(struct orch_aws_client *client)
{
	if (--client->depth == 0 && client->is_gone)
		orch_free(client);
}

static bool is_asleep(struct orch_aws_call *call)
{
	enum orch_aws_state state = orch_aws_progress(call)->state;

	return state == ORCH_AWS_SLEEPING || state == ORCH_AWS_ENDING;
}

static void set_timer(struct orch_aws_client *client)
{
	uint64_t first = UINT64_MAX, now = orch_clock_mono_ms();

	for (struct orch_aws_call *call = client->calls; call;
		call = orch_aws_progress(call)->next) {
		if (is_asleep(call) && orch_aws_progress(call)->wake_ms < first)
			first = orch_aws_progress(call)->wake_ms;
	}
	if (first == UINT64_MAX)
		orch_timer_clear(&client->timer);
	else
		orch_timer_set(&client->timer, first > now ? first - now : 0);
}

void orch_aws_client_sleep(struct orch_aws_call *call, enum orch_aws_state state, uint64_t delay_ms)
{
	struct orch_aws_progress *progress = orch_aws_progress(call);

	progress->state = state;
	progress->wake_ms = orch_clock_mono_ms() + (delay_ms > 0 ? delay_ms : 1);
	set_timer(progress->client);
}

static struct orch_aws_call *find_due(const struct orch_aws_client *client, uint64_t now)
{
	for (struct orch_aws_call *call = client->calls; call;
		call = orch_aws_progress(call)->next) {
		if (is_asleep(call) && orch_aws_progress(call)->wake_ms <= now)
			return call;
	}
	return NULL;
}

/* What goes to sleep meanwhile sleeps beyond NOW, so this ends. */
static void on_time(void *arg)
{
	struct orch_aws_client *client = arg;
	uint64_t now = orch_clock_mono_ms();
	struct orch_aws_call *call;

	orch_aws_client_enter(client);
	while ((call = find_due(client, now)) != NULL) {
		if (orch_aws_progress(call)->state == ORCH_AWS_ENDING)
			orch_aws_call_finish(call);
		else
			orch_aws_call_attempt(call);
	}
	if (!client->is_gone)
		set_timer(client);
	orch_aws_client_leave(client);
}

/* An attempt ends no call at once, so the list stays. */
static void on_bell(void *arg)
{
	struct orch_aws_client *client = arg;
	struct orch_aws_call *next;

	for (struct orch_aws_call *call = client->calls; call; call = next) {
		next = orch_aws_progress(call)->next;
		if (orch_aws_progress(call)->state == ORCH_AWS_WAITING)
			orch_aws_call_attempt(call);
	}
}

int orch_aws_client_create(struct orch_aws *aws, enum orch_aws_service service,
	struct orch_lane *lane, struct orch_http_client *http, struct orch_aws_client **ret_client,
	struct orch_err *err)
{
	struct orch_aws_client *client = orch_alloc(sizeof(*client));
	int code;

	if (!client)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	*client = (struct orch_aws_client){ .aws = aws,
		.service = service,
		.lane = lane,
		.http = http,
		.quota.tokens = ORCH_AWS_QUOTA };
	code = orch_timer_init(&client->timer, lane, on_time, client);
	if (code != ORCH_OK)
		(void)orch_fail(err, code, "out of memory");
	else
		code = orch_bell_init(&client->waiter.bell, lane, on_bell, client, err);
	if (code != ORCH_OK) {
		orch_timer_fini(&client->timer);
		orch_free(client);
		return code;
	}
	orch_aws_keeper_add(aws->keeper, &client->waiter);
	*ret_client = client;
	return ORCH_OK;
}

void orch_aws_client_destroy(struct orch_aws_client *client)
{
	if (!client || client->is_gone)
		return;
	while (client->calls)
		orch_aws_call_drop(client->calls);
	let_go(client);
	client->is_gone = true;
	orch_aws_client_enter(client);
	orch_aws_client_leave(client);
}
