/* SPDX-License-Identifier: Apache-2.0 */
/* orchestrator-sim: stand-ins for the services that the orchestrator works with. */
#include <stdio.h>
#include <string.h>

#include "aws/run.h"
#include "box.h"
#include "program.h"

static void greet(const struct sim_box *box)
{
	const struct sim_options *options = box->options;

	fprintf(stderr,
		"signing secret: %s\n"
		"bot token:      %s (user %s)\n"
		"admin token:    %s (user %s)\n"
		"events go to:   %s\n",
		options->signing.origin, options->bot.origin, box->world->bot->name,
		options->admin.origin, box->world->admin->name, sim_courier_url(box->courier));
	if (options->has_page)
		fprintf(stderr, "the page:       %s/\n", box->world->base_url);
	printf("listening on %s/\n", box->world->base_url);
	(void)fflush(stdout);
}

static int run_slack(int argc, char **argv)
{
	struct sim_options options;
	struct orch_lane *lane;
	struct sim_box *box;
	struct orch_err err;

	if (sim_options_read(argc, argv, &options, &err) != 0)
		return sim_fail(&err, SIM_EXIT_USAGE);
	if (options.wants_help)
		return fputs(sim_help, stdout) < 0;
	sim_ignore_broken_pipes();
	if (orch_lane_create("sim", &lane, &err) != 0)
		return sim_fail(&err, SIM_EXIT_UNAVAILABLE);
	if (sim_box_open(&options, lane, &box, &err) != 0) {
		orch_lane_destroy(lane);
		return sim_fail(&err, SIM_EXIT_UNAVAILABLE);
	}
	sim_options_wipe(&options);
	greet(box);
	sim_serve(lane);
	sim_box_close(box);
	orch_lane_destroy(lane);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "slack") == 0)
		return run_slack(argc - 2, argv + 2);
	if (argc >= 2 && strcmp(argv[1], "aws") == 0)
		return aws_run(argc - 2, argv + 2);
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
		return fputs(sim_help, stdout) < 0 || fputs("\n", stdout) < 0 ||
			fputs(aws_help, stdout) < 0;
	fputs("usage: orchestrator-sim slack|aws [OPTION…]; orchestrator-sim --help tells more\n",
		stderr);
	return SIM_EXIT_USAGE;
}
