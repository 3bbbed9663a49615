/* SPDX-License-Identifier: Apache-2.0 */
/* Queue and store beyond this machine: SQS carries, PostgreSQL keeps. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "config/account.h"
#include "pipeline/keep_internal.h"
#include "queue/backend.h"
#include "store/backend.h"

bool orch_keep_is_shared(const struct orch_config *config)
{
	return orch_text_is(config->store_driver, "postgres");
}

static int pg_options(
	const struct orch_config *config, struct orch_pg_options *ret_options, struct orch_err *err)
{
	*ret_options = (struct orch_pg_options){
		.dsn = config->postgres.dsn,
		.password = orch_config_secret(config, config->postgres.password),
	};
	if (config->postgres.password.len > 0 && ret_options->password == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"store.password: the credential %.*s is not loaded",
			ORCH_TEXT_ARG(config->postgres.password));
	return ORCH_OK;
}

static struct orch_db_migration *all_migrations(struct orch_arena *arena, size_t *ret_count)
{
	size_t queue_count = orch_queue_pg_migration_count;
	size_t store_count = orch_store_pg_migration_count;
	struct orch_db_migration *all =
		orch_arena_alloc_array(arena, queue_count + store_count, sizeof(*all));

	*ret_count = queue_count + store_count;
	if (all == NULL)
		return NULL;
	memcpy(all, orch_queue_pg_migrations, queue_count * sizeof(*all));
	memcpy(all + queue_count, orch_store_pg_migrations, store_count * sizeof(*all));
	return all;
}

int orch_keep_migrate(const struct orch_config *config, bool only_look,
	struct orch_pg_migrated *ret_parts, size_t *ret_count, struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_pg_options options;
	struct orch_db_migration *all;
	size_t count;
	int rc = pg_options(config, &options, err);

	all = arena == NULL ? NULL : all_migrations(arena, &count);
	*ret_count = 0;
	if (rc == ORCH_OK && all == NULL)
		rc = orch_fail(err, ORCH_E_NOMEM, "no memory for the schema");
	if (rc == ORCH_OK)
		rc = orch_pg_migrate(&options, all, count, only_look, ret_parts, ret_count, err);
	orch_arena_destroy(arena);
	return rc;
}

/* A copy: the configuration may go with a reload, and connections are made anew after that. */
static int keep_password(
	struct orch_keep *keep, struct orch_pg_options *options, struct orch_err *err)
{
	if (options->password == NULL)
		return ORCH_OK;
	keep->password = orch_secret_create(orch_secret_text(options->password));
	options->password = keep->password;
	return keep->password != NULL
		? ORCH_OK
		: orch_fail(err, ORCH_E_NOMEM, "no locked memory for the database's password");
}

static int open_pg(const struct orch_config *config, struct orch_keep *keep, struct orch_err *err)
{
	struct orch_pg_migrated parts[ORCH_KEEP_PARTS];
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_pg_options options;
	struct orch_db_migration *all;
	size_t count;
	int rc = pg_options(config, &options, err);

	all = arena == NULL ? NULL : all_migrations(arena, &count);
	if (rc == ORCH_OK && all == NULL)
		rc = orch_fail(err, ORCH_E_NOMEM, "no memory for the schema");
	if (rc == ORCH_OK && config->postgres.migrate) {
		size_t part_count = ORCH_KEEP_PARTS;

		rc = orch_pg_migrate(&options, all, count, false, parts, &part_count, err);
	}
	if (rc == ORCH_OK)
		rc = keep_password(keep, &options, err);
	if (rc == ORCH_OK)
		rc = orch_pg_open(&options, all, count, &keep->pg, err);
	orch_arena_destroy(arena);
	return rc;
}

int orch_keep_open_shared(
	const struct orch_config *config, struct orch_keep *keep, struct orch_err *err)
{
	int rc = open_pg(config, keep, err);

	if (rc == ORCH_OK)
		rc = orch_queue_sqs_open(keep->pg, config, keep->key, &keep->queue, err);
	if (rc == ORCH_OK)
		rc = orch_store_pg_open(keep->pg, keep->key, &keep->store, err);
	return rc;
}

int orch_keep_check_dsn(const struct orch_config *config, struct orch_err *err)
{
	return orch_keep_is_shared(config) ? orch_pg_check_dsn(config->postgres.dsn, err) : ORCH_OK;
}

int orch_keep_check_queue(const struct orch_config *config, struct orch_err *err)
{
	return orch_text_is(config->queue_driver, "sqs")
		? orch_config_check_aws(config, &config->sqs.aws, ORCH_AWS_SQS, err)
		: ORCH_OK;
}

int orch_keep_start_shared(struct orch_keep *keep, const struct orch_config *config,
	struct orch_lane *lane, struct orch_err *err)
{
	int rc;

	orch_pg_hasten_runs(keep->pg);
	rc = orch_pg_attach(keep->pg, lane, err);
	return rc == ORCH_OK ? orch_queue_sqs_start(keep->queue, config, lane, err) : rc;
}

void orch_keep_stop_shared(struct orch_keep *keep, struct orch_lane *lane)
{
	/* What is under way there comes back first. */
	orch_pg_detach(keep->pg, lane);
	orch_queue_sqs_stop(keep->queue);
}

bool orch_keep_is_healthy_shared(const struct orch_keep *keep, struct orch_err *err)
{
	return orch_pg_is_healthy(keep->pg, err) && orch_queue_sqs_is_healthy(keep->queue, err);
}

/* Rows are in PostgreSQL.  But who has never reached SQS is not set up as he should be. */
bool orch_keep_accepts_shared(const struct orch_keep *keep, struct orch_err *err)
{
	return orch_pg_is_healthy(keep->pg, err) && orch_queue_sqs_was_found(keep->queue);
}
