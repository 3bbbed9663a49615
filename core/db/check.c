/* SPDX-License-Identifier: Apache-2.0 */
/* Would a file be opened?  Asked before the start, without a trace. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/path.h"
#include "base/text.h"
#include "db/internal.h"

#define NAME_BYTES (3 * PATH_MAX + 64)

/* Nobody has a log of changes: then the file is all there is, and SQLite need not make files beside it. */
static bool is_alone(const char *path)
{
	char log[PATH_MAX + 8];
	struct stat found;

	(void)snprintf(log, sizeof(log), "%s-wal", path);
	return orch_path_stat(log, &found) != 0 || found.st_size == 0;
}

static void write_name(const char *path, char name[NAME_BYTES])
{
	size_t at = (size_t)snprintf(name, NAME_BYTES, "file:");

	for (; *path != '\0' && at + 4 < NAME_BYTES; path++)
		at += (size_t)snprintf(name + at, NAME_BYTES - at,
			strchr("%?#", *path) == NULL ? "%c" : "%%%02x",
			(unsigned)(unsigned char)*path);
	(void)snprintf(name + at, NAME_BYTES - at, "?immutable=1");
}

static int compare(const char *path, const struct orch_db_migration *migrations, size_t count,
	struct orch_err *err)
{
	struct orch_db *db = orch_alloc(sizeof(*db));
	char name[NAME_BYTES];
	int code;

	if (!db)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	write_name(path, name);
	code = orch_db_connect(&db->connection, is_alone(path) ? name : path, true, err);
	if (code == ORCH_OK)
		code = orch_db_refuse_newer(db, migrations, count, err);
	orch_db_disconnect(&db->connection);
	orch_free(db);
	return code;
}

int orch_db_check(const char *path, const struct orch_db_migration *migrations, size_t count,
	struct orch_err *err)
{
	struct stat found;
	char *full = NULL;
	int code;

	/* What is not there, or empty, will be made. */
	if (orch_path_lstat(path, &found) != 0 && errno == ENOENT)
		return ORCH_OK;
	code = orch_db_prepare_file(path, true, &full, err);
	if (code != ORCH_OK)
		return code;
	if (orch_path_stat(full, &found) != 0 || found.st_size > 0)
		code = compare(full, migrations, count, err);
	orch_free(full);
	if (code != ORCH_OK)
		orch_err_prefix(err, "%s", path);
	return code;
}
