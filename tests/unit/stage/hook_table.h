/* SPDX-License-Identifier: Apache-2.0 */
/* A hook that does as a table says, with a stand-in for the other side. */
#ifndef ORCH_TEST_HOOK_TABLE_H
#define ORCH_TEST_HOOK_TABLE_H
#include "stage/hook.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "support/http_world.h"
#include "support/text_assert.h"
#include "unit/stage/script.h"

#define REPLIES 8

/* The plugin of the hook has one option: a file. */
struct table_settings {
	const char *file;
};

static const struct orch_option table_options[] = {
	{ .name = "file", .type = ORCH_OPT_PATH, .offset = offsetof(struct table_settings, file) },
	{ .name = NULL },
};

static const struct orch_plugin table_plugin = { ORCH_ABI, .name = "table",
	.options = table_options };

/* A lane's bench, a run on it, and what the hook is told to do. */
struct table {
	struct http_world http;
	struct orch_bench bench;
	struct orch_config_instance instance;
	struct orch_run run;
	struct script script;
	char dir[64], url[128], file[96];
	struct table_settings settings;

	/* what the hook does: sends until it has had WANTED replies, then gives END */
	int wanted, end;
	const char *method, *part, *limit_key;
	uint64_t max_bytes;
	orch_account account;
	bool moves; /* takes a step with each reply */
	bool keeps; /* the run has a checkpoint */
	int keep_code;

	/* what it saw */
	int entered, replied, kept, ended, code;
	int statuses[REPLIES];
	char bodies[REPLIES][8192], problem[256], headers[256];
	bool resumed[REPLIES];
	struct orch_blob *blob;
	bool truncated;
	char part_name[32];
};

static inline int enter(struct orch_run *run, const struct orch_reply *reply,
	struct orch_request *request, struct orch_err *err)
{
	struct table *t = run->user;

	t->resumed[t->entered++ % REPLIES] = run->progress.resumed;
	if (reply != NULL) {
		int at = t->replied++ % REPLIES;

		t->statuses[at] = reply->status;
		(void)snprintf(
			t->bodies[at], sizeof(t->bodies[at]), "%.*s", ORCH_TEXT_ARG(reply->body));
		(void)snprintf(
			t->problem, sizeof(t->problem), "%.*s", ORCH_TEXT_ARG(reply->problem));
		(void)snprintf(
			t->headers, sizeof(t->headers), "%.*s", ORCH_TEXT_ARG(reply->headers));
		if (t->moves) {
			run->progress.step++;
			(void)snprintf(run->progress.memo, sizeof(run->progress.memo), "step %u",
				run->progress.step);
		}
	}
	if (t->replied >= t->wanted)
		return t->end < 0 ? orch_fail(err, t->end, "it has had enough") : t->end;
	request->method = orch_text_from(t->method);
	request->url = orch_text_from(t->url);
	request->body = ORCH_TEXT("the body");
	request->limit_key = orch_text_from(t->limit_key);
	request->part = orch_text_from(t->part);
	request->max_bytes = t->max_bytes;
	request->account = t->account;
	return ORCH_SEND;
}

static inline void checkpoint(struct orch_run *run)
{
	struct table *t = run->user;

	t->kept++;
	orch_run_go_on(run, t->keep_code);
}

static inline void take_part(
	struct orch_run *run, struct orch_text name, struct orch_blob *blob, bool truncated)
{
	struct table *t = run->user;

	orch_blob_destroy(t->blob);
	t->blob = blob;
	t->truncated = truncated;
	(void)snprintf(t->part_name, sizeof(t->part_name), "%.*s", ORCH_TEXT_ARG(name));
}

static inline void done(struct orch_run *run, int code)
{
	struct table *t = run->user;

	t->ended++;
	t->code = code;
	orch_lane_quit(t->http.lane);
}

static inline int lay_table(void **state)
{
	struct table *t = calloc(1, sizeof(*t));

	http_world_init(&t->http, NULL);
	(void)snprintf(t->dir, sizeof(t->dir), "/tmp/orch-hook-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->bench = (struct orch_bench){ .lane = t->http.lane,
		.client = t->http.client,
		.pauses = orch_pauses_create(),
		.outlets = orch_outlets_create(NULL),
		.spool_dir = t->dir };
	t->instance =
		(struct orch_config_instance){ .name = ORCH_TEXT("one"), .timeout_ms = 30000 };
	t->settings.file = t->file;
	t->wanted = 1;
	t->method = "POST";
	t->run = (struct orch_run){ .bench = &t->bench,
		.egress = &t->http.egress,
		.instance = &t->instance,
		.plugin = &table_plugin,
		.settings = &t->settings,
		.name = "act",
		.duration = orch_metric(ORCH_METRIC_SECONDS, "test_seconds", "Of the hook."),
		.requests_max = 50,
		.hook_ms = 60000,
		.wait_max_ms = 10000,
		.part_bytes = 100000,
		.progress = { .attempt = 1 },
		.enter = enter,
		.part = take_part,
		.done = done,
		.user = t };
	*state = t;
	return 0;
}

static inline int clear_table(void **state)
{
	struct table *t = *state;

	orch_run_fini(&t->run);
	orch_blob_destroy(t->blob);
	http_world_fini(&t->http);
	if (t->script.stand_in != NULL)
		script_stop(&t->script);
	orch_pauses_destroy(t->bench.pauses);
	orch_outlets_destroy(t->bench.outlets);
	assert_int_equal(rmdir(t->dir), 0);
	free(t);
	return 0;
}

static inline void set_url(struct table *t)
{
	(void)snprintf(t->url, sizeof(t->url), "http://127.0.0.1:%u/x",
		(unsigned)stand_in_port(t->script.stand_in));
}

/* Until done. */
static inline void run(struct table *t)
{
	if (t->keeps)
		t->run.checkpoint = checkpoint;
	orch_run_start(&t->run);
	if (t->ended == 0)
		orch_lane_run(t->http.lane);
	assert_int_equal(t->ended, 1);
}

#endif
