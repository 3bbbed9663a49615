/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PostgreSQL's SQLSTATEs mean to us.
 *
 * Of its words only the primary message is passed on, and of a refused value
 * not even that: it would quote the value.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "pg/internal.h"

#define STATE_CHARS 5

/* By state or, shorter, by class; the first that fits counts. */
static const struct {
	const char *state;
	enum orch_pg_verdict verdict;
	int code;
} meanings[] = {
	{ "40", ORCH_PG_CONFLICT, ORCH_E_AGAIN },    /* serialization, deadlock */
	{ "55P03", ORCH_PG_CONFLICT, ORCH_E_AGAIN }, /* lock time-out */
	{ "55006", ORCH_PG_CONFLICT, ORCH_E_AGAIN }, /* object in use */
	{ "53100", ORCH_PG_FINAL, ORCH_E_LIMIT },    /* disk full */
	{ "53300", ORCH_PG_LOST, ORCH_E_AGAIN },     /* too many connections */
	{ "53", ORCH_PG_CONFLICT, ORCH_E_AGAIN },    /* other resources */
	{ "25006", ORCH_PG_LOST, ORCH_E_AGAIN },     /* read only: it has become a standby */
	{ "08", ORCH_PG_LOST, ORCH_E_AGAIN },        /* connection */
	{ "57014", ORCH_PG_FINAL, ORCH_E_AGAIN },    /* cancelled, statement time-out */
	{ "57", ORCH_PG_LOST, ORCH_E_AGAIN },        /* shutdown, crash, starting up */
	{ "25P03", ORCH_PG_LOST, ORCH_E_AGAIN },     /* idle in a transaction */
	{ "26000", ORCH_PG_STALE, ORCH_E_INTERNAL }, /* what was prepared is gone */
	{ "42P05", ORCH_PG_STALE, ORCH_E_INTERNAL }, /* or was there before */
	{ "0A000", ORCH_PG_STALE, ORCH_E_INTERNAL }, /* or its result has other types now */
	{ "28", ORCH_PG_LOST, ORCH_E_DENIED },       /* authentication */
	{ "3D000", ORCH_PG_LOST, ORCH_E_INVALID },   /* no such database */
	{ "42501", ORCH_PG_FINAL, ORCH_E_DENIED },   /* no privilege */
	{ "22", ORCH_PG_FINAL, ORCH_E_INVALID },     /* data */
	{ "23", ORCH_PG_FINAL, ORCH_E_INVALID },     /* constraints */
	{ "54", ORCH_PG_FINAL, ORCH_E_INVALID },     /* the server's own limits */
	{ "", ORCH_PG_FINAL, ORCH_E_INTERNAL },
};

static size_t meaning_of(const char *state)
{
	size_t i = 0;

	while (strncmp(meanings[i].state, state, strlen(meanings[i].state)) != 0)
		i++;
	return i;
}

/* "OR0" and two digits: a refusal of ours, by orch_require().  0: it is none. */
static int refusal(const char *state)
{
	uint64_t number = 0;

	if (strncmp(state, "OR0", 3) != 0 ||
		orch_text_to_uint(orch_text_from(state + 3), 1, ORCH_PG_RESULTS - 1, &number) < 0)
		return 0;
	return -(int)number;
}

static void describe(struct orch_pg_failure *failure, const char *primary)
{
	if (strncmp(failure->state, "22", 2) == 0)
		(void)orch_fail(
			&failure->err, 0, "PostgreSQL refused a value (%s)", failure->state);
	else if (refusal(failure->state) < 0)
		(void)orch_fail(&failure->err, 0, "%s", primary);
	else
		(void)orch_fail(&failure->err, 0, "PostgreSQL: %s (%s)", primary, failure->state);
}

void orch_pg_failure_set(
	struct orch_pg_failure *failure, const PGresult *result, struct orch_db_group *group)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	failure->is_set = true;
	failure->group = group;
	(void)snprintf(failure->state, sizeof(failure->state), "%s", state ? state : "");
	if (failure->state[0])
		describe(failure, primary ? primary : "no words");
	else
		(void)orch_fail(&failure->err, 0, "PostgreSQL: the connection broke");
}

enum orch_pg_verdict orch_pg_failure_verdict(const struct orch_pg_failure *failure)
{
	if (!failure->state[0])
		return ORCH_PG_LOST;
	return meanings[meaning_of(failure->state)].verdict;
}

int orch_pg_failure_code(const struct orch_pg_failure *failure)
{
	int code = refusal(failure->state);

	if (!failure->state[0])
		return ORCH_E_AGAIN;
	return code < 0 ? code : meanings[meaning_of(failure->state)].code;
}

/* "FATAL:  28P01: password authentication failed": its state, or none. */
static bool find_state(const char *message, char ret_state[STATE_CHARS + 1])
{
	const char *at = message;

	while ((at = strstr(at, ":  ")) != NULL) {
		at += 3;
		if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == STATE_CHARS &&
			at[STATE_CHARS] == ':') {
			memcpy(ret_state, at, STATE_CHARS);
			ret_state[STATE_CHARS] = '\0';
			return true;
		}
	}
	return false;
}

int orch_pg_connect_failure(PGconn *conn, struct orch_err *err)
{
	struct orch_text rest = orch_text_from(PQerrorMessage(conn));
	struct orch_text first = ORCH_TEXT_NONE;
	char state[STATE_CHARS + 1];

	(void)orch_text_split(&rest, '\n', &first);
	(void)orch_fail(err, ORCH_E_AGAIN, "PostgreSQL: %.*s", ORCH_TEXT_ARG(first));
	if (!find_state(first.ptr, state))
		return ORCH_E_AGAIN;
	return meanings[meaning_of(state)].code;
}
