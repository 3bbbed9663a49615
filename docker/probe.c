/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orchestrator-probe PORT PATH: asks a server on this machine for PATH, and
 * shows what it answers.
 *
 * An image without a shell has nothing else to look whether its program is well.
 * Exit: 0 the answer was 200, 1 it was another or none, 64 a wrong command line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 4 /* for each step; Docker's own --timeout bounds the whole */
#define PATH_BYTES 512
#define HEAD_BYTES 8192
#define BODY_BYTES (8u * 1024 * 1024) /* that are shown; metrics may be long */
#define EXIT_USAGE 64

static bool read_port(const char *text, in_port_t *ret_port)
{
	char *end;
	unsigned long port;

	errno = 0;
	port = strtoul(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || port < 1 ||
		port > 65535)
		return false;
	*ret_port = htons((in_port_t)port);
	return true;
}

static int dial(in_port_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static bool ask(int fd, const char *path)
{
	char request[PATH_BYTES + 128];
	int length = snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);

	return send(fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

/* As recv(); 0 at the end and when nothing comes. */
static size_t hear(int fd, char *bytes, size_t size)
{
	ssize_t got;

	do
		got = recv(fd, bytes, size, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : (size_t)got;
}

/* What follows the head; NULL: it has not come, or is too long. */
static const char *hear_head(int fd, char head[HEAD_BYTES])
{
	const char *end = NULL;
	size_t length = 0, got = 1;

	while (end == NULL && got > 0) {
		got = hear(fd, head + length, HEAD_BYTES - 1 - length);
		length += got;
		head[length] = '\0';
		end = strstr(head, "\r\n\r\n");
	}
	return end == NULL ? NULL : end + 4;
}

static void show_rest(int fd)
{
	char bytes[HEAD_BYTES];
	size_t shown = 0, got;

	while (shown < BODY_BYTES && (got = hear(fd, bytes, sizeof(bytes))) > 0)
		shown += fwrite(bytes, 1, got, stdout);
}

static int show(int fd)
{
	char head[HEAD_BYTES] = "";
	const char *body = hear_head(fd, head);

	if (body == NULL) {
		printf("no answer\n");
		return EXIT_FAILURE;
	}
	printf("%.12s %s", head, body);
	show_rest(fd);
	putchar('\n');
	return strncmp(head, "HTTP/1.1 200 ", 13) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	int fd, status = EXIT_FAILURE;
	in_port_t port;

	if (argc != 3 || !read_port(argv[1], &port) || argv[2][0] != '/' ||
		strlen(argv[2]) > PATH_BYTES) {
		fprintf(stderr, "Usage: orchestrator-probe PORT PATH, such as 9090 /readyz\n");
		return EXIT_USAGE;
	}
	fd = dial(port);
	if (fd < 0) {
		printf("port %s: %m\n", argv[1]);
		return EXIT_FAILURE;
	}
	if (ask(fd, argv[2]))
		status = show(fd);
	(void)close(fd);
	return status;
}
