/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection string, taken apart once.
 *
 * libpq would look names up while a lane waits, and would spend all the time
 * on the first of several servers.  So it is given one address at a time.  What
 * it makes of the string, of a service file and of the environment it tells by
 * itself: a connection with an option that cannot be fails before anything is
 * sent, and knows all others.
 *
 * Of the password libpq keeps a copy (orch_pg_setup_send() wipes it) and has
 * made another while it read its options, which it frees as it is.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "pg/internal.h"

/* Ours where the connection string says nothing. */
static const struct {
	const char *keyword, *value;
} defaults[] = {
	{ "application_name", "orchestrator" },
	{ "gssencmode", "disable" },
	{ "keepalives_idle", ORCH_PG_KEEPALIVE_IDLE_S },
	{ "keepalives_interval", ORCH_PG_KEEPALIVE_INTERVAL_S },
	{ "keepalives_count", ORCH_PG_KEEPALIVE_COUNT },
	{ "tcp_user_timeout", ORCH_PG_USER_TIMEOUT_MS },
};

#define DEFAULTS (sizeof(defaults) / sizeof(defaults[0]))

/* They say where, or are our own to say. */
static const char *const left_out[] = { "host", "hostaddr", "port", "password", "service",
	"client_encoding", "target_session_attrs", "connect_timeout", "fallback_application_name" };

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++) {
		if (strcmp(options->keyword, keyword) == 0 && options->val && options->val[0])
			return options->val;
	}
	return NULL;
}

/* Of libpq's words only those that cannot hold a piece of a password. */
static int fail_parse(const char *message, struct orch_err *err)
{
	static const char *const harmless[] = { "invalid connection option",
		"invalid URI query parameter" };
	struct orch_text line = orch_text_from(message);
	struct orch_text first = ORCH_TEXT_NONE;

	(void)orch_text_split(&line, '\n', &first);
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (orch_text_starts_with(first, orch_text_from(harmless[i])))
			return orch_fail(err, ORCH_E_INVALID, "the connection string: %.*s",
				ORCH_TEXT_ARG(first));
	}
	return orch_fail(err, ORCH_E_INVALID,
		"it is not a connection string; write \"host=db.example dbname=orchestrator "
		"user=orchestrator\" or postgresql://USER@HOST/DATABASE");
}

static int parse_said(const char *text, PQconninfoOption **ret_said, struct orch_err *err)
{
	char *message = NULL;
	int code;

	*ret_said = PQconninfoParse(text, &message);
	if (*ret_said)
		return ORCH_OK;
	code = message ? fail_parse(message, err)
		       : orch_fail(err, ORCH_E_NOMEM, "connection string: out of memory");
	PQfreemem(message);
	return code;
}

static int check_said(const PQconninfoOption *said, struct orch_err *err)
{
	const char *target = value_of(said, "target_session_attrs");

	if (value_of(said, "password"))
		return orch_fail(err, ORCH_E_INVALID,
			"the connection string holds a password; name it as a credential instead");
	if (target && strcmp(target, "any") != 0 && strcmp(target, "read-write") != 0 &&
		strcmp(target, "primary") != 0)
		return orch_fail(err, ORCH_E_INVALID,
			"target_session_attrs=%s leads to a server that cannot be written to; "
			"leave it out",
			target);
	return ORCH_OK;
}

/* All that libpq would use, with its defaults. */
static int ask_effective(const char *text, PQconninfoOption **ret_all, struct orch_err *err)
{
	/* The last that libpq looks at, so that it has found fault with all others before. */
	static const char last[] = "target_session_attrs";
	const char *const keywords[] = { "dbname", last, NULL };
	const char *const values[] = { text, "?", NULL };
	PGconn *conn = PQconnectStartParams(keywords, values, 1);
	struct orch_text line = orch_text_from(conn ? PQerrorMessage(conn) : "");
	struct orch_text first = ORCH_TEXT_NONE;
	int code = ORCH_OK;

	if (line.len > 0 && !strstr(line.ptr, last)) {
		(void)orch_text_split(&line, '\n', &first);
		code = orch_fail(
			err, ORCH_E_INVALID, "the connection string: %.*s", ORCH_TEXT_ARG(first));
	} else {
		*ret_all = conn ? PQconninfo(conn) : NULL;
		if (!*ret_all)
			code = orch_fail(err, ORCH_E_NOMEM, "connection string: out of memory");
	}
	PQfinish(conn);
	return code;
}

static bool is_left_out(const char *keyword)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		if (strcmp(left_out[i], keyword) == 0)
			return true;
	}
	return false;
}

static bool add(struct orch_pg_dsn *dsn, const char *keyword, const char *value)
{
	dsn->keywords[dsn->count] = orch_strdup(keyword);
	dsn->values[dsn->count] = orch_strdup(value);
	if (!dsn->keywords[dsn->count] || !dsn->values[dsn->count])
		return false;
	dsn->count++;
	return true;
}

/* Said by the string, a service or the environment, and not what libpq takes anyway? */
static bool is_chosen(
	const PQconninfoOption *said, const PQconninfoOption *option, const char *keyword)
{
	return value_of(said, keyword) ||
		(option->val && option->val[0] &&
			(!option->compiled || strcmp(option->val, option->compiled) != 0));
}

static const char *default_for(const PQconninfoOption *said, const PQconninfoOption *option)
{
	for (size_t i = 0; i < DEFAULTS; i++) {
		if (strcmp(defaults[i].keyword, option->keyword) == 0 &&
			!is_chosen(said, option, option->keyword))
			return defaults[i].value;
	}
	return option->val;
}

static bool copy_options(
	struct orch_pg_dsn *dsn, const PQconninfoOption *said, const PQconninfoOption *all)
{
	const char *target;
	size_t count = 0;

	while (all[count].keyword)
		count++;
	dsn->keywords = orch_alloc_array(count + 1, sizeof(char *));
	dsn->values = orch_alloc_array(count + 1, sizeof(char *));
	if (!dsn->keywords || !dsn->values)
		return false;
	for (; all->keyword; all++) {
		const char *value = is_left_out(all->keyword) ? NULL : default_for(said, all);

		if (value && value[0] && !add(dsn, all->keyword, value))
			return false;
	}
	target = value_of(said, "target_session_attrs");
	return add(dsn, "client_encoding", "UTF8") &&
		add(dsn, "target_session_attrs", target ? target : "read-write");
}

/* The Nth piece of a list; empty if there is none. */
static char *piece(const char *list, size_t n)
{
	struct orch_text rest = orch_text_from(list);
	struct orch_text found = ORCH_TEXT_NONE, next;
	char *copy;

	for (size_t i = 0; i <= n && orch_text_split(&rest, ',', &next); i++) {
		if (i == n)
			found = next;
	}
	copy = orch_alloc(found.len + 1);
	if (copy)
		memcpy(copy, found.ptr, found.len);
	return copy;
}

static size_t pieces(const char *list)
{
	size_t count = list && list[0] ? 1 : 0;

	for (; list && *list; list++)
		count += *list == ',';
	return count;
}

static int read_addresses(
	struct orch_pg_dsn *dsn, const PQconninfoOption *all, struct orch_err *err)
{
	const char *host = value_of(all, "host");
	const char *hostaddr = value_of(all, "hostaddr");
	const char *port = value_of(all, "port");
	size_t count = pieces(hostaddr) > pieces(host) ? pieces(hostaddr) : pieces(host);

	if (count == 0)
		count = 1; /* the socket where the system has it */
	if (count > ORCH_PG_ADDRESSES)
		return orch_fail(err, ORCH_E_LIMIT,
			"the connection string names %zu hosts; at most %d are tried", count,
			ORCH_PG_ADDRESSES);
	for (size_t i = 0; i < count; i++) {
		struct orch_pg_address *address = &dsn->addresses[dsn->address_count++];

		address->host = piece(host, i);
		address->hostaddr = piece(hostaddr, i);
		address->port = piece(port, pieces(port) == 1 ? 0 : i);
		if (!address->host || !address->hostaddr || !address->port)
			return orch_fail(err, ORCH_E_NOMEM, "connection string: out of memory");
	}
	return ORCH_OK;
}

static void read_time_out(struct orch_pg_dsn *dsn, const PQconninfoOption *all)
{
	uint64_t seconds = 0;

	if (orch_text_to_uint(
		    orch_text_from(value_of(all, "connect_timeout")), 1, 3600, &seconds) == ORCH_OK)
		dsn->connect_ms = (uint32_t)seconds * 1000;
}

static int take_apart(struct orch_pg_dsn *dsn, const char *text, const PQconninfoOption *said,
	struct orch_err *err)
{
	PQconninfoOption *all = NULL;
	int code = ask_effective(text, &all, err);

	if (code < 0)
		return code;
	read_time_out(dsn, all);
	code = read_addresses(dsn, all, err);
	if (code == ORCH_OK && !copy_options(dsn, said, all))
		code = orch_fail(err, ORCH_E_NOMEM, "connection string: out of memory");
	PQconninfoFree(all);
	return code;
}

int orch_pg_dsn_parse(struct orch_text text, struct orch_pg_dsn *ret_dsn, struct orch_err *err)
{
	char string[ORCH_PG_DSN_BYTES];
	PQconninfoOption *said = NULL;
	int code;

	*ret_dsn = (struct orch_pg_dsn){ .count = 0 };
	if (text.len >= sizeof(string) || memchr(text.ptr, '\0', text.len))
		return orch_fail(err, ORCH_E_LIMIT,
			"the connection string has more than %zu bytes or a NUL",
			sizeof(string) - 1);
	(void)snprintf(string, sizeof(string), "%.*s", ORCH_TEXT_ARG(text));
	code = parse_said(string, &said, err);
	if (code == ORCH_OK)
		code = check_said(said, err);
	if (code == ORCH_OK)
		code = take_apart(ret_dsn, string, said, err);
	PQconninfoFree(said);
	if (code < 0)
		orch_pg_dsn_fini(ret_dsn);
	return code;
}

void orch_pg_dsn_fini(struct orch_pg_dsn *dsn)
{
	/* One more than is counted may have been begun. */
	for (size_t i = 0; dsn->keywords && dsn->values && i <= dsn->count; i++) {
		orch_free(dsn->keywords[i]);
		orch_free(dsn->values[i]);
	}
	orch_free(dsn->keywords);
	orch_free(dsn->values);
	for (size_t i = 0; i < dsn->address_count; i++) {
		orch_free(dsn->addresses[i].host);
		orch_free(dsn->addresses[i].hostaddr);
		orch_free(dsn->addresses[i].port);
	}
	*dsn = (struct orch_pg_dsn){ .count = 0 };
}

PGconn *orch_pg_dsn_connect(const struct orch_pg *pg, const struct orch_pg_target *target)
{
	enum { PLACE = 4 };
	size_t room = pg->dsn.count + PLACE + 1;
	const char **keywords = orch_alloc_array(room, sizeof(*keywords));
	const char **values = orch_alloc_array(room, sizeof(*values));
	PGconn *conn = NULL;
	size_t n = 0;

	if (keywords && values) {
		for (; n < pg->dsn.count; n++) {
			keywords[n] = pg->dsn.keywords[n];
			values[n] = pg->dsn.values[n];
		}
		keywords[n] = "host";
		values[n++] = target->host;
		keywords[n] = "hostaddr";
		values[n++] = target->hostaddr;
		keywords[n] = "port";
		values[n++] = target->port;
		if (pg->password) {
			keywords[n] = "password";
			values[n] = orch_secret_text(pg->password).ptr;
		}
		conn = PQconnectStartParams(keywords, values, 0);
	}
	orch_free(keywords);
	orch_free(values);
	return conn;
}
