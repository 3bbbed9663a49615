/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/trial.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "plugin/loader.h"

#define TRIAL_S 10 /* so long a piece of a trial may take */

enum { TRIAL_RETURNED = 77 }; /* no code that a plugin is likely to exit with */

void orch_trial_begin_anew(void)
{
	(void)alarm(TRIAL_S);
}

static void run_in_child(void (*work)(void *arg), void *arg)
{
	static const int fatal[] = { SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	const struct sigaction to_default = { .sa_handler = SIG_DFL };
	const struct rlimit none = { 0, 0 };

	/* Nobody is to catch what ends a trial. */
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		(void)sigaction(fatal[i], &to_default, NULL);
	(void)setrlimit(RLIMIT_CORE, &none);
	orch_trial_begin_anew();
	work(arg);
	_exit(TRIAL_RETURNED);
}

static int judge(int status, const char *doing, struct orch_err *err)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		return orch_fail(err, ORCH_E_INVALID, "it did not come back within %d s while %s",
			TRIAL_S, doing);
	if (WIFSIGNALED(status))
		return orch_fail(err, ORCH_E_INVALID, "it crashed while %s (signal %d)", doing,
			WTERMSIG(status));
	if (WEXITSTATUS(status) != TRIAL_RETURNED)
		return orch_fail(err, ORCH_E_INVALID, "it ended the program while %s (exit %d)",
			doing, WEXITSTATUS(status));
	return ORCH_OK;
}

int orch_trial_run(
	void (*work)(void *arg), void *arg, const char *const *doing, struct orch_err *err)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return orch_fail(err, ORCH_E_INTERNAL, "no process to try it in: %s",
			orch_errno_text(errno));
	if (child == 0)
		run_in_child(work, arg);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return orch_fail(err, ORCH_E_INTERNAL, "%s", orch_errno_text(errno));
	return judge(status, *doing, err);
}

/* The parent finds the same, and says it. */
static void load(void *arg)
{
	const struct orch_plugin *plugin;
	struct orch_err err;
	int ignored = orch_plugin_load(arg, &plugin, &err);

	(void)ignored;
}

int orch_trial_load(const char *file, struct orch_err *err)
{
	/* What is lent to WORK is not const; this one only reads it. */
	union {
		const char *in;
		void *out;
	} name = { .in = file };
	const char *doing = "it was loaded";

	return orch_trial_run(load, name.out, &doing, err);
}

void *orch_trial_share(size_t size)
{
	/* The descriptor of anonymous memory is not looked at. */
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0, 0);

	return shared == MAP_FAILED ? NULL : shared;
}

void orch_trial_unshare(void *shared, size_t size)
{
	if (shared != NULL)
		(void)munmap(shared, size);
}
