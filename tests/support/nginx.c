/* SPDX-License-Identifier: Apache-2.0 */
#include "support/nginx.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PROGRAM "/usr/sbin/nginx"
#define TRIES 2000

static struct sockaddr_in local(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* The socket is bound and never listens: the port is nginx's as long as we hold it. */
static void find_port(struct nginx *nginx, size_t i)
{
	struct sockaddr_in address = local(0);
	socklen_t size = sizeof(address);
	int on = 1;

	nginx->held[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(
		setsockopt(nginx->held[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
	assert_return_code(bind(nginx->held[i], (struct sockaddr *)&address, size), 0);
	assert_return_code(getsockname(nginx->held[i], (struct sockaddr *)&address, &size), 0);
	nginx->port[i] = ntohs(address.sin_port);
}

void nginx_init(struct nginx *nginx)
{
	*nginx = (struct nginx){ .dir = "/tmp/orch-nginx-XXXXXX" };
	if (access(PROGRAM, X_OK) != 0)
		fail_msg("nginx is not installed; ./dev test installs Debian's nginx");
	assert_non_null(mkdtemp(nginx->dir));
	for (size_t i = 0; i < NGINX_PORTS; i++)
		find_port(nginx, i);
}

static void write_config(const struct nginx *nginx, const char *path, const char *http)
{
	static const char *const kinds[] = { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" };
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	(void)fprintf(file,
		"daemon off; master_process off; pid %s/pid; error_log %s/error.log;\n"
		"events { worker_connections 1024; }\nhttp {\naccess_log off;\n",
		nginx->dir, nginx->dir);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		(void)fprintf(file, "%s_temp_path %s/%s;\n", kinds[i], nginx->dir, kinds[i]);
	(void)fprintf(file, "%s\n}\n", http);
	assert_int_equal(fclose(file), 0);
}

static void wait_for(const struct nginx *nginx, uint16_t port)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	const struct sockaddr_in address = local(port);

	for (int i = 0; i < TRIES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int code = connect(fd, (const struct sockaddr *)&address, sizeof(address));

		(void)close(fd);
		if (code == 0)
			return;
		if (waitpid(nginx->pid, NULL, WNOHANG) != 0)
			break;
		(void)nanosleep(&pause, NULL);
	}
	fail_msg("nginx does not listen on port %u; see its words above", (unsigned)port);
}

void nginx_start(struct nginx *nginx, const char *http)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/nginx.conf", nginx->dir);
	write_config(nginx, path, http);
	nginx->pid = fork();
	assert_return_code(nginx->pid, 0);
	if (nginx->pid == 0) {
		(void)execl(PROGRAM, "nginx", "-e", "stderr", "-p", nginx->dir, "-c", path,
			(char *)NULL);
		_exit(127);
	}
	for (size_t i = 0; i < NGINX_PORTS; i++)
		wait_for(nginx, nginx->port[i]);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

void nginx_stop(struct nginx *nginx)
{
	(void)kill(nginx->pid, SIGTERM);
	(void)waitpid(nginx->pid, NULL, 0);
	for (size_t i = 0; i < NGINX_PORTS; i++)
		(void)close(nginx->held[i]);
	(void)nftw(nginx->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
