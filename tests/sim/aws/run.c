/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/run.h"

#include <stdio.h>

#include "sim/aws/cloud.h"
#include "sim/program.h"

static void greet(const struct aws_cloud *cloud)
{
	const struct aws_options *options = cloud->options;

	fprintf(stderr, "access key: %s\nregion:     %s\nseed:       %llu\n",
		options->takes_unsigned ? "none is needed" : options->access_key, options->region,
		(unsigned long long)options->seed);
	printf("listening on %s/\n", cloud->url);
	(void)fflush(stdout);
}

int aws_run(int argc, char **argv)
{
	struct aws_options options;
	struct orch_lane *lane;
	struct aws_cloud *cloud;
	struct orch_err err;

	if (aws_options_read(argc, argv, &options, &err) != 0)
		return sim_fail(&err, SIM_EXIT_USAGE);
	if (options.wants_help)
		return fputs(aws_help, stdout) < 0;
	sim_ignore_broken_pipes();
	if (orch_lane_create("aws", &lane, &err) != 0)
		return sim_fail(&err, SIM_EXIT_UNAVAILABLE);
	if (aws_cloud_open(&options, lane, &cloud, &err) != 0) {
		orch_lane_destroy(lane);
		return sim_fail(&err, SIM_EXIT_UNAVAILABLE);
	}
	greet(cloud);
	sim_serve(lane);
	aws_cloud_close(cloud);
	orch_lane_destroy(lane);
	return 0;
}
