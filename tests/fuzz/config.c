/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as orchestrator.cfg: read whole or refused, and in the end everything is given back. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "config/config.h"

#define BYTES_MAX 16384 /* libconfig looks for doubled keys one by one */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void read_and_print(const char *file)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_config_errors errors;
	struct orch_config *config;

	if (arena == NULL)
		abort();
	orch_config_errors_init(&errors, arena);
	config = orch_config_read(file, &errors);
	if (config == NULL && errors.count == 0)
		abort();
	if (config != NULL)
		orch_config_check_run(config, &errors);
	(void)orch_config_errors_print(&errors, arena);
	orch_config_destroy(config);
	orch_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char file[] = "/tmp/fuzz_config.XXXXXX";
	int fd;

	if (length > BYTES_MAX)
		return 0;
	fd = mkstemp(file);
	if (fd < 0)
		abort();
	if (write(fd, bytes, length) == (ssize_t)length)
		read_and_print(file);
	(void)close(fd);
	(void)unlink(file);
	return 0;
}
