/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin with one thing wrong.  CMakeLists.txt builds it many times, each
 * time with another of these names defined to something that must be refused.
 */
#include <signal.h>
#include <stdlib.h>

#include <orch/action.h>
#include <orch/input.h>
#include <orch/tool.h>

#ifndef MAJOR
#define MAJOR ORCH_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR ORCH_ABI_MINOR
#endif
#ifndef SIZE
#define SIZE sizeof(struct orch_plugin)
#endif
#ifndef NAME
#define NAME FILE_NAME
#endif
#ifndef VERSION
#define VERSION "1.0"
#endif
#ifndef SUMMARY
#define SUMMARY "is broken on purpose"
#endif
#ifndef SETTINGS_SIZE
#define SETTINGS_SIZE sizeof(struct settings)
#endif
#ifndef OPTIONS
#define OPTIONS sound
#endif
#ifndef INPUT
#define INPUT NULL
#endif
#ifndef TOOL
#define TOOL &tool_ops
#endif
#ifndef ACTION
#define ACTION NULL
#endif
#ifndef OPS_CUT
#define OPS_CUT 0
#endif
#ifndef CREATE
#define CREATE create
#endif
#ifndef MAIN_HOOK
#define MAIN_HOOK 1
#endif
#ifndef DESTROY
#define DESTROY destroy
#endif
#ifndef TRANSPORTS
#define TRANSPORTS ORCH_HTTP
#endif
#ifndef COMPILE
#define COMPILE NULL
#endif
#ifndef RELEASE
#define RELEASE NULL
#endif
#ifndef TICK
#define TICK NULL
#endif
#ifndef EXPORTED
#define EXPORTED orch_plugin
#endif

#define UNUSED __attribute__((unused))

struct settings {
	const char *word;
	int64_t number;
	uint64_t amount;
	uint32_t choice;
	bool flag;
	orch_credential secret;
	const struct orch_template *form;
	struct orch_list words;
};

#define ROW(member, kind, ...)                                                     \
	{                                                                          \
		.name = #member, .type = (kind),                                   \
		.offset = (uint32_t)offsetof(struct settings, member), __VA_ARGS__ \
	}
#define TABLE(table, ...) \
	static const struct orch_option table[] UNUSED = { __VA_ARGS__, { .name = NULL } }

TABLE(sound, ROW(word, ORCH_OPT_STRING, .fallback = "a"),
	ROW(number, ORCH_OPT_INT, .fallback = "5", .min = 1, .max = 9),
	ROW(choice, ORCH_OPT_CHOICE, .fallback = "b", .choices = "a|b"),
	ROW(words, ORCH_OPT_LIST, .fallback = "a, b"),
	ROW(secret, ORCH_OPT_CREDENTIAL, .fallback = ""),
	ROW(form, ORCH_OPT_TEMPLATE, .fallback = "{event.id}"));
TABLE(outside, { .name = "far", .type = ORCH_OPT_LIST, .offset = sizeof(struct settings) - 8 });
TABLE(beyond, { .name = "far", .type = ORCH_OPT_BOOL, .offset = 4000000000u });
TABLE(crooked, { .name = "odd", .type = ORCH_OPT_INT, .offset = 3 });
TABLE(untyped, { .name = "word", .type = 99 });
TABLE(typeless, { .name = "word", .type = 0 });
TABLE(doubled, ROW(word, ORCH_OPT_STRING), ROW(word, ORCH_OPT_STRING));
TABLE(core_key, { .name = "timeout", .type = ORCH_OPT_TIME, .offset = 8 });
TABLE(odd_name, { .name = "Word!", .type = ORCH_OPT_STRING });
TABLE(bad_number, ROW(number, ORCH_OPT_INT, .fallback = "5 apples"));
TABLE(bad_range, ROW(number, ORCH_OPT_INT, .fallback = "50", .min = 1, .max = 9));
TABLE(bad_bool, ROW(flag, ORCH_OPT_BOOL, .fallback = "yes"));
TABLE(bad_time, ROW(amount, ORCH_OPT_TIME, .fallback = "5"));
TABLE(bad_size, ROW(amount, ORCH_OPT_SIZE, .fallback = "5X"));
TABLE(bad_url, ROW(word, ORCH_OPT_URL, .fallback = "slack.com"));
TABLE(bad_form, ROW(form, ORCH_OPT_TEMPLATE, .fallback = "{event.name}"));
TABLE(bad_choice, ROW(choice, ORCH_OPT_CHOICE, .fallback = "c", .choices = "a|b"));
TABLE(no_choices, ROW(choice, ORCH_OPT_CHOICE, .fallback = "a"));
TABLE(credential, ROW(secret, ORCH_OPT_CREDENTIAL, .fallback = "slack-bot"));
TABLE(upside_down, ROW(number, ORCH_OPT_INT, .min = 9, .max = 1));

static const struct orch_option endless[300] UNUSED = {
#define A(n) [n] = { .name = "a" #n, .type = ORCH_OPT_STRING }
#define TEN(n) \
	A(n##0), A(n##1), A(n##2), A(n##3), A(n##4), A(n##5), A(n##6), A(n##7), A(n##8), A(n##9)
#define HUNDRED(n)                                                                              \
	TEN(n##0), TEN(n##1), TEN(n##2), TEN(n##3), TEN(n##4), TEN(n##5), TEN(n##6), TEN(n##7), \
		TEN(n##8), TEN(n##9)
	A(0),
	A(1),
	A(2),
	A(3),
	A(4),
	A(5),
	A(6),
	A(7),
	A(8),
	A(9),
	TEN(1),
	TEN(2),
	TEN(3),
	TEN(4),
	TEN(5),
	TEN(6),
	TEN(7),
	TEN(8),
	TEN(9),
	HUNDRED(1),
	HUNDRED(2),
};

#ifdef CRASH
__attribute__((constructor)) static void crash(void)
{
	(void)raise(SIGSEGV);
}
#endif
#ifdef LEAVE
__attribute__((constructor)) static void leave(void)
{
	exit(0);
}
#endif

UNUSED static int create(
	const struct orch_host *host, const void *settings, void **ret_self, struct orch_err *err)
{
	(void)host, (void)settings, (void)err;
	*ret_self = NULL;
	return ORCH_OK;
}

UNUSED static void destroy(void *self)
{
	(void)self;
}

UNUSED static int receive(void *self, const struct orch_arrival *arrival, struct orch_sink *sink,
	struct orch_answer *answer, struct orch_err *err)
{
	(void)self, (void)arrival, (void)sink, (void)answer, (void)err;
	return ORCH_OK;
}

#ifdef UNDEFINED
int nobody_defines_this(void);
#endif

UNUSED static int scan(void *self, const void *set, const struct orch_event *event,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, struct orch_err *err)
{
	(void)self, (void)set, (void)event, (void)progress, (void)reply, (void)request;
	(void)sink, (void)err;
#ifdef UNDEFINED
	return nobody_defines_this();
#else
	return ORCH_OK;
#endif
}

UNUSED static int compile(const struct orch_host *host, const void *settings,
	const struct orch_rule *rules, size_t count, void **ret_set, size_t *ret_bad,
	struct orch_err *err)
{
	(void)host, (void)settings, (void)rules, (void)count, (void)ret_bad, (void)err;
	*ret_set = NULL;
	return ORCH_OK;
}

UNUSED static int tick(void *self, uint64_t now_ms, struct orch_sink *sink, struct orch_err *err)
{
	(void)self, (void)now_ms, (void)sink, (void)err;
	return ORCH_OK;
}

UNUSED static int act(void *self, const struct orch_task *tasks, size_t count,
	struct orch_progress *progress, const struct orch_reply *reply,
	struct orch_request *request, struct orch_sink *sink, int *ret_codes, struct orch_err *err)
{
	(void)self, (void)tasks, (void)count, (void)progress, (void)reply, (void)request;
	(void)sink, (void)ret_codes, (void)err;
	return ORCH_OK;
}

UNUSED static const struct orch_input_ops input_ops = {
	.size = sizeof(input_ops) - OPS_CUT,
	.transports = TRANSPORTS,
	.create = CREATE,
	.receive = MAIN_HOOK ? receive : NULL,
	.destroy = DESTROY,
};

UNUSED static const struct orch_tool_ops tool_ops = {
	.size = sizeof(tool_ops) - OPS_CUT,
	.create = CREATE,
	.compile = COMPILE,
	.release = RELEASE,
	.scan = MAIN_HOOK ? scan : NULL,
	.tick = TICK,
	.destroy = DESTROY,
};

UNUSED static const struct orch_action_ops action_ops = {
	.size = sizeof(action_ops) - OPS_CUT,
	.create = CREATE,
	.act = MAIN_HOOK ? act : NULL,
	.destroy = DESTROY,
};

#ifdef AS_FUNCTION
ORCH_EXPORT int plugin_function(void) __asm__("orch_plugin");
int plugin_function(void)
{
	return 0;
}
#elif defined(AS_NUMBER)
/* Not in C, where a sanitizer would put a red zone behind it and count it in. */
__asm__(".pushsection .rodata\n"
	".globl orch_plugin\n"
	".type orch_plugin, %object\n"
	".size orch_plugin, 4\n"
	"orch_plugin: .long 1\n"
	".popsection\n");
#else
ORCH_EXPORT extern const struct orch_plugin EXPORTED;
ORCH_EXPORT const struct orch_plugin EXPORTED = {
	.abi_major = MAJOR,
	.abi_minor = MINOR,
	.size = (uint32_t)(SIZE),
	.settings_size = (uint32_t)(SETTINGS_SIZE),
	.name = NAME,
	.version = VERSION,
	.summary = SUMMARY,
	.options = OPTIONS,
	.input = INPUT,
	.tool = TOOL,
	.action = ACTION,
};
#endif
