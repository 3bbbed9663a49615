/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of rules: each rule that is read can be written and read again. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "pipeline/rulefile.h"

#define WRITTEN_BYTES ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_rule(const struct orch_stored_rule *rule, struct orch_arena *arena)
{
	struct json_object *object = NULL;
	struct orch_stored_rule again;
	struct orch_buf once, twice;
	struct orch_err err;

	orch_buf_init(&once, WRITTEN_BYTES);
	orch_buf_init(&twice, WRITTEN_BYTES);
	orch_rulefile_write_rule(&once, rule, false);
	require(!once.failed);
	require(orch_json_parse(orch_buf_text(&once), &object, &err) == ORCH_OK);
	require(orch_rulefile_parse_rule(object, arena, &again, &err) == ORCH_OK);
	json_object_put(object);
	orch_rulefile_write_rule(&twice, &again, false);
	require(orch_text_equal(orch_buf_text(&once), orch_buf_text(&twice)));
	orch_buf_fini(&once);
	orch_buf_fini(&twice);
}

static void read_file(const char *path)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_stored_rule *rules = NULL;
	struct orch_err err = { "" };
	size_t count = 0;

	require(arena != NULL);
	if (orch_rulefile_read(path, arena, &rules, &count, &err) != ORCH_OK)
		require(err.text[0] != '\0');
	for (size_t i = 0; i < count; i++)
		check_rule(&rules[i], arena);
	orch_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	int fd = memfd_create("rules", MFD_CLOEXEC);
	char path[64];

	require(fd >= 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, bytes, len) == (ssize_t)len)
		read_file(path);
	(void)close(fd);
	return 0;
}
