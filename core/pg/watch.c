/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LISTEN on each lane's own connection.
 *
 * A watch is told from the loop, by an event of its own, so that CHANGED may
 * do what it likes: add and remove watches, submit groups.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "pg/internal.h"

static bool is_channel(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t len = strlen(name);

	return len > 0 && len < ORCH_PG_CHANNEL_BYTES && strspn(name, allowed) == len;
}

static void tell(struct orch_pg_link *link, struct orch_pg_watch *watch)
{
	watch->is_due = true;
	event_active(link->tell, EV_TIMEOUT, 1);
}

int orch_pg_watch_add(struct orch_pg *pg, struct orch_pg_watch *watch, struct orch_err *err)
{
	struct orch_pg_link *link = orch_pg_link_of(pg, watch->lane);

	orch_assert(link);
	if (!is_channel(watch->channel))
		return orch_fail(err, ORCH_E_INVALID,
			"a channel is named by letters, digits and \"_\", %d at most",
			ORCH_PG_CHANNEL_BYTES - 1);
	watch->next = link->watches;
	link->watches = watch;
	link->must_listen = true;
	event_active(link->start, EV_TIMEOUT, 1);
	tell(link, watch);
	return ORCH_OK;
}

void orch_pg_watch_remove(struct orch_pg *pg, struct orch_pg_watch *watch)
{
	struct orch_pg_link *link = orch_pg_link_of(pg, watch->lane);
	struct orch_pg_watch **at;

	orch_assert(link);
	for (at = &link->watches; *at != watch; at = &(*at)->next)
		orch_assert(*at);
	*at = watch->next;
}

bool orch_pg_watch_listen(struct orch_pg_link *link)
{
	const struct orch_pg_sent sent = { .kind = ORCH_PG_SENT_LISTEN };
	char sql[sizeof("LISTEN \"\"") + ORCH_PG_CHANNEL_BYTES];

	for (struct orch_pg_watch *watch = link->watches; watch; watch = watch->next) {
		(void)snprintf(sql, sizeof(sql), "LISTEN \"%s\"", watch->channel);
		if (!orch_pg_note_sent(link, &sent) ||
			!PQsendQueryParams(link->conn, sql, 0, NULL, NULL, NULL, NULL, 0))
			return false;
	}
	return true;
}

void orch_pg_watch_heard(struct orch_pg_link *link)
{
	PGnotify *notify;

	while ((notify = PQnotifies(link->conn)) != NULL) {
		for (struct orch_pg_watch *watch = link->watches; watch; watch = watch->next) {
			if (strcmp(watch->channel, notify->relname) == 0)
				tell(link, watch);
		}
		PQfreemem(notify);
	}
}

void orch_pg_watch_all(struct orch_pg_link *link)
{
	for (struct orch_pg_watch *watch = link->watches; watch; watch = watch->next)
		tell(link, watch);
}

static struct orch_pg_watch *find_due(struct orch_pg_link *link)
{
	struct orch_pg_watch *watch = link->watches;

	while (watch && !watch->is_due)
		watch = watch->next;
	return watch;
}

void orch_pg_watch_tell(evutil_socket_t fd, short what, void *arg)
{
	struct orch_pg_link *link = arg;
	struct orch_pg_watch *watch = find_due(link);

	(void)fd;
	(void)what;
	if (!watch)
		return;
	watch->is_due = false;
	/* One at a time: after the call the link itself may be gone. */
	if (find_due(link))
		event_active(link->tell, EV_TIMEOUT, 1);
	watch->changed(watch->arg);
}
