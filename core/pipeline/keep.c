/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/keep.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/path.h"
#include "base/text.h"
#include "pipeline/keep_internal.h"
#include "queue/backend.h"
#include "store/backend.h"

#define KEY_FILE_BYTES 4096
#define DATABASE "orchestrator.db"

static int decode_key(struct orch_text hex, struct orch_secret **ret_key, struct orch_err *err)
{
	char bytes[ORCH_SEAL_KEY_BYTES];

	if (orch_hex_decode(hex, bytes, sizeof(bytes)) != ORCH_OK)
		return orch_fail(err, ORCH_E_INVALID, "the store's key must be %d hex digits",
			2 * ORCH_SEAL_KEY_BYTES);
	*ret_key = orch_secret_create((struct orch_text){ bytes, sizeof(bytes) });
	explicit_bzero(bytes, sizeof(bytes));
	return *ret_key == NULL
		? orch_fail(err, ORCH_E_NOMEM, "no locked memory for the store's key")
		: ORCH_OK;
}

/* Two processes may be about to make it: one key wins, and both go on with that. */
static int make_key_file(const char *path, struct orch_err *err)
{
	char bytes[ORCH_SEAL_KEY_BYTES];
	char hex[2 * ORCH_SEAL_KEY_BYTES + 1];
	int rc;

	orch_random_bytes(bytes, sizeof(bytes));
	orch_hex_encode(bytes, sizeof(bytes), hex);
	rc = orch_file_create(path, orch_text_from(hex), 0600, err);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(hex, sizeof(hex));
	return rc;
}

static bool is_there(const char *path)
{
	return orch_path_access(path, F_OK) == 0;
}

/* The key is made before the database, so a database without a key has lost it. */
static int find_key_file(
	const char *path, const char *database, bool *ret_found, struct orch_err *err)
{
	struct stat found;

	*ret_found = orch_path_stat(path, &found) == 0;
	if (*ret_found && !S_ISREG(found.st_mode))
		return orch_fail(err, ORCH_E_INVALID, "%s: not a regular file", path);
	if (*ret_found && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return orch_fail(err, ORCH_E_DENIED,
			"%s: others may read the store's key; try chmod 600", path);
	if (!*ret_found && errno != ENOENT)
		return orch_fail(err, ORCH_E_DENIED, "%s: %s", path, orch_errno_text(errno));
	if (!*ret_found && is_there(database))
		return orch_fail(err, ORCH_E_INVALID,
			"%s is missing, and without it what the database holds cannot be read; "
			"put it back, or move the database away to begin anew",
			path);
	return ORCH_OK;
}

static int read_key_file(const char *path, struct orch_arena *arena, struct orch_secret **ret_key,
	struct orch_err *err)
{
	struct orch_text hex;
	int rc = orch_file_read(path, KEY_FILE_BYTES, arena, &hex, err);

	if (rc != ORCH_OK)
		return rc;
	while (hex.len > 0 && hex.ptr[hex.len - 1] == '\n')
		hex.len--;
	rc = decode_key(hex, ret_key, err);
	explicit_bzero((void *)(uintptr_t)hex.ptr, hex.len);
	if (rc != ORCH_OK)
		orch_err_prefix(err, "%s", path);
	return rc;
}

static const char *path_in(
	const struct orch_config *config, struct orch_arena *arena, const char *name)
{
	return orch_arena_printf(arena, "%.*s/%s", ORCH_TEXT_ARG(config->state_dir), name).ptr;
}

bool orch_keep_is_there(const struct orch_config *config, struct orch_arena *arena)
{
	return orch_keep_is_shared(config) || is_there(path_in(config, arena, DATABASE));
}

static int load_named_key(
	const struct orch_config *config, struct orch_secret **ret_key, struct orch_err *err)
{
	orch_credential credential = orch_config_credential(config, config->store_key);
	const struct orch_credential_entry *entry =
		credential == 0 ? NULL : &config->egress.credentials[credential - 1];

	if (entry == NULL || entry->secret == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"store.key: the credential %.*s is not loaded",
			ORCH_TEXT_ARG(config->store_key));
	return decode_key(orch_secret_text(entry->secret), ret_key, err);
}

/* *ret_key stays NULL if there is none yet and none is to be made. */
static int load_key(const struct orch_config *config, struct orch_arena *arena, bool may_make,
	struct orch_secret **ret_key, struct orch_err *err)
{
	const char *path = path_in(config, arena, "store.key");
	bool found;
	int rc;

	if (config->store_key.len > 0)
		return load_named_key(config, ret_key, err);
	rc = find_key_file(path, path_in(config, arena, DATABASE), &found, err);
	if (rc == ORCH_OK && !found && may_make)
		rc = make_key_file(path, err);
	if (rc == ORCH_OK && (found || may_make))
		rc = read_key_file(path, arena, ret_key, err);
	return rc;
}

int orch_keep_check_key(const struct orch_config *config, struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_secret *key = NULL;
	int rc = arena == NULL ? orch_fail(err, ORCH_E_NOMEM, "no memory for the store's key")
			       : load_key(config, arena, false, &key, err);

	orch_secret_destroy(key);
	orch_arena_destroy(arena);
	return rc;
}

/* Every part's, in ARENA. */
static struct orch_db_migration *all_migrations(struct orch_arena *arena, size_t *ret_count)
{
	size_t queue_count = orch_queue_sqlite_migration_count;
	size_t count = queue_count + orch_store_sqlite_migration_count;
	struct orch_db_migration *all = orch_arena_alloc_array(arena, count, sizeof(*all));

	*ret_count = count;
	if (all == NULL)
		return NULL;
	memcpy(all, orch_queue_sqlite_migrations, queue_count * sizeof(*all));
	memcpy(all + queue_count, orch_store_sqlite_migrations,
		orch_store_sqlite_migration_count * sizeof(*all));
	return all;
}

int orch_keep_check_database(const struct orch_config *config, struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_db_migration *all;
	size_t count;
	int rc = ORCH_E_NOMEM;

	if (orch_keep_is_shared(config)) {
		orch_arena_destroy(arena);
		return ORCH_OK;
	}
	all = arena == NULL ? NULL : all_migrations(arena, &count);
	if (all != NULL)
		rc = orch_db_check(path_in(config, arena, DATABASE), all, count, err);
	else
		(void)orch_fail(err, rc, "no memory for the database");
	orch_arena_destroy(arena);
	return rc;
}

static int open_db(const struct orch_config *config, struct orch_arena *arena,
	struct orch_db **ret_db, struct orch_err *err)
{
	size_t count;
	struct orch_db_migration *all = all_migrations(arena, &count);
	struct orch_db_options options = {
		.path = path_in(config, arena, DATABASE),
		.reserve_bytes = config->reserve_bytes,
	};

	if (all == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the database");
	return orch_db_open(&options, all, count, ret_db, err);
}

static void report_log(const struct orch_db_log_report *report)
{
	orch_metric_set(orch_metric(ORCH_METRIC_GAUGE, "orchestrator_db_wal_lost_frames",
				"Frames of the write-ahead log that were lost at the last start."),
		(int64_t)report->lost);
	if (report->copy[0] != '\0')
		orch_log(ORCH_LOG_ALERT, "db.wal_damaged", ORCH_LOG_INT("lost", report->lost),
			ORCH_LOG_INT("repaired", report->repaired),
			ORCH_LOG_STRING("copy", report->copy));
}

/* Whoever is the first to open the database looks at what the last one has left; the others wait for that. */
static int look_at_log(const struct orch_config *config, struct orch_arena *arena,
	struct orch_keep *keep, struct orch_err *err)
{
	struct orch_db_log_report report;
	bool alone;
	int rc = orch_file_hold(
		path_in(config, arena, DATABASE "-held"), &keep->hold_fd, &alone, err);

	if (rc != ORCH_OK || !alone)
		return rc;
	rc = orch_db_mend_log(path_in(config, arena, DATABASE), &report, err);
	if (rc == ORCH_OK)
		report_log(&report);
	return rc;
}

static int open_all(const struct orch_config *config, struct orch_arena *arena,
	struct orch_keep *keep, struct orch_err *err)
{
	int rc = orch_file_make_dir(config->state_dir.ptr, err);

	if (rc == ORCH_OK)
		rc = load_key(config, arena, true, &keep->key, err);
	if (rc == ORCH_OK && orch_keep_is_shared(config))
		return orch_keep_open_shared(config, keep, err);
	if (rc == ORCH_OK)
		rc = look_at_log(config, arena, keep, err);
	if (rc == ORCH_OK)
		rc = open_db(config, arena, &keep->db, err);
	if (rc == ORCH_OK)
		rc = orch_file_share(keep->hold_fd, err);
	if (rc == ORCH_OK)
		rc = orch_queue_sqlite_open(keep->db, keep->key, &keep->queue, err);
	if (rc == ORCH_OK)
		rc = orch_store_sqlite_open(keep->db, keep->key, &keep->store, err);
	return rc;
}

int orch_keep_open(
	const struct orch_config *config, struct orch_keep *ret_keep, struct orch_err *err)
{
	struct orch_keep keep = { .hold_fd = -1 };
	struct orch_arena *arena = orch_arena_create(0);
	int rc = arena == NULL ? orch_fail(err, ORCH_E_NOMEM, "no memory for the store")
			       : open_all(config, arena, &keep, err);

	orch_arena_destroy(arena);
	if (rc != ORCH_OK) {
		orch_keep_close(&keep);
		return rc;
	}
	*ret_keep = keep;
	return ORCH_OK;
}

void orch_keep_close(struct orch_keep *keep)
{
	orch_queue_close(keep->queue);
	orch_store_close(keep->store);
	orch_db_close(keep->db);
	orch_pg_close(keep->pg);
	orch_secret_destroy(keep->key);
	orch_secret_destroy(keep->password);
	if (keep->hold_fd >= 0)
		(void)close(keep->hold_fd);
	*keep = (struct orch_keep){ .hold_fd = -1 };
}

int orch_keep_start(struct orch_keep *keep, const struct orch_config *config,
	struct orch_lane *lane, struct orch_err *err)
{
	return keep->pg == NULL ? ORCH_OK : orch_keep_start_shared(keep, config, lane, err);
}

int orch_keep_attach(struct orch_keep *keep, struct orch_lane *lane, struct orch_err *err)
{
	int rc = keep->pg == NULL ? ORCH_OK : orch_pg_attach(keep->pg, lane, err);

	return rc == ORCH_OK ? orch_queue_attach(keep->queue, lane, err) : rc;
}

void orch_keep_detach(struct orch_keep *keep, struct orch_lane *lane)
{
	/* What is under way there comes back first. */
	if (keep->pg != NULL)
		orch_pg_detach(keep->pg, lane);
	orch_queue_detach(keep->queue, lane);
}

int orch_keep_take_over(struct orch_keep *keep, struct orch_err *err)
{
	return keep->db == NULL ? ORCH_OK : orch_queue_sqlite_end_leases(keep->queue, err);
}

void orch_keep_stop(struct orch_keep *keep, struct orch_lane *lane)
{
	if (keep->pg != NULL)
		orch_keep_stop_shared(keep, lane);
}

bool orch_keep_is_healthy(const struct orch_keep *keep, struct orch_err *err)
{
	return keep->db != NULL ? orch_db_is_healthy(keep->db, err)
				: orch_keep_is_healthy_shared(keep, err);
}

bool orch_keep_accepts(const struct orch_keep *keep, struct orch_err *err)
{
	return keep->db != NULL ? orch_db_is_healthy(keep->db, err)
				: orch_keep_accepts_shared(keep, err);
}

bool orch_keep_is_remote(const struct orch_keep *keep)
{
	return keep->pg != NULL;
}

bool orch_keep_is_full(const struct orch_keep *keep)
{
	return keep->db != NULL && orch_db_is_full(keep->db);
}
