/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a container and a virtual machine find their credentials: the newest
 * that are accepted here.  GET /credentials is what
 * AWS_CONTAINER_CREDENTIALS_FULL_URI may name; /latest/ is the metadata
 * service, version 2.
 */
#include "sim/aws/cloud.h"
#include "base/clock.h"
#include "base/text.h"
#include "sim/reply.h"

#define ROLE "orchestrator"
#define ROLES "/latest/meta-data/iam/security-credentials/"
#define TOKEN "made-up-metadata-token"
#define LIFE_MS (6ll * 3600 * 1000) /* of one that does not expire */

static void answer(struct orch_http_exchange *exchange, int status, struct orch_text text)
{
	orch_http_answer(exchange, status, "text/plain", NULL, text);
}

static struct json_object *show(const struct aws_cloud *cloud, const struct aws_key *key)
{
	struct json_object *shown = json_object_new_object();
	uint64_t wall_ms = aws_cloud_wall(cloud);
	char expires[25];

	orch_clock_format(key->expires_ms ? key->expires_ms : wall_ms + LIFE_MS, expires);
	sim_put(shown, "Code", "Success");
	sim_put(shown, "Type", "AWS-HMAC");
	sim_put(shown, "AccessKeyId", key->id);
	sim_put_text(shown, "SecretAccessKey", orch_secret_text(key->secret));
	if (key->token)
		sim_put_text(shown, "Token", orch_secret_text(key->token));
	sim_put(shown, "Expiration", expires);
	return shown;
}

/* With all of them expired there is none to be had. */
static void give(const struct aws_cloud *cloud, struct orch_http_exchange *exchange)
{
	const struct aws_key *newest =
		cloud->keys.count ? &cloud->keys.list[cloud->keys.count - 1] : NULL;

	if (!newest || cloud->settings.gives_no_credentials ||
		aws_key_is_over(newest, aws_cloud_wall(cloud)))
		answer(exchange, 503, ORCH_TEXT("no credentials\n"));
	else
		sim_answer_json(exchange, 200, show(cloud, newest));
}

static bool has_metadata_token(const struct orch_http_head *head)
{
	struct orch_text token = orch_http_head_get(head, "x-aws-ec2-metadata-token");

	return token.ptr && orch_text_is(token, TOKEN);
}

void aws_provider(struct orch_http_exchange *exchange, void *cloud)
{
	const struct orch_http_head *head = orch_http_exchange_head(exchange);
	bool is_container = orch_text_is(head->path, "/credentials");

	if (orch_text_is(head->method, "PUT"))
		answer(exchange, orch_text_is(head->path, "/latest/api/token") ? 200 : 404,
			ORCH_TEXT(TOKEN));
	else if (!is_container && !has_metadata_token(head))
		answer(exchange, 401, ORCH_TEXT("no token\n"));
	else if (is_container || orch_text_is(head->path, ROLES ROLE))
		give(cloud, exchange);
	else if (orch_text_is(head->path, ROLES))
		answer(exchange, 200, ORCH_TEXT(ROLE));
	else
		answer(exchange, 404, ORCH_TEXT("nothing is here\n"));
}
