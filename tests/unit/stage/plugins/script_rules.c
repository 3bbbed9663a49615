/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script_rules: a tool by rules that fails to begin as its setting says.
 *
 *   need     wants at least one rule
 *   crash    create() crashes; mute: fails without a word; dirty: with a word for terminals
 *   odd      create() gives a code that there is not
 *   compile  compile() crashes; rule: if there is a rule
 *   timed    compile() crashes if the time of the rule before runs on
 *   blank    scan() fails without a word; strange: gives a code that there is not
 */
#include <orch/tool.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	const char *script;
};

static const struct orch_option options[] = {
	{ .name = "script",
		.type = ORCH_OPT_STRING,
		.offset = offsetof(struct settings, script),
		.fallback = "",
		.help = "How to fail." },
	{ .name = NULL },
};

static bool is_told(const void *settings, const char *script)
{
	return strcmp(((const struct settings *)settings)->script, script) == 0;
}

static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	(void)host;
	if (is_told(settings, "crash"))
		(void)raise(SIGSEGV);
	if (is_told(settings, "mute"))
		return ORCH_E_INVALID;
	if (is_told(settings, "odd"))
		return 7;
	if (is_told(settings, "dirty"))
		return orch_fail(err, ORCH_E_INVALID, "red \033[31m and \xff");
	*ret_self = malloc(1);
	return *ret_self == NULL ? orch_fail(err, ORCH_E_NOMEM, "no memory") : ORCH_OK;
}

/* A trial ends by SIGALRM; whoever is not tried has none set. */
static void crash_if_time_runs_on(void)
{
	unsigned left = alarm(2);

	if (left == 0)
		(void)alarm(0);
	else if (left <= 2)
		(void)raise(SIGSEGV);
}

static int compile(const struct orch_host *host, const void *settings,
	const struct orch_rule *rules, size_t count, void **ret_set, size_t *ret_bad,
	struct orch_err *err)
{
	(void)host, (void)rules, (void)ret_bad;
	if (is_told(settings, "compile") || (is_told(settings, "rule") && count > 0))
		(void)raise(SIGSEGV);
	if (is_told(settings, "timed") && count > 0)
		crash_if_time_runs_on();
	if (is_told(settings, "need") && count == 0)
		return orch_fail(err, ORCH_E_INVALID, "it wants a rule");
	*ret_set = malloc(1);
	if (*ret_set != NULL)
		*(char *)*ret_set = is_told(settings, "blank") ? 'b'
			: is_told(settings, "strange")         ? 's'
							       : '\0';
	return *ret_set == NULL ? orch_fail(err, ORCH_E_NOMEM, "no memory") : ORCH_OK;
}

static int scan(void *self, const void *set, const struct orch_event *event,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, struct orch_err *err)
{
	char way = *(const char *)set;

	(void)self, (void)event, (void)progress, (void)reply, (void)request, (void)sink, (void)err;
	return way == 'b' ? ORCH_E_INVALID : way == 's' ? 7 : ORCH_OK;
}

static const struct orch_tool_ops ops = {
	.size = sizeof(ops),
	.create = create,
	.compile = compile,
	.release = free,
	.scan = scan,
	.destroy = free,
};

ORCH_EXPORT const struct orch_plugin orch_plugin = {
	ORCH_ABI,
	.name = "script_rules",
	.version = "1.0",
	.summary = "fails to begin, as told",
	.settings_size = sizeof(struct settings),
	.options = options,
	.tool = &ops,
};
