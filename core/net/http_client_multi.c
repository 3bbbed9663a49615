/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl tells which sockets and which time it waits for; the lane's loop waits;
 * curl is told what happened, and then asked what has ended.
 */
#include <event2/event.h>

#include "base/alloc.h"
#include "net/http_client_impl.h"

/* Outside of curl's own calls, so a DONE may do what it likes, even destroy the client. */
static void end_flights(struct orch_http_client *client)
{
	CURLMsg *message;
	int left;

	client->depth++;
	while (!client->is_stopping &&
		(message = curl_multi_info_read(client->multi, &left)) != NULL) {
		struct orch_http_flight *flight = NULL;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&flight);
		orch_http_flight_finish(flight, result);
	}
	client->depth--;
}

static void act(struct orch_http_client *client, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(client->multi, fd, what, &running);
	end_flights(client);
	if (client->is_gone && client->depth == 0)
		orch_http_client_free(client);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct orch_http_socket *watched = arg;

	act(watched->client, fd,
		(what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_time(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long in_ms, void *arg)
{
	struct orch_http_client *client = arg;

	(void)multi;
	if (in_ms < 0)
		orch_timer_clear(&client->timer);
	else
		orch_timer_set(&client->timer, (uint64_t)in_ms);
	return 0;
}

static void forget_socket(struct orch_http_socket *watched)
{
	if (watched->event)
		event_free(watched->event);
	if (watched->prev)
		watched->prev->next = watched->next;
	else
		watched->client->sockets = watched->next;
	if (watched->next)
		watched->next->prev = watched->prev;
	orch_free(watched);
}

static struct orch_http_socket *add_socket(struct orch_http_client *client, curl_socket_t fd)
{
	struct orch_http_socket *watched = orch_alloc(sizeof(*watched));

	if (!watched)
		return NULL;
	watched->client = client;
	watched->next = client->sockets;
	if (watched->next)
		watched->next->prev = watched;
	client->sockets = watched;
	(void)curl_multi_assign(client->multi, fd, watched);
	return watched;
}

static void watch(struct orch_http_socket *watched, curl_socket_t fd, int what)
{
	short events = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
		(what & CURL_POLL_OUT ? EV_WRITE : 0));

	if (watched->event)
		event_free(watched->event);
	watched->event =
		event_new(orch_lane_base(watched->client->lane), fd, events, on_ready, watched);
	if (watched->event && event_add(watched->event, NULL) < 0) {
		event_free(watched->event);
		watched->event = NULL;
	}
}

/*
 * Without memory the socket stays unwatched, and its requests end by their
 * time limits.  A failure told to curl would end every request of the client.
 */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct orch_http_socket *watched = socket_arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)curl_multi_assign(((struct orch_http_client *)arg)->multi, fd, NULL);
		if (watched)
			forget_socket(watched);
		return 0;
	}
	if (!watched)
		watched = add_socket(arg, fd);
	if (watched)
		watch(watched, fd, what);
	return 0;
}

int orch_http_multi_init(struct orch_http_client *client,
	const struct orch_http_client_options *options, struct orch_err *err)
{
	size_t total =
		options->max_connections ? options->max_connections : ORCH_HTTP_CLIENT_CONNECTIONS;
	size_t per_host = options->max_per_host ? options->max_per_host : ORCH_HTTP_CLIENT_PER_HOST;
	CURLM *multi = curl_multi_init();
	bool is_set;

	client->multi = multi;
	if (!multi || orch_timer_init(&client->timer, client->lane, on_time, client) != ORCH_OK)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	is_set = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK;
	is_set &= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK;
	is_set &= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK;
	is_set &= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) == CURLM_OK;
	is_set &= curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)total) == CURLM_OK;
	is_set &= curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)total) == CURLM_OK;
	is_set &=
		curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)per_host) == CURLM_OK;
	return is_set ? ORCH_OK : orch_fail(err, ORCH_E_INTERNAL, "libcurl refuses an option");
}

void orch_http_multi_fini(struct orch_http_client *client)
{
	if (client->multi)
		(void)curl_multi_cleanup(client->multi);
	while (client->sockets)
		forget_socket(client->sockets);
	orch_timer_fini(&client->timer);
}
