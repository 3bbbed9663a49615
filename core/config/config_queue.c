/* SPDX-License-Identifier: Apache-2.0 */
/* queue: where work waits. */
#include <stddef.h>

#include "base/text.h"
#include "config/reader.h"

#define AT(member) offsetof(struct orch_config, member)
#define HOUR_MS (3600u * 1000)
#define SQS_NAME_BYTES 80       /* of a queue's name, as SQS has it */
#define SQS_AFFIXES "act--dead" /* what we put around the name of an action */

static const struct orch_key queue_keys[] = {
	{ .name = "driver", .type = ORCH_KEY_OTHER },
	{ .name = "visibility",
		.type = ORCH_KEY_MS,
		.offset = AT(lease_ms),
		.fallback = "60s",
		.min = 1000,
		.max = 12 * HOUR_MS },
	{ .name = "receives",
		.type = ORCH_KEY_COUNT,
		.offset = AT(receives),
		.fallback = "20",
		.min = 1,
		.max = 1000000 },
	ORCH_AWS_KEYS(AT(sqs.aws)),
	{ .name = "prefix", .type = ORCH_KEY_TEXT, .offset = AT(sqs.prefix), .fallback = "orch-" },
	{ .name = "batch",
		.type = ORCH_KEY_COUNT,
		.offset = AT(sqs.batch),
		.fallback = "10",
		.min = 1,
		.max = 10 },
	{ .name = "wait",
		.type = ORCH_KEY_MS,
		.offset = AT(sqs.wait_ms),
		.fallback = "20s",
		.max = 20000 },
	{ .name = "receivers",
		.type = ORCH_KEY_COUNT,
		.offset = AT(sqs.receivers),
		.fallback = "4",
		.min = 1,
		.max = 32 },
	{ .name = "inline",
		.type = ORCH_KEY_BYTES,
		.offset = AT(sqs.inline_bytes),
		.fallback = "64k",
		.max = 180 * 1024 },
	{ .name = "create", .type = ORCH_KEY_BOOL, .offset = AT(sqs.create), .fallback = "false" },
	{ .name = "fair", .type = ORCH_KEY_BOOL, .offset = AT(sqs.fair), .fallback = "true" },
	{ .name = NULL },
};

/* Of SQS alone. */
static const char *const sqs_keys[] = { "region", "endpoint", "profile", "access_key_id",
	"secret_access_key", "session_token", "prefix", "batch", "wait", "receivers", "inline",
	"create", "fair" };
#define SQS_KEY_COUNT (sizeof(sqs_keys) / sizeof(sqs_keys[0]))

static void check_prefix(struct orch_reader *reader, const struct orch_value *group)
{
	struct orch_text prefix = reader->config->sqs.prefix;
	size_t most = SQS_NAME_BYTES - (sizeof(SQS_AFFIXES) - 1) - ORCH_CONFIG_NAME_BYTES;
	struct orch_where where = orch_reader_where(group, "prefix");

	if (prefix.len > most)
		orch_reader_error(reader, where, ORCH_TEXT("queue.prefix"),
			"has %zu characters; must be at most %zu, so that every queue's name has "
			"at most %d",
			prefix.len, most, SQS_NAME_BYTES);
	for (size_t i = 0; i < prefix.len; i++) {
		char c = prefix.ptr[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '_')
			continue;
		orch_reader_error(reader, where, ORCH_TEXT("queue.prefix"),
			"\"%.*s\" cannot begin the name of a queue; must be letters, digits, \"-\" "
			"and \"_\"",
			ORCH_TEXT_ARG(prefix));
		return;
	}
}

static void check_queue(struct orch_reader *reader, struct orch_value *group)
{
	check_prefix(reader, group);
	orch_reader_check_aws(reader, group, ORCH_TEXT("queue"), &reader->config->sqs.aws);
	if (orch_text_is(reader->config->queue_driver, "sqlite"))
		orch_reader_refuse_without(
			reader, group, ORCH_TEXT("queue"), sqs_keys, SQS_KEY_COUNT, "sqlite");
}

void orch_config_read_queue(struct orch_reader *reader, struct orch_value *root)
{
	const struct orch_text path = ORCH_TEXT("queue");
	size_t before = orch_config_errors_total(reader->errors);
	struct orch_config *config = reader->config;
	struct orch_value *group = orch_reader_group(
		reader, root, ORCH_TEXT_NONE, "queue", "{ driver = \"sqlite\"; }");

	orch_reader_keys(reader, group, path, queue_keys, config);
	orch_reader_refuse_unknown(reader, group, path, queue_keys);
	if (group != NULL || orch_config_errors_total(reader->errors) == before)
		config->queue_driver = orch_reader_driver(reader, group, "queue", "sqlite|sqs");
	if (group != NULL)
		check_queue(reader, group);
	config->failed.queue = orch_config_errors_total(reader->errors) != before;
}
