/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/options.h"

#include <string.h>

#include "base/hash.h"
#include "base/text.h"

const char aws_help[] =
	"orchestrator-sim aws: SQS and Kinesis in a box, which fail just as they are told.\n"
	"\n"
	"Examples:\n"
	"  orchestrator-sim aws --listen 127.0.0.1:9200 --queue in --queue out,dead,5 "
	"--stream events:2\n"
	"      two queues, the second with a dead-letter queue after five receives, and a stream\n"
	"  orchestrator-sim aws --fault http,p=0.05,status=503 --fault duplicate,p=0.01 --seed 7\n"
	"      one request in twenty is refused, one message in a hundred comes twice\n"
	"  curl -d '{\"kind\":\"partial\",\"action\":\"SendMessageBatch\",\"count\":3}' "
	"http://127.0.0.1:9200/_sim/aws/fault\n"
	"      three entries of the next batches fail\n"
	"  curl -d '{\"skew_ms\":3600000}' http://127.0.0.1:9200/_sim/aws/clock\n"
	"      its clock is an hour ahead, and its Date header says so\n"
	"  curl 'http://127.0.0.1:9200/_sim/aws/wait?queue=in&left=0&timeout_ms=5000'\n"
	"      answers as soon as the queue is empty\n"
	"  curl http://127.0.0.1:9200/_sim/aws/audit\n"
	"      what was sent, delivered and deleted, and what is left\n"
	"\n"
	"Options:\n"
	"  --listen ADDRESS:PORT  127.0.0.1:0; port 0: any free one\n"
	"  --access-key ID        AKIDEXAMPLE\n"
	"  --secret-key KEY       example-secret-for-tests-only\n"
	"  --session-token TOKEN  none; requests must carry it if it is told\n"
	"  --no-auth              takes requests that are not signed\n"
	"  --region NAME          eu-west-1; signatures must be for it\n"
	"  --queue NAME[,DEAD,N]  makes a queue, with a dead-letter queue after N receives; again\n"
	"                         for more\n"
	"  --stream NAME[:SHARDS] makes a stream; 2 shards; again for more\n"
	"  --fault KIND[,MEMBER=VALUE...]\n"
	"                         as POST fault, see README.md; \"action=A+B\" for two actions;\n"
	"                         again for more\n"
	"  --seed N               faults and ids are drawn from it; without, from another each "
	"time\n"
	"  --skew-ms N            how far its clock is ahead; negative: behind\n"
	"  --no-shard-limits      shards take more than 1,000 records and 1 MiB a second\n"
	"  --keep N               messages that are over and still in the audit; 1000000\n"
	"  --public-url URL       what the queues' URLs begin with\n"
	"  --allow-remote         listen on other addresses than this machine's own, and let\n"
	"                         everybody there control it\n"
	"  --help\n"
	"\n"
	"Keys are made up for tests; never tell it real ones.\n"
	"Control: GET /_sim/aws/audit audit/messages audit/records audit/keys audit/log fault "
	"wait;\n"
	"POST fault release clock credentials config reshard down reset; DELETE fault.\n"
	"Exit: 0 after SIGINT or SIGTERM, 64 for a wrong command line, 69 if it cannot start.\n";

static void set_defaults(struct aws_options *options)
{
	*options = (struct aws_options){
		.listen = "127.0.0.1:0",
		.region = "eu-west-1",
		.access_key = "AKIDEXAMPLE",
		.secret_key = "example-secret-for-tests-only",
		.session_token = "",
		.keep = 1000000,
	};
	orch_random_bytes(&options->seed, sizeof(options->seed));
	options->seed >>= 16; /* easier to copy */
}

static bool set_switch(struct aws_options *options, const char *flag)
{
	const struct {
		const char *flag;
		bool *place;
	} switches[] = {
		{ "--no-auth", &options->takes_unsigned },
		{ "--no-shard-limits", &options->has_no_shard_limits },
		{ "--allow-remote", &options->allows_remote },
		{ "--help", &options->wants_help },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (strcmp(flag, switches[i].flag) != 0)
			continue;
		*switches[i].place = true;
		return true;
	}
	return false;
}

static bool set_text(struct aws_options *options, const char *flag, const char *value)
{
	const struct {
		const char *flag;
		const char **place;
	} texts[] = {
		{ "--listen", &options->listen },
		{ "--access-key", &options->access_key },
		{ "--secret-key", &options->secret_key },
		{ "--session-token", &options->session_token },
		{ "--region", &options->region },
		{ "--public-url", &options->public_url },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(flag, texts[i].flag) != 0)
			continue;
		*texts[i].place = value;
		return true;
	}
	return false;
}

static struct aws_option_list *find_list(struct aws_options *options, const char *flag)
{
	if (strcmp(flag, "--fault") == 0)
		return &options->faults;
	if (strcmp(flag, "--queue") == 0)
		return &options->queues;
	return strcmp(flag, "--stream") == 0 ? &options->streams : NULL;
}

static int set_skew(struct aws_options *options, struct orch_text value, struct orch_err *err)
{
	bool is_behind = value.len && value.ptr[0] == '-';
	uint64_t ms;

	if (is_behind)
		value = (struct orch_text){ value.ptr + 1, value.len - 1 };
	if (orch_text_to_uint(value, 0, AWS_SKEW_MS_MAX, &ms) != 0)
		return orch_fail(err, ORCH_E_INVALID, "--skew-ms is a number of milliseconds");
	options->skew_ms = is_behind ? -(int64_t)ms : (int64_t)ms;
	return ORCH_OK;
}

static int set_number(
	struct aws_options *options, const char *flag, const char *given, struct orch_err *err)
{
	struct orch_text value = orch_text_from(given);

	if (strcmp(flag, "--skew-ms") == 0)
		return set_skew(options, value, err);
	if (strcmp(flag, "--seed") == 0) {
		options->has_seed = true;
		if (orch_text_to_uint(value, 0, UINT64_MAX, &options->seed) == 0)
			return ORCH_OK;
		return orch_fail(err, ORCH_E_INVALID, "--seed is a number");
	}
	if (strcmp(flag, "--keep") == 0) {
		if (orch_text_to_uint(value, 1, 100000000, &options->keep) == 0)
			return ORCH_OK;
		return orch_fail(err, ORCH_E_INVALID, "--keep is 1 to 100000000");
	}
	return orch_fail(err, ORCH_E_INVALID, "%s: no such option; see --help", flag);
}

static int set_value(
	struct aws_options *options, const char *flag, const char *value, struct orch_err *err)
{
	struct aws_option_list *list = find_list(options, flag);

	if (!list)
		return set_text(options, flag, value) ? ORCH_OK
						      : set_number(options, flag, value, err);
	if (list->count == AWS_OPTION_LIST_MAX)
		return orch_fail(
			err, ORCH_E_LIMIT, "%s: at most %d times", flag, AWS_OPTION_LIST_MAX);
	list->at[list->count++] = value;
	return ORCH_OK;
}

static bool is_local(const char *listen)
{
	return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0 ||
		strncmp(listen, "localhost:", 10) == 0;
}

int aws_options_read(int argc, char **argv, struct aws_options *ret_options, struct orch_err *err)
{
	struct aws_options *options = ret_options;

	set_defaults(options);
	for (int i = 0; i < argc; i++) {
		int code;

		if (set_switch(options, argv[i]))
			continue;
		if (i + 1 == argc)
			return orch_fail(err, ORCH_E_INVALID,
				"%s: no such option, or its value is missing; see --help", argv[i]);
		code = set_value(options, argv[i], argv[i + 1], err);
		if (code)
			return code;
		i++;
	}
	if (options->wants_help || options->allows_remote || is_local(options->listen))
		return ORCH_OK;
	return orch_fail(err, ORCH_E_INVALID,
		"%s is not this machine's own address: anybody could control it; say "
		"--allow-remote if that is meant",
		options->listen);
}
