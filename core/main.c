/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "command/commands.h"

/*
 * A file that is opened for something else must not become standard input or
 * output.  What is written to one of them that was closed still fails.
 */
static void keep_standard_files(void)
{
	int fd = open("/dev/null", O_RDONLY);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDONLY);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	keep_standard_files();
	return orch_cli_main(argc, argv, orch_commands, orch_command_count);
}
