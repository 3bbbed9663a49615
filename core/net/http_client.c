/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flight is in the client's list from send() until its end, and its easy
 * handle is in the multi handle for just as long.  DONE runs outside of all
 * callbacks of curl, so it may send, cancel and even destroy the client.
 *
 * Connections are kept for whoever comes next, also after a reload: every
 * request, on a new connection or an old one, has the address judged by its
 * own egress before its first byte goes out.
 */
#include "net/http_client.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/http_client_impl.h"
#include "net/tls.h"

static void free_handles(struct orch_http_client *client)
{
	while (client->idle_count > 0)
		curl_easy_cleanup(client->idle[--client->idle_count]);
	orch_free(client->idle);
}

void orch_http_client_free(struct orch_http_client *client)
{
	orch_http_multi_fini(client);
	free_handles(client);
	orch_free(client->ca_file);
	orch_free(client);
	curl_global_cleanup();
}

int orch_http_client_create(struct orch_lane *lane, const struct orch_http_client_options *options,
	struct orch_http_client **ret_client, struct orch_err *err)
{
	struct orch_http_client *client;
	/* What is wrong with it is told at the start, not by every handshake. */
	int code = options->ca_file ? orch_tls_check_ca_file(options->ca_file, err) : ORCH_OK;

	if (code != ORCH_OK)
		return code;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return orch_fail(err, ORCH_E_NOMEM, "libcurl does not start");
	client = orch_alloc(sizeof(*client));
	if (!client) {
		curl_global_cleanup();
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	}
	client->lane = lane;
	client->idle_size =
		options->max_connections ? options->max_connections : ORCH_HTTP_CLIENT_CONNECTIONS;
	client->idle = orch_alloc_array(client->idle_size, sizeof(*client->idle));
	client->connect_ms =
		options->connect_ms ? options->connect_ms : ORCH_HTTP_CLIENT_CONNECT_MS;
	client->slow_s = options->slow_s ? options->slow_s : ORCH_HTTP_CLIENT_SLOW_S;
	client->ca_file = options->ca_file ? orch_strdup(options->ca_file) : NULL;
	if (!client->idle || (options->ca_file && !client->ca_file))
		code = orch_fail(err, ORCH_E_NOMEM, "out of memory");
	else
		code = orch_http_multi_init(client, options, err);
	if (code != ORCH_OK) {
		orch_http_client_free(client);
		return code;
	}
	*ret_client = client;
	return ORCH_OK;
}

size_t orch_http_client_in_flight(const struct orch_http_client *client)
{
	return client->in_flight;
}

static CURL *take_handle(struct orch_http_client *client)
{
	if (client->idle_count > 0)
		return client->idle[--client->idle_count];
	return curl_easy_init();
}

/* The handle forgets everything of the flight; connections live in the multi handle. */
static void put_handle(struct orch_http_client *client, CURL *easy)
{
	curl_easy_reset(easy);
	if (client->idle_count < client->idle_size)
		client->idle[client->idle_count++] = easy;
	else
		curl_easy_cleanup(easy);
}

/*
 * Gives the handle back, and wipes the secret as soon as curl is through with
 * the list.  What curl itself wrote into its send buffers is freed by curl
 * unwiped; that is why the process makes no core dumps.
 */
static void release_handle(struct orch_http_flight *flight)
{
	if (flight->easy)
		put_handle(flight->client, flight->easy);
	flight->easy = NULL;
	for (struct curl_slist *line = flight->headers; line; line = line->next) {
		if (flight->is_own || (flight->has_secret && !line->next))
			explicit_bzero(line->data, strlen(line->data));
	}
	curl_slist_free_all(flight->headers);
	curl_slist_free_all(flight->recipients);
	flight->headers = NULL;
	flight->recipients = NULL;
}

static void wipe(struct orch_buf *buf)
{
	if (buf->ptr)
		explicit_bzero(buf->ptr, buf->len);
}

static void flight_destroy(struct orch_http_flight *flight)
{
	release_handle(flight);
	if (flight->is_own) {
		wipe(&flight->body);
		wipe(&flight->head);
		wipe(&flight->shown);
	}
	orch_buf_fini(&flight->body);
	orch_buf_fini(&flight->head);
	orch_buf_fini(&flight->shown);
	orch_free(flight);
}

static uint64_t time_limit(const struct orch_request *request, const struct orch_blob *blob)
{
	uint64_t limit = request->timeout_ms;

	if (limit == 0)
		limit = blob ? ORCH_HTTP_CLIENT_DOWNLOAD_MS : ORCH_HTTP_CLIENT_TIMEOUT_MS;
	return limit < ORCH_HTTP_CLIENT_TIMEOUT_MAX_MS ? limit : ORCH_HTTP_CLIENT_TIMEOUT_MAX_MS;
}

static struct orch_http_flight *flight_create(struct orch_http_client *client,
	const struct orch_egress *egress, const struct orch_request *request,
	struct orch_blob *blob, void (*done)(void *arg, const struct orch_http_result *result),
	void *arg)
{
	struct orch_http_flight *flight = orch_alloc(sizeof(*flight));
	uint64_t shown;

	if (!flight)
		return NULL;
	flight->client = client;
	flight->egress = egress;
	flight->blob = blob;
	flight->done = done;
	flight->arg = arg;
	flight->opened[0] = flight->opened[1] = flight->mail_fd = -1;
	flight->is_repeatable = request->repeatable;
	flight->max_bytes = request->max_bytes ? request->max_bytes : ORCH_HTTP_CLIENT_BODY_BYTES;
	flight->timeout_ms = time_limit(request, blob);
	shown = blob ? ORCH_HTTP_CLIENT_SHOWN_BYTES : flight->max_bytes;
	orch_buf_init(&flight->head, ORCH_HTTP_CLIENT_HEAD_BYTES);
	orch_buf_init(&flight->shown, shown < SIZE_MAX ? (size_t)shown : SIZE_MAX);
	flight->easy = take_handle(client);
	if (!flight->easy) {
		flight_destroy(flight);
		return NULL;
	}
	return flight;
}

static int launch(struct orch_http_flight *flight, struct orch_err *err)
{
	struct orch_http_client *client = flight->client;

	flight->started_ns = orch_clock_mono_ns();
	if (curl_multi_add_handle(client->multi, flight->easy) != CURLM_OK)
		return orch_fail(err, ORCH_E_NOMEM, "libcurl does not take the request");
	flight->next = client->flights;
	if (flight->next)
		flight->next->prev = flight;
	client->flights = flight;
	client->in_flight++;
	return ORCH_OK;
}

static int check_room(const struct orch_http_client *client, struct orch_err *err)
{
	if (client->is_stopping)
		return orch_fail(err, ORCH_E_AGAIN, "stopped");
	if (client->in_flight >= ORCH_HTTP_CLIENT_FLIGHTS)
		return orch_fail(err, ORCH_E_AGAIN, "more than %d requests are in flight",
			ORCH_HTTP_CLIENT_FLIGHTS);
	return ORCH_OK;
}

/* FLIGHT, which may be NULL for want of memory, is sent or destroyed. */
static int send_flight(struct orch_http_flight *flight, const struct orch_request *request,
	struct orch_http_flight **ret_flight, struct orch_err *err)
{
	int code;

	if (!flight)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	code = orch_http_request_prepare(flight, request, err);
	if (code == ORCH_OK)
		code = launch(flight, err);
	if (code != ORCH_OK) {
		flight_destroy(flight);
		return code;
	}
	if (ret_flight)
		*ret_flight = flight;
	return ORCH_OK;
}

int orch_http_client_send(struct orch_http_client *client, const struct orch_egress *egress,
	const struct orch_request *request, struct orch_blob *blob,
	void (*done)(void *arg, const struct orch_http_result *result), void *arg,
	struct orch_http_flight **ret_flight, struct orch_err *err)
{
	struct orch_http_flight *flight;
	int code = check_room(client, err);

	if (code != ORCH_OK)
		return code;
	flight = flight_create(client, egress, request, blob, done, arg);
	return send_flight(flight, request, ret_flight, err);
}

int orch_http_client_send_own(struct orch_http_client *client, const struct orch_egress *egress,
	const struct orch_request *request,
	void (*done)(void *arg, const struct orch_http_result *result), void *arg,
	struct orch_http_flight **ret_flight, struct orch_err *err)
{
	struct orch_http_flight *flight;
	int code = check_room(client, err);

	if (code != ORCH_OK)
		return code;
	flight = flight_create(client, egress, request, NULL, done, arg);
	if (flight)
		flight->is_own = true;
	return send_flight(flight, request, ret_flight, err);
}

/* Takes FLIGHT out of curl's hands and ours. */
static void detach(struct orch_http_flight *flight)
{
	struct orch_http_client *client = flight->client;

	(void)curl_multi_remove_handle(client->multi, flight->easy);
	if (flight->prev)
		flight->prev->next = flight->next;
	else
		client->flights = flight->next;
	if (flight->next)
		flight->next->prev = flight->prev;
	client->in_flight--;
}

void orch_http_flight_finish(struct orch_http_flight *flight, CURLcode code)
{
	struct orch_http_client *client = flight->client;
	struct orch_http_result result;
	struct orch_err problem;

	orch_http_reply_fill(flight, code, &problem, &result);
	detach(flight);
	release_handle(flight);
	flight->is_over = true;
	client->depth++;
	flight->done(flight->arg, &result);
	client->depth--;
	flight_destroy(flight);
}

void orch_http_client_cancel(struct orch_http_flight *flight)
{
	if (flight->is_over)
		return;
	detach(flight);
	flight_destroy(flight);
}

void orch_http_client_destroy(struct orch_http_client *client)
{
	if (!client || client->is_stopping)
		return;
	client->is_stopping = true;
	while (client->flights) {
		client->flights->failure = ORCH_HTTP_STOPPED;
		orch_http_flight_finish(client->flights, CURLE_OK);
	}
	if (client->depth > 0)
		client->is_gone = true;
	else
		orch_http_client_free(client);
}
