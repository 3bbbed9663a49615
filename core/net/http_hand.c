/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_hand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define LISTEN_BYTES 64 /* "[IPv6]:PORT" */
#define WAIT_MS 2000    /* in all, for a process that serves and does not answer */

struct held {
	char listen[LISTEN_BYTES];
	int fd;
};

struct orch_http_sockets {
	struct held held[ORCH_HTTP_HAND_SOCKETS];
	size_t count;
};

struct orch_http_hand {
	struct orch_lane *lane;
	int fd, folder_fd;
	struct sockaddr_un address; /* by way of FOLDER_FD */
	struct stat bound;          /* what we have put there */
	struct event *event;
	struct held held[ORCH_HTTP_HAND_SOCKETS];
	size_t count;
	atomic_bool was_taken;
};

/* A folder's name may be longer than a socket's address takes: it is named by a descriptor. */
static int open_folder(const char *folder, const char *name, struct sockaddr_un *ret_address)
{
	int fd = orch_path_open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (fd >= 0)
		(void)snprintf(ret_address->sun_path, sizeof(ret_address->sun_path),
			"/proc/self/fd/%d/%s", fd, name);
	return fd;
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A datagram of the listener's name, with its descriptor; the last one is empty. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static bool send_one(int to, const struct held *held)
{
	struct iovec iov = { .iov_len = held == NULL ? 1 : strlen(held->listen) + 1 };
	union control control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	char name[LISTEN_BYTES] = "";
	struct cmsghdr *header;

	iov.iov_base = name;
	if (held != NULL) {
		memcpy(name, held->listen, sizeof(name));
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &held->fd, sizeof(int));
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) == (ssize_t)iov.iov_len;
}

static bool is_listening(int fd)
{
	int accepts = 0;
	socklen_t len = sizeof(accepts);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &len) == 0 && accepts != 0;
}

/* The one that came with MESSAGE, if it is what was asked for; -1: all that came is closed. */
static int descriptor_of(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int found = -1;

	if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return -1;
	for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= header->cmsg_len; at += sizeof(int)) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + at, sizeof(int));
		if (found < 0 && is_listening(fd))
			found = fd;
		else
			(void)close(fd);
	}
	return found;
}

static bool wait_for(int fd, uint64_t until_ms)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	uint64_t now_ms = orch_clock_mono_ms();

	return now_ms < until_ms && poll(&wanted, 1, (int)(until_ms - now_ms)) == 1;
}

/* False: that was the last one, or nothing more comes, or nothing of sense. */
static bool receive_one(int from, uint64_t until_ms, struct held *held)
{
	struct iovec iov = { .iov_base = held->listen, .iov_len = sizeof(held->listen) - 1 };
	union control control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t len = -1;

	if (wait_for(from, until_ms))
		len = recvmsg(from, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	held->fd = len <= 0 ? -1 : descriptor_of(&message);
	held->listen[sizeof(held->listen) - 1] = '\0';
	return held->fd >= 0;
}

/* Of our own user, or of root: nobody else is asked, nor answered. */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
		(peer.uid == geteuid() || peer.uid == 0);
}

static int connect_to(const char *folder, const char *name)
{
	struct sockaddr_un address;
	int folder_fd = open_folder(folder, name, &address);
	int fd = folder_fd < 0 ? -1 : make_socket();

	/* Does not wait: one that has others waiting already does not answer us in time. */
	if (fd >= 0 &&
		(connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || !is_ours(fd))) {
		(void)close(fd);
		fd = -1;
	}
	if (folder_fd >= 0)
		(void)close(folder_fd);
	return fd;
}

int orch_http_sockets_fetch(const char *folder, const char *name,
	struct orch_http_sockets **ret_sockets, struct orch_err *err)
{
	struct orch_http_sockets *sockets;
	uint64_t until_ms = orch_clock_mono_ms() + WAIT_MS;
	int fd = connect_to(folder, name);

	*ret_sockets = NULL;
	if (fd < 0)
		return ORCH_OK;
	sockets = orch_alloc(sizeof(*sockets));
	if (sockets == NULL) {
		(void)close(fd);
		return orch_fail(
			err, ORCH_E_NOMEM, "no memory for the sockets of who served before");
	}
	while (sockets->count < ORCH_HTTP_HAND_SOCKETS &&
		receive_one(fd, until_ms, &sockets->held[sockets->count]))
		sockets->count++;
	(void)close(fd);
	*ret_sockets = sockets;
	return ORCH_OK;
}

int orch_http_sockets_take(struct orch_http_sockets *sockets, const char *listen)
{
	for (size_t i = 0; sockets != NULL && i < sockets->count; i++) {
		struct held *held = &sockets->held[i];
		int fd = held->fd;

		if (fd < 0 || strcmp(held->listen, listen) != 0)
			continue;
		held->fd = -1;
		return fd;
	}
	return -1;
}

void orch_http_sockets_destroy(struct orch_http_sockets *sockets)
{
	for (size_t i = 0; sockets != NULL && i < sockets->count; i++)
		if (sockets->held[i].fd >= 0)
			(void)close(sockets->held[i].fd);
	orch_free(sockets);
}

static void hand_over(struct orch_http_hand *hand, int to)
{
	bool sent = is_ours(to);

	for (size_t i = 0; sent && i < hand->count; i++)
		sent = send_one(to, &hand->held[i]);
	if (sent && send_one(to, NULL))
		atomic_store(&hand->was_taken, true);
}

static void on_asked(evutil_socket_t fd, short what, void *arg)
{
	int to = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (to < 0)
		return;
	hand_over(arg, to);
	(void)close(to);
}

/* In place of what is there: an elder one has its socket still, under no name. */
static int bind_name(struct orch_http_hand *hand)
{
	orch_file_remove(hand->address.sun_path);
	hand->fd = make_socket();
	if (hand->fd < 0 ||
		bind(hand->fd, (struct sockaddr *)&hand->address, sizeof(hand->address)) != 0 ||
		listen(hand->fd, 8) != 0 ||
		orch_path_stat(hand->address.sun_path, &hand->bound) != 0)
		return errno;
	hand->event = event_new(
		orch_lane_base(hand->lane), hand->fd, EV_READ | EV_PERSIST, on_asked, hand);
	return hand->event != NULL && event_add(hand->event, NULL) == 0 ? 0 : ENOMEM;
}

static void unbind_name(struct orch_http_hand *hand)
{
	if (hand->event != NULL)
		event_free(hand->event);
	if (hand->fd >= 0)
		(void)close(hand->fd);
	hand->event = NULL;
	hand->fd = -1;
}

int orch_http_hand_create(struct orch_lane *lane, const char *folder, const char *name,
	struct orch_http_hand **ret_hand, struct orch_err *err)
{
	struct orch_http_hand *hand = orch_alloc(sizeof(*hand));
	int error;

	if (hand == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	hand->lane = lane;
	hand->fd = -1;
	hand->folder_fd = open_folder(folder, name, &hand->address);
	error = hand->folder_fd < 0 ? errno : bind_name(hand);
	if (error != 0) {
		orch_http_hand_destroy(hand);
		return orch_fail(
			err, ORCH_E_INVALID, "%s/%s: %s", folder, name, orch_errno_text(error));
	}
	*ret_hand = hand;
	return ORCH_OK;
}

/* A younger one goes by it as soon as it serves. */
static bool has_its_name(const struct orch_http_hand *hand)
{
	struct stat found;

	return hand->bound.st_ino != 0 && orch_path_stat(hand->address.sun_path, &found) == 0 &&
		found.st_dev == hand->bound.st_dev && found.st_ino == hand->bound.st_ino;
}

/* Nobody is asked anything: a listener takes a connection before he looks. */
static bool is_served(const struct orch_http_hand *hand)
{
	int fd = make_socket();
	bool served = fd >= 0 &&
		(connect(fd, (const struct sockaddr *)&hand->address, sizeof(hand->address)) == 0 ||
			errno == EAGAIN);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 || served;
}

void orch_http_hand_tend(struct orch_http_hand *hand)
{
	if (hand == NULL || has_its_name(hand) || is_served(hand))
		return;
	unbind_name(hand);
	atomic_store(&hand->was_taken, false);
	if (bind_name(hand) != 0)
		unbind_name(hand);
}

void orch_http_hand_offer(struct orch_http_hand *hand, const char *listen, int fd)
{
	struct held *held = &hand->held[hand->count];

	if (hand->count == ORCH_HTTP_HAND_SOCKETS || strlen(listen) >= sizeof(held->listen))
		return;
	(void)snprintf(held->listen, sizeof(held->listen), "%s", listen);
	held->fd = fd;
	hand->count++;
}

bool orch_http_hand_was_taken(const struct orch_http_hand *hand)
{
	return hand != NULL && atomic_load(&hand->was_taken);
}

void orch_http_hand_destroy(struct orch_http_hand *hand)
{
	if (hand == NULL)
		return;
	if (has_its_name(hand))
		orch_file_remove(hand->address.sun_path);
	unbind_name(hand);
	if (hand->folder_fd >= 0)
		(void)close(hand->folder_fd);
	orch_free(hand);
}
