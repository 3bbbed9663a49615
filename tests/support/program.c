/* SPDX-License-Identifier: Apache-2.0 */
#include "support/program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define METRICS_BYTES (1024 * 1024)

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "program: %s: %s\n", what, strerrorname_np(errno));
	exit(EXIT_FAILURE);
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		give_up("port");
	(void)close(fd);
	return ntohs(address.sin_port);
}

static void write_config(const struct program *program, const struct program_options *options)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/orchestrator.cfg", program->dir);
	file = fopen(path, "we");
	if (file == NULL)
		give_up(path);
	fprintf(file,
		"state_dir = \"var\";\n"
		"http = { listen = \"127.0.0.1:%u\"; connections_per_address = 4096; };\n"
		"egress = { allow = [ \"127.0.0.1/32\" ]; };\n"
		"rules = [ \"%s\" ];\n"
		"credentials = (\n"
		"  { name = \"signing\"; env = \"BENCH_SIGNING\"; },\n"
		"  { name = \"bot\"; env = \"BENCH_TOKEN\"; scheme = \"bearer\"; hosts = [ "
		"\"127.0.0.1\" ]; });\n"
		"inputs = ({ name = \"slack\"; plugin = \"slack\"; path = \"/slack/events\";\n"
		"  signing_secret = \"signing\"; token = \"bot\"; api_url = "
		"\"http://127.0.0.1:%u/api/\"; });\n"
		"tools = ({ name = \"dlp\"; plugin = \"dlp\"; });\n"
		"actions = ({ name = \"block\"; plugin = \"slack_block\"; admin_token = \"bot\"; "
		"bot_token = \"bot\";\n"
		"  notify = false; api_url = \"http://127.0.0.1:%u/api/\"; in_flight = 256; });\n"
		"log = { level = \"warn\"; };\n"
		"pipelines = ({ name = \"bench\"; inputs = [ \"slack\" ]; tools = [ \"dlp\" ];\n"
		"  policy = ({ when = { severity = \"high\"; }; verdict = \"block\"; actions = [ "
		"\"block\" ]; }); });\n"
		"%s\n",
		program->port, options->rules, options->api_port, options->api_port,
		options->settings);
	if (fclose(file) != 0)
		give_up(path);
}

/* GET PATH; the answer's head and body in BUF.  Less than 0: nobody answers. */
static ssize_t get(const struct program *program, const char *path, char *buf, size_t size)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(program->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 0;
	ssize_t got = -1;
	char request[128];
	int request_len = snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n", path);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		send(fd, request, (size_t)request_len, MSG_NOSIGNAL) == request_len)
		while (len + 1 < size && (got = recv(fd, buf + len, size - 1 - len, 0)) > 0)
			len += (size_t)got;
	(void)close(fd);
	buf[len] = '\0';
	return got < 0 ? -1 : (ssize_t)len;
}

static void wait_until_ready(const struct program *program)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	char buf[1024];

	for (int i = 0; i < 1000; i++) {
		if (get(program, "/readyz", buf, sizeof(buf)) > 0 &&
			strncmp(buf, "HTTP/1.1 200", 12) == 0)
			return;
		if (waitpid(program->pid, NULL, WNOHANG) != 0)
			break;
		(void)nanosleep(&pause, NULL);
	}
	fprintf(stderr, "program: the orchestrator did not start\n");
	exit(EXIT_FAILURE);
}

static _Noreturn void run_child(
	const struct program *program, const struct program_options *options)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/orchestrator.cfg", program->dir);
	(void)setenv("BENCH_SIGNING", PROGRAM_SIGNING_SECRET, 1);
	(void)setenv("BENCH_TOKEN", "xoxb-bench-token", 1);
	(void)execl(options->binary, "orchestrator", "run", "-c", path, "--stages", options->stages,
		(char *)NULL);
	_exit(127);
}

void program_start(const struct program_options *options, struct program *ret_program)
{
	(void)snprintf(
		ret_program->dir, sizeof(ret_program->dir), "%s", "/var/tmp/orch-bench-XXXXXX");
	if (mkdtemp(ret_program->dir) == NULL)
		give_up(ret_program->dir);
	ret_program->port = free_port();
	write_config(ret_program, options);
	ret_program->pid = fork();
	if (ret_program->pid < 0)
		give_up("fork");
	if (ret_program->pid == 0)
		run_child(ret_program, options);
	wait_until_ready(ret_program);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

void program_stop(struct program *program)
{
	(void)kill(program->pid, SIGTERM);
	(void)waitpid(program->pid, NULL, 0);
	(void)nftw(program->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static size_t read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (len < 0)
		give_up(path);
	(void)close(fd);
	buf[len] = '\0';
	return (size_t)len;
}

double process_cpu_seconds(pid_t pid)
{
	char buf[1024], *at;
	unsigned long user, kernel;

	(void)read_proc(pid, "stat", buf, sizeof(buf));
	at = strrchr(buf, ')');
	/* Twelve fields stand between the name and the times. */
	for (int field = 0; at != NULL && field < 12; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		give_up("stat");
	user = strtoul(at, &at, 10);
	kernel = strtoul(at, &at, 10);
	return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

double program_cpu_seconds(const struct program *program)
{
	return process_cpu_seconds(program->pid);
}

double program_peak_mib(const struct program *program)
{
	char buf[8192], *at;

	(void)read_proc(program->pid, "status", buf, sizeof(buf));
	at = strstr(buf, "VmHWM:");
	return at == NULL ? 0 : strtod(at + 6, NULL) / 1024;
}

double program_metric(const struct program *program, const char *series)
{
	char *buf = malloc(METRICS_BYTES);
	double value = 0;
	char *at;

	if (buf == NULL)
		give_up("memory");
	if (get(program, "/metrics", buf, METRICS_BYTES) > 0) {
		at = strstr(buf, series);
		if (at != NULL)
			value = strtod(at + strlen(series), NULL);
	}
	free(buf);
	return value;
}
