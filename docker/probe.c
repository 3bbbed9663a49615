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
#define ANSWER_BYTES 4096
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
	char request[1024];
	int length = snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);

	return length > 0 && (size_t)length < sizeof(request) &&
		send(fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

/* Up to so many bytes; what comes after them is of no interest. */
static size_t hear(int fd, char answer[ANSWER_BYTES])
{
	size_t length = 0;

	while (length < ANSWER_BYTES - 1) {
		ssize_t got = recv(fd, answer + length, ANSWER_BYTES - 1 - length, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	answer[length] = '\0';
	return length;
}

static int judge(const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n");

	if (body == NULL) {
		printf("no answer\n");
		return EXIT_FAILURE;
	}
	printf("%.12s %s\n", answer, body + 4);
	return strncmp(answer, "HTTP/1.1 200 ", 13) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	char answer[ANSWER_BYTES] = "";
	in_port_t port;
	int fd;

	if (argc != 3 || !read_port(argv[1], &port) || argv[2][0] != '/') {
		fprintf(stderr, "Usage: orchestrator-probe PORT PATH, such as 9090 /readyz\n");
		return EXIT_USAGE;
	}
	fd = dial(port);
	if (fd < 0) {
		printf("port %s: %m\n", argv[1]);
		return EXIT_FAILURE;
	}
	if (ask(fd, argv[2]))
		(void)hear(fd, answer);
	(void)close(fd);
	return judge(answer);
}
