/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new configuration is tried by another process before this one takes it: a
 * plugin that crashes does so there.  A fork of ours would not do, for other
 * threads hold locks that it would wait for; so the program runs `check`.
 *
 * That is only asked whether a plugin crashes.  What else may be wrong is found
 * here, where the secrets are: what was taken out of the environment is not
 * put into anybody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "net/notify.h"
#include "pipeline/service_internal.h"

#define OUTPUT_BYTES (1024 * 1024)
#define TRIAL_MS 60000
#define POLL_MS 200

struct trial {
	pid_t pid;
	int fd; /* what it writes */
	struct orch_buf output;
};

static int spawn(const struct orch_service_options *options, int to, pid_t *ret_pid)
{
	/* What is spawned gets words of its own; ours are not written to. */
	union {
		const char *in;
		char *out;
	} program = { options->program }, file = { options->file };
	char check[] = "check", trial[] = "--trial", json[] = "--json", config[] = "-c";
	char *argv[] = { program.out, check, trial, json, config, file.out, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int error;

	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	error = posix_spawn_file_actions_init(&actions);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(
			&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn(
			ret_pid, options->program, &actions, &attributes, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return error;
}

static int start(const struct orch_service_options *options, struct trial *trial)
{
	int ends[2];
	int error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	error = spawn(options, ends[1], &trial->pid);
	(void)close(ends[1]);
	trial->fd = ends[0];
	if (error != 0)
		(void)close(ends[0]);
	return error;
}

/* False at the end. */
static bool read_some(struct trial *trial)
{
	char bytes[4096];
	ssize_t got = read(trial->fd, bytes, sizeof(bytes));

	if (got > 0)
		orch_buf_add(&trial->output, bytes, (size_t)got);
	return got > 0 || (got < 0 && errno == EINTR);
}

/* Reads until it ends, and has the watchdog know meanwhile that we wait and do not hang. */
static int await(struct trial *trial)
{
	uint64_t until_ms = orch_clock_mono_ms() + TRIAL_MS;
	struct pollfd poll_fd = { .fd = trial->fd, .events = POLLIN };
	bool goes_on = true;
	int status = 0;

	while (goes_on && orch_clock_mono_ms() < until_ms) {
		if (poll(&poll_fd, 1, POLL_MS) > 0)
			goes_on = read_some(trial);
		else if (orch_notify_watchdog_ms() > 0)
			orch_notify("WATCHDOG=1");
	}
	if (goes_on)
		(void)kill(trial->pid, SIGKILL);
	while (waitpid(trial->pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)close(trial->fd);
	return status;
}

static bool log_error(struct orch_text line)
{
	struct json_object *object = NULL;
	struct orch_text text = ORCH_TEXT_NONE;
	struct orch_err err;

	if (orch_json_parse(line, &object, &err) == ORCH_OK)
		text = orch_json_text(object, "error");
	if (text.len > 0)
		orch_log(ORCH_LOG_ERROR, "config.error", ORCH_LOG_TEXT("error", text));
	json_object_put(object);
	return text.len > 0;
}

static void log_reasons(const struct trial *trial, int status)
{
	struct orch_text rest = orch_buf_text(&trial->output), line;
	bool told = false;

	while (orch_text_split(&rest, '\n', &line))
		told = (line.len > 0 && log_error(line)) || told;
	if (!told)
		orch_log(ORCH_LOG_ERROR, "config.error",
			ORCH_LOG_STRING("error",
				"the process that tried it ended without a word; see what "
				"`orchestrator check` says"),
			ORCH_LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
			ORCH_LOG_INT("exit", WIFEXITED(status) ? WEXITSTATUS(status) : 0));
}

int orch_service_try_next(const struct orch_service *service)
{
	struct trial trial = { .pid = -1 };
	int error, status;

	if (service->options.program == NULL)
		return ORCH_OK;
	error = start(&service->options, &trial);
	if (error != 0) {
		orch_log(ORCH_LOG_ERROR, "config.error",
			ORCH_LOG_STRING("error", "there is no process to try it in"),
			ORCH_LOG_STRING("why", orch_errno_text(error)));
		return ORCH_E_AGAIN;
	}
	orch_buf_init(&trial.output, OUTPUT_BYTES);
	status = await(&trial);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		log_reasons(&trial, status);
	orch_buf_fini(&trial.output);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ORCH_OK : ORCH_E_INVALID;
}
