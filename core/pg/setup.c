/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new connection is told and asked before it is used: one statement.
 *
 * Plans are kept for as long as the connection lives, and tables that are empty
 * at night are long by day: a plan that reads a whole table because it was short
 * is ruinous an hour later.  So it is an index wherever there is one.
 *
 * The keepalives are the server's: should this machine vanish in the midst of
 * a batch, its locks must not keep the others waiting for long.  Settings that
 * a server does not know are left out.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "pg/internal.h"

enum {
	COLUMN_DURABLE = 0,
	COLUMN_UTF8,
	COLUMN_WRITABLE,
	COLUMNS,
};

static const char question[] =
	"SELECT current_setting('fsync') = 'on', current_setting('server_encoding') = 'UTF8',"
	" NOT pg_is_in_recovery(),"
	" (SELECT count(set_config(wanted.name, wanted.value, false)) FROM (VALUES"
	"  ('statement_timeout', $1),"
	"  ('lock_timeout', $2),"
	"  ('idle_in_transaction_session_timeout', $3),"
	"  ('idle_session_timeout', '0'),"
	"  ('synchronous_commit', CASE current_setting('synchronous_commit')"
	"   WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END),"
	"  ('default_transaction_isolation', 'read committed'),"
	"  ('default_transaction_read_only', 'off'),"
	"  ('default_transaction_deferrable', 'off'),"
	"  ('enable_seqscan', 'off'),"
	"  ('enable_mergejoin', 'off'),"
	"  ('jit', 'off'),"
	"  ('TimeZone', 'UTC'),"
	"  ('DateStyle', 'ISO'),"
	"  ('tcp_keepalives_idle', '" ORCH_PG_KEEPALIVE_IDLE_S "'),"
	"  ('tcp_keepalives_interval', '" ORCH_PG_KEEPALIVE_INTERVAL_S "'),"
	"  ('tcp_keepalives_count', '" ORCH_PG_KEEPALIVE_COUNT "'),"
	"  ('tcp_user_timeout', '" ORCH_PG_USER_TIMEOUT_MS "'))"
	"  AS wanted (name, value) JOIN pg_catalog.pg_settings USING (name))";

/* libpq will not need it again: a lost connection is replaced by a new one. */
static void wipe_password(PGconn *conn)
{
	char *password = PQpass(conn);

	if (password && password[0])
		explicit_bzero(password, strlen(password));
}

static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

bool orch_pg_setup_send(const struct orch_pg *pg, PGconn *conn)
{
	char statement[16], lock[16], idle[16];
	const char *const values[] = { statement, lock, idle };

	(void)snprintf(statement, sizeof(statement), "%u", pg->statement_ms);
	(void)snprintf(lock, sizeof(lock), "%u", pg->lock_ms);
	(void)snprintf(idle, sizeof(idle), "%u", pg->statement_ms);
	wipe_password(conn);
	(void)PQsetNoticeReceiver(conn, ignore_notice, NULL);
	(void)PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
	return PQsetnonblocking(conn, 1) == 0 &&
		PQsendQueryParams(conn, question, 3, NULL, values, NULL, NULL, 0) == 1;
}

static bool is_true(const PGresult *result, int column)
{
	return PQgetvalue(result, 0, column)[0] == 't';
}

int orch_pg_setup_check(const struct orch_pg *pg, const PGresult *result, struct orch_err *err)
{
	struct orch_pg_failure failure = { .is_set = false };

	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		orch_pg_failure_set(&failure, result, NULL);
		*err = failure.err;
		return ORCH_E_AGAIN;
	}
	if (PQntuples(result) != 1 || PQnfields(result) <= COLUMNS)
		return orch_fail(err, ORCH_E_AGAIN, "the server's answer makes no sense");
	if (!is_true(result, COLUMN_UTF8))
		return orch_fail(err, ORCH_E_INVALID,
			"its encoding is not UTF8: make the database anew with ENCODING 'UTF8'");
	if (!is_true(result, COLUMN_DURABLE) && !pg->accepts_unsafe)
		return orch_fail(err, ORCH_E_INVALID,
			"the server runs with fsync = off: what it calls committed is lost when "
			"the "
			"power fails; set fsync = on");
	if (!is_true(result, COLUMN_WRITABLE))
		return orch_fail(err, ORCH_E_AGAIN, "the server is a standby, it takes no writes");
	return ORCH_OK;
}
