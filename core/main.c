/* SPDX-License-Identifier: Apache-2.0 */
#include "command/commands.h"

int main(int argc, char **argv)
{
	return orch_cli_main(argc, argv, orch_commands, orch_command_count);
}
