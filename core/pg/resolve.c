/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names become addresses as the system would have it (getaddrinfo), which may
 * take as long as it likes: on a thread for that, which tells the lane through
 * an eventfd.  A look-up that nobody waits for any more goes with its thread.
 */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/text.h"
#include "net/address.h"
#include "pg/internal.h"

#define NAME_BYTES 256 /* of a host, with NUL */

struct orch_pg_look_up {
	pthread_mutex_t mutex; /* of the owners */
	unsigned owners;       /* the link, the thread */
	int fd;                /* written by the thread when all else is */
	struct event *told;
	struct orch_pg_link *link;
	struct {
		char name[NAME_BYTES]; /* empty: there is nothing to look up */
		char hostaddr[64];
	} asked[ORCH_PG_ADDRESSES];
	size_t asked_count;
	struct {
		size_t of; /* the one asked for */
		char hostaddr[64];
	} found[ORCH_PG_ADDRESSES];
	size_t found_count;
	char problem[NAME_BYTES + 64];
};

static bool is_literal(const struct orch_pg_address *address)
{
	struct sockaddr_storage storage;

	return address->hostaddr[0] || address->host[0] == '\0' || address->host[0] == '/' ||
		address->host[0] == '@' || orch_address_parse(address->host, 0, &storage);
}

static void add_target(struct orch_pg_targets *targets, const struct orch_pg_address *address,
	const char *hostaddr)
{
	struct orch_pg_target *target = &targets->at[targets->count++];

	target->host = address->host;
	target->port = address->port;
	(void)snprintf(target->hostaddr, sizeof(target->hostaddr), "%s", hostaddr);
}

bool orch_pg_targets_literal(const struct orch_pg_dsn *dsn, struct orch_pg_targets *ret_targets)
{
	ret_targets->count = 0;
	for (size_t i = 0; i < dsn->address_count; i++) {
		if (!is_literal(&dsn->addresses[i]))
			return false;
		add_target(ret_targets, &dsn->addresses[i], dsn->addresses[i].hostaddr);
	}
	return true;
}

static void let_go(struct orch_pg_look_up *look_up)
{
	unsigned left;

	pthread_mutex_lock(&look_up->mutex);
	left = --look_up->owners;
	pthread_mutex_unlock(&look_up->mutex);
	if (left > 0)
		return;
	pthread_mutex_destroy(&look_up->mutex);
	close(look_up->fd);
	orch_free(look_up);
}

static void add_found(struct orch_pg_look_up *look_up, size_t of, const char *hostaddr)
{
	if (look_up->found_count == ORCH_PG_ADDRESSES)
		return;
	look_up->found[look_up->found_count].of = of;
	(void)snprintf(look_up->found[look_up->found_count].hostaddr,
		sizeof(look_up->found[0].hostaddr), "%s", hostaddr);
	look_up->found_count++;
}

static void look_up_name(struct orch_pg_look_up *look_up, size_t i)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char text[sizeof(look_up->found[0].hostaddr)];
	int code = getaddrinfo(look_up->asked[i].name, NULL, &hints, &list);

	if (code != 0) {
		(void)snprintf(look_up->problem, sizeof(look_up->problem), "host \"%s\": %s",
			look_up->asked[i].name, gai_strerror(code));
		return;
	}
	for (const struct addrinfo *at = list; at; at = at->ai_next) {
		if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0,
			    NI_NUMERICHOST) == 0)
			add_found(look_up, i, text);
	}
	freeaddrinfo(list);
}

static void *look_up_all(void *arg)
{
	struct orch_pg_look_up *look_up = arg;
	const uint64_t one = 1;
	ssize_t written;

	for (size_t i = 0; i < look_up->asked_count; i++) {
		if (look_up->asked[i].name[0])
			look_up_name(look_up, i);
		else
			add_found(look_up, i, look_up->asked[i].hostaddr);
	}
	do {
		written = write(look_up->fd, &one, sizeof(one));
	} while (written < 0 && errno == EINTR);
	let_go(look_up);
	return NULL;
}

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct orch_pg_look_up *look_up = arg;
	struct orch_pg_link *link = look_up->link;
	char problem[sizeof(look_up->problem)];
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	link->targets.count = 0;
	for (size_t i = 0; i < look_up->found_count; i++)
		add_target(&link->targets, &link->pg->dsn.addresses[look_up->found[i].of],
			look_up->found[i].hostaddr);
	memcpy(problem, look_up->problem, sizeof(problem));
	link->look_up = NULL;
	orch_pg_look_up_cancel(look_up);
	orch_pg_link_resolved(link, problem);
}

static void ask(struct orch_pg_look_up *look_up, const struct orch_pg_dsn *dsn)
{
	look_up->asked_count = dsn->address_count;
	for (size_t i = 0; i < dsn->address_count; i++) {
		const struct orch_pg_address *address = &dsn->addresses[i];

		if (!is_literal(address))
			(void)snprintf(look_up->asked[i].name, sizeof(look_up->asked[i].name), "%s",
				address->host);
		(void)snprintf(look_up->asked[i].hostaddr, sizeof(look_up->asked[i].hostaddr), "%s",
			address->hostaddr);
	}
}

static bool start_thread(struct orch_pg_look_up *look_up)
{
	pthread_attr_t detached;
	pthread_t thread;
	sigset_t all, old;
	int error;

	(void)pthread_attr_init(&detached);
	(void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&thread, &detached, look_up_all, look_up);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&detached);
	return error == 0;
}

int orch_pg_look_up_start(struct orch_pg_link *link, struct orch_err *err)
{
	struct orch_pg_look_up *look_up = orch_alloc(sizeof(*look_up));

	if (!look_up)
		return orch_fail(err, ORCH_E_NOMEM, "a look-up: out of memory");
	(void)pthread_mutex_init(&look_up->mutex, NULL);
	look_up->owners = 1;
	look_up->link = link;
	look_up->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	look_up->told = event_new(
		orch_lane_base(link->lane), look_up->fd, EV_READ | EV_PERSIST, on_told, look_up);
	ask(look_up, &link->pg->dsn);
	if (look_up->fd >= 0 && look_up->told && event_add(look_up->told, NULL) == 0) {
		look_up->owners = 2;
		if (start_thread(look_up)) {
			link->look_up = look_up;
			return ORCH_OK;
		}
		look_up->owners = 1;
	}
	orch_pg_look_up_cancel(look_up);
	return orch_fail(err, ORCH_E_AGAIN, "a look-up: no thread");
}

void orch_pg_look_up_cancel(struct orch_pg_look_up *look_up)
{
	if (!look_up)
		return;
	if (look_up->told)
		event_free(look_up->told);
	look_up->told = NULL;
	let_go(look_up);
}
