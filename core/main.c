/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "command/commands.h"

/*
 * A file that is opened for something else must not become standard input or
 * output.  What is written to one of them that was closed still fails.
 */
static void keep_standard_files(void)
{
	int fd = orch_path_open("/dev/null", O_RDONLY, 0);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = orch_path_open("/dev/null", O_RDONLY, 0);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* Whoever asks for a reload before anything is loaded has it already; the service takes over. */
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		(void)sigaction(SIGHUP, &ignore, NULL);
	keep_standard_files();
	return orch_cli_main(argc, argv, orch_commands, orch_command_count);
}
