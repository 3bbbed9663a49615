/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with a configuration in it, and what is built of that. */
#ifndef ORCH_TEST_PIPELINE_HOUSE_H
#define ORCH_TEST_PIPELINE_HOUSE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "pipeline/build.h"
#include "pipeline/keep.h"
#include "support/text_assert.h"

#define HOUSE_PATH                                                                 \
	"plugins = { path = [ \"" TEST_BINARY_DIR "/plugins\", \"" TEST_BINARY_DIR \
	"/tests/script_plugins\" ]; };"
#define HOUSE_TOOL HOUSE_PATH "tools = ( { name = \"dlp\"; plugin = \"dlp\"; } );"
/* All that a run needs: without a place to listen, and with one. */
#define HOUSE_REST                                                                              \
	HOUSE_TOOL                                                                              \
	"egress = { allow = [ \"127.0.0.0/8\" ]; };"                                            \
	"inputs = ( { name = \"in\"; plugin = \"script_input\"; path = \"/in\"; } );"           \
	"actions = ( { name = \"act\"; plugin = \"script_action\"; } );"                        \
	"pipelines = ( { name = \"p\"; inputs = [ \"in\" ]; tools = [ \"dlp\" ]; policy = ( { " \
	"when = { findings = 1; }; verdict = \"flag\"; actions = [ \"act\" ]; } ); } );"
#define HOUSE_WHOLE HOUSE_REST "http = { listen = \"127.0.0.1:0\"; };"

struct house {
	char dir[64], file[96];
	struct orch_arena *arena;
	struct orch_plan *plan;
	struct orch_keep keep;
	char report[8192];
};

static inline int house_open(void **state)
{
	struct house *h = calloc(1, sizeof(*h));

	(void)snprintf(h->dir, sizeof(h->dir), "/tmp/orch-house-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	(void)snprintf(h->file, sizeof(h->file), "%s/orchestrator.cfg", h->dir);
	h->arena = orch_arena_create(0);
	*state = h;
	return 0;
}

static inline void house_remove(const char *dir)
{
	char *paths[] = { (char *)(uintptr_t)dir, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while ((entry = fts_read(tree)) != NULL)
		if (entry->fts_info != FTS_D)
			(void)remove(entry->fts_accpath);
	(void)fts_close(tree);
}

static inline int house_close(void **state)
{
	struct house *h = *state;

	orch_plan_unref(h->plan);
	if (h->keep.queue != NULL)
		orch_keep_close(&h->keep);
	orch_arena_destroy(h->arena);
	house_remove(h->dir);
	free(h);
	return 0;
}

/* NAME within the house, with BYTES. */
static inline const char *house_write(struct house *h, const char *name, const char *bytes)
{
	const char *path = orch_arena_printf(h->arena, "%s/%s", h->dir, name).ptr;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(bytes, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static inline void house_config(struct house *h, const char *bytes)
{
	(void)house_write(h, "orchestrator.cfg", bytes);
}

/* What is wrong goes to the house's report. */
static inline void house_keep_report(struct house *h, struct orch_buf *report)
{
	(void)snprintf(h->report, sizeof(h->report), "%s", report->len > 0 ? report->ptr : "");
	orch_buf_fini(report);
}

/* Nothing of AWS's is there but what a test puts there. */
static inline void house_clear_aws(struct house *h)
{
	static const char *const names[] = { "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
		"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS",
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(unsetenv(names[i]), 0);
	assert_int_equal(setenv("HOME", h->dir, 1), 0);
	assert_int_equal(setenv("AWS_EC2_METADATA_DISABLED", "true", 1), 0);
}

/* Builds what stands there; what is wrong is in the report. */
static inline int house_build(struct house *h, enum orch_build_depth depth)
{
	struct orch_buf report;
	int rc;

	orch_buf_init(&report, sizeof(h->report) - 1);
	rc = orch_build(h->file, depth, &report, &h->plan);
	house_keep_report(h, &report);
	return rc;
}

/* CONFIG is wrong, and WHY stands in the report. */
static inline void house_assert_refused(struct house *h, const char *config, const char *why)
{
	house_config(h, config);
	assert_int_equal(house_build(h, ORCH_BUILD_WHOLE), ORCH_E_INVALID);
	assert_contains(h->report, why);
}

/* A plan of CONFIG's tools, which must be right. */
static inline void house_tools(struct house *h, const char *config)
{
	house_config(h, config);
	if (house_build(h, ORCH_BUILD_TOOLS) != ORCH_OK)
		fail_msg("%s", h->report);
}

static inline void house_keep(struct house *h)
{
	struct orch_err err = { "" };

	if (orch_keep_open(h->plan->config, &h->keep, &err) != ORCH_OK)
		fail_msg("%s", err.text);
}

#endif
