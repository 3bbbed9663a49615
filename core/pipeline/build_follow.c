/* SPDX-License-Identifier: Apache-2.0 */
/* What of a new configuration can be followed while the program runs. */
#include "pipeline/build.h"

#include "base/err.h"
#include "base/text.h"

static bool same_listen(const struct orch_config_listen *a, const struct orch_config_listen *b)
{
	if (a->proxies.count != b->proxies.count)
		return false;
	for (size_t i = 0; i < a->proxies.count; i++)
		if (!orch_text_equal(a->proxies.items[i], b->proxies.items[i]))
			return false;
	/* Another certificate can be followed; to speak TLS or not cannot. */
	return orch_text_equal(a->address, b->address) &&
		(a->certificate.len > 0) == (b->certificate.len > 0) &&
		a->connections == b->connections &&
		a->connections_per_address == b->connections_per_address;
}

/* Where it runs, and what it was opened with. */
static bool same_sqs_place(const struct orch_config_sqs *a, const struct orch_config_sqs *b)
{
	return orch_text_equal(a->aws.region, b->aws.region) &&
		orch_text_equal(a->aws.endpoint, b->aws.endpoint) &&
		orch_text_equal(a->aws.profile, b->aws.profile) &&
		orch_text_equal(a->prefix, b->prefix) &&
		orch_text_equal(a->aws.access_key_id, b->aws.access_key_id) &&
		orch_text_equal(a->aws.secret_access_key, b->aws.secret_access_key) &&
		orch_text_equal(a->aws.session_token, b->aws.session_token);
}

static bool same_sqs_way(const struct orch_config_sqs *a, const struct orch_config_sqs *b)
{
	return a->batch == b->batch && a->wait_ms == b->wait_ms && a->receivers == b->receivers &&
		a->inline_bytes == b->inline_bytes && a->create == b->create && a->fair == b->fair;
}

/* Of the embedded one all can be followed. */
static bool same_queue(const struct orch_config *a, const struct orch_config *b)
{
	if (!orch_text_equal(a->queue_driver, b->queue_driver))
		return false;
	return !orch_text_is(a->queue_driver, "sqs") ||
		(a->lease_ms == b->lease_ms && a->receives == b->receives &&
			same_sqs_place(&a->sqs, &b->sqs) && same_sqs_way(&a->sqs, &b->sqs));
}

/* postgres.migrate is a matter of the start. */
static bool same_store(const struct orch_config *a, const struct orch_config *b)
{
	return orch_text_equal(a->store_driver, b->store_driver) &&
		orch_text_equal(a->store_key, b->store_key) &&
		a->reserve_bytes == b->reserve_bytes &&
		orch_text_equal(a->postgres.dsn, b->postgres.dsn) &&
		orch_text_equal(a->postgres.password, b->postgres.password);
}

/* What a credential holds is loaded anew with each configuration. */
static bool same_secret(
	const struct orch_config *a, const struct orch_config *b, struct orch_text name)
{
	orch_credential in_a = orch_config_credential(a, name);
	orch_credential in_b = orch_config_credential(b, name);
	const struct orch_secret *was = in_a == 0 ? NULL : a->egress.credentials[in_a - 1].secret;
	const struct orch_secret *is = in_b == 0 ? NULL : b->egress.credentials[in_b - 1].secret;

	return was == NULL || is == NULL ||
		orch_text_equal(orch_secret_text(was), orch_secret_text(is));
}

int orch_build_can_follow(
	const struct orch_config *now, const struct orch_config *next, struct orch_err *err)
{
	const char *key = NULL;

	if (!orch_text_equal(now->state_dir, next->state_dir))
		key = "state_dir";
	else if (!same_listen(&now->http, &next->http))
		key = "http";
	else if (!orch_text_equal(now->health_listen, next->health_listen))
		key = "http.health";
	else if (!same_listen(&now->console, &next->console))
		key = "console";
	else if (now->threads_intake != next->threads_intake ||
		now->threads_scan != next->threads_scan || now->threads_act != next->threads_act)
		key = "threads";
	else if (!same_queue(now, next))
		key = "queue";
	else if (!same_store(now, next))
		key = "store";
	else if (!same_secret(now, next, now->sqs.aws.secret_access_key) ||
		!same_secret(now, next, now->sqs.aws.session_token))
		key = "a secret of queue";
	else if (!same_secret(now, next, now->store_key) ||
		!same_secret(now, next, now->postgres.password))
		key = "a secret of store";
	else if (!orch_text_equal(now->ca_file, next->ca_file))
		key = "egress.ca_file";
	if (key != NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"%s cannot change while the program runs; restart it", key);
	return ORCH_OK;
}
