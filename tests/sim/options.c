/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char sim_help[] =
	"orchestrator-sim slack: a small Slack workspace in a box, strict where Slack is strict.\n"
	"\n"
	"Examples:\n"
	"  orchestrator-sim slack --page\n"
	"      the workspace at http://127.0.0.1:9100/, events to "
	"http://127.0.0.1:8080/slack/events\n"
	"  curl -d '{\"channel\":\"general\",\"user\":\"alice\",\"text\":\"hello\"}' "
	"http://127.0.0.1:9100/sim/message\n"
	"      somebody says something\n"
	"  curl -d '{\"method\":\"chat.delete\",\"kind\":\"status\",\"status\":503,\"count\":2}' "
	"http://127.0.0.1:9100/sim/fault\n"
	"      the next two calls of chat.delete fail\n"
	"  curl 'http://127.0.0.1:9100/sim/wait?call=chat.delete&count=1&timeout_ms=5000'\n"
	"      answers as soon as one such call has come\n"
	"  curl http://127.0.0.1:9100/sim/state\n"
	"      everything: messages, files, calls, deliveries\n"
	"\n"
	"Options:\n"
	"  --listen ADDRESS:PORT      127.0.0.1:9100; port 0: any free one\n"
	"  --events-url URL           http://127.0.0.1:8080/slack/events\n"
	"  --signing-secret-env NAME  SLACK_SIGNING_SECRET, or a demo value if that is not set\n"
	"  --signing-secret-file FILE\n"
	"  --bot-token-env NAME       SLACK_BOT_TOKEN, or a demo value\n"
	"  --bot-token-file FILE\n"
	"  --admin-token-env NAME     SLACK_ADMIN_TOKEN, or a demo value\n"
	"  --admin-token-file FILE\n"
	"  --page                     show the workspace in a browser at /\n"
	"  --seed N                   ids are drawn from it; 1\n"
	"  --retry-delays A,B,C       before the three retries of an event, in seconds or as "
	"500ms;\n"
	"                             0,60,300\n"
	"  --tier-limits              answer 429 as Slack's tiers do\n"
	"  --keep N                   newest messages, calls and deliveries that are kept; 100000\n"
	"  --quiet                    keep no calls and deliveries, only counts\n"
	"  --public-url URL           the address that files' links begin with\n"
	"  --allow-remote             listen on other addresses than this machine's own, and let\n"
	"                             everybody there control the workspace\n"
	"  --help\n"
	"\n"
	"Secrets come from the environment or from files, never from the command line.\n"
	"Control: POST /sim/message edit delete file file_change file_public event verify fault\n"
	"release channel user token limits config reset; GET /sim/state wait stream; DELETE "
	"/sim/fault.\n"
	"Exit: 0 after SIGINT or SIGTERM, 64 for a wrong command line, 69 if it cannot start.\n";

static int read_file(const char *path, char *ret, size_t size, struct orch_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (fd >= 0)
		(void)close(fd);
	if (len < 0)
		return orch_fail(err, ORCH_E_INVALID, "%s: cannot be read", path);
	while (len > 0 && (ret[len - 1] == '\n' || ret[len - 1] == '\r'))
		len--;
	ret[len] = '\0';
	return ORCH_OK;
}

static void use(
	struct sim_secret_source *source, const char *value, const char *kind, const char *name)
{
	sim_keep(source->value, sizeof(source->value), orch_text_from(value));
	(void)snprintf(source->origin, sizeof(source->origin), "%s %s", kind, name);
}

static int find_secret(struct sim_secret_source *source, struct orch_err *err)
{
	const char *value = getenv(source->env ? source->env : source->default_env);

	if (source->file) {
		(void)snprintf(source->origin, sizeof(source->origin), "from %s", source->file);
		if (read_file(source->file, source->value, sizeof(source->value), err) != 0)
			return ORCH_E_INVALID;
	} else if (value && *value) {
		use(source, value, "from the environment's",
			source->env ? source->env : source->default_env);
	} else if (source->env) {
		return orch_fail(
			err, ORCH_E_INVALID, "%s is not set in the environment", source->env);
	} else {
		use(source, source->demo, "demo value", source->demo);
	}
	if (!source->value[0])
		return orch_fail(err, ORCH_E_INVALID, "%s: is empty", source->origin);
	return ORCH_OK;
}

int sim_options_read_delays(
	struct orch_text text, uint64_t ret_ms[SIM_RETRIES], struct orch_err *err)
{
	struct orch_text piece;
	uint64_t ms[SIM_RETRIES];
	size_t count = 0;

	while (orch_text_split(&text, ',', &piece)) {
		uint64_t value;

		if (count == SIM_RETRIES)
			return orch_fail(err, ORCH_E_INVALID, "three delays, as in 0,60,300");
		if (orch_text_to_uint(piece, 0, 86400, &value) == 0)
			value *= 1000;
		else if (orch_text_to_ms(piece, &value) != 0)
			return orch_fail(
				err, ORCH_E_INVALID, "a delay is in seconds or like 500ms");
		ms[count++] = value;
	}
	if (count != SIM_RETRIES)
		return orch_fail(err, ORCH_E_INVALID, "three delays, as in 0,60,300");
	memcpy(ret_ms, ms, sizeof(ms));
	return ORCH_OK;
}

static void set_defaults(struct sim_options *options)
{
	*options = (struct sim_options){
		.listen = "127.0.0.1:9100",
		.events_url = "http://127.0.0.1:8080/slack/events",
		.signing = { .default_env = "SLACK_SIGNING_SECRET", .demo = "demo-signing-secret" },
		.bot = { .default_env = "SLACK_BOT_TOKEN", .demo = "demo-bot-token" },
		.admin = { .default_env = "SLACK_ADMIN_TOKEN", .demo = "demo-admin-token" },
		.seed = 1,
		.keep = 100000,
		.retry_ms = { 0, 60000, 300000 },
	};
}

/* The place of a flag's text value; NULL: it has none, or is no such flag. */
static const char **find_text(struct sim_options *options, const char *flag)
{
	const struct {
		const char *flag;
		const char **place;
	} texts[] = {
		{ "--listen", &options->listen },
		{ "--events-url", &options->events_url },
		{ "--public-url", &options->public_url },
		{ "--signing-secret-env", &options->signing.env },
		{ "--signing-secret-file", &options->signing.file },
		{ "--bot-token-env", &options->bot.env },
		{ "--bot-token-file", &options->bot.file },
		{ "--admin-token-env", &options->admin.env },
		{ "--admin-token-file", &options->admin.file },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(flag, texts[i].flag) == 0)
			return texts[i].place;
	return NULL;
}

static bool *find_switch(struct sim_options *options, const char *flag)
{
	const struct {
		const char *flag;
		bool *place;
	} switches[] = {
		{ "--page", &options->has_page },
		{ "--tier-limits", &options->use_tiers },
		{ "--quiet", &options->is_quiet },
		{ "--allow-remote", &options->allows_remote },
		{ "--help", &options->wants_help },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (strcmp(flag, switches[i].flag) == 0)
			return switches[i].place;
	return NULL;
}

static int set_number(
	struct sim_options *options, const char *flag, const char *value, struct orch_err *err)
{
	struct orch_text text = orch_text_from(value);

	if (strcmp(flag, "--retry-delays") == 0)
		return sim_options_read_delays(text, options->retry_ms, err);
	if (strcmp(flag, "--seed") == 0) {
		if (orch_text_to_uint(text, 0, INT64_MAX, &options->seed) == 0)
			return ORCH_OK;
		return orch_fail(err, ORCH_E_INVALID, "--seed is a number");
	}
	if (strcmp(flag, "--keep") == 0) {
		if (orch_text_to_uint(text, 1, 10000000, &options->keep) == 0)
			return ORCH_OK;
		return orch_fail(err, ORCH_E_INVALID, "--keep is 1 to 10000000");
	}
	return orch_fail(err, ORCH_E_INVALID, "%s: no such option; see --help", flag);
}

static bool is_local(const char *listen)
{
	return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0 ||
		strncmp(listen, "localhost:", 10) == 0;
}

static int read_flags(int argc, char **argv, struct sim_options *options, struct orch_err *err)
{
	for (int i = 0; i < argc; i++) {
		bool *flag = find_switch(options, argv[i]);
		const char **text;
		int error;

		if (flag) {
			*flag = true;
			continue;
		}
		if (i + 1 == argc)
			return orch_fail(err, ORCH_E_INVALID,
				"%s: no such option, or its value is missing; see --help", argv[i]);
		text = find_text(options, argv[i]);
		error = text ? ORCH_OK : set_number(options, argv[i], argv[i + 1], err);
		if (error)
			return error;
		i++;
		if (text)
			*text = argv[i];
	}
	return ORCH_OK;
}

int sim_options_read(int argc, char **argv, struct sim_options *ret_options, struct orch_err *err)
{
	struct sim_options *options = ret_options;
	int error;

	set_defaults(options);
	error = read_flags(argc, argv, options, err);
	if (error || options->wants_help)
		return error;
	if (!options->allows_remote && !is_local(options->listen))
		return orch_fail(err, ORCH_E_INVALID,
			"%s is not this machine's own address: anybody could control the "
			"workspace; say --allow-remote if that is meant",
			options->listen);
	error = find_secret(&options->signing, err);
	if (!error)
		error = find_secret(&options->bot, err);
	return error ? error : find_secret(&options->admin, err);
}

void sim_options_wipe(struct sim_options *options)
{
	explicit_bzero(options->signing.value, sizeof(options->signing.value));
	explicit_bzero(options->bot.value, sizeof(options->bot.value));
	explicit_bzero(options->admin.value, sizeof(options->admin.value));
}
