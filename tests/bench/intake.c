/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed events of 1 KB accepted and committed: how many a second, and how
 * long a sender waits for its answer.
 *
 *   intake [SECONDS]
 *
 * The generator runs on the same machine and takes its share of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/load.h"
#include "support/program.h"
#include "support/slack_load.h"

static uint64_t events;

static void print_head(void)
{
	printf("%-22s %10s %9s %9s %9s %12s %9s\n", "load", "events/s", "p50 ms", "p99 ms",
		"p99.9 ms", "CPU us/event", "peak MiB");
}

static void measure(const struct program *program, const char *name, unsigned connections,
	unsigned rate, unsigned seconds)
{
	struct slack_load slack = { PROGRAM_SIGNING_SECRET, "nothing to see here", events };
	struct load_options options = { .port = program->port,
		.connections = connections,
		.rate = rate,
		.seconds = seconds,
		.make = slack_load_make,
		.arg = &slack };
	double cpu = program_cpu_seconds(program);
	struct load_result result;

	load_run(&options, &result);
	cpu = program_cpu_seconds(program) - cpu;
	events += result.sent;
	printf("%-22s %10.0f %9.2f %9.2f %9.2f %12.1f %9.1f\n", name,
		(double)result.good / result.seconds, load_percentile(&result, 0.5),
		load_percentile(&result, 0.99), load_percentile(&result, 0.999),
		cpu * 1e6 / (double)(result.good > 0 ? result.good : 1), program_peak_mib(program));
	if (result.bad > 0)
		printf("  %llu of %llu were not answered 200\n", (unsigned long long)result.bad,
			(unsigned long long)result.sent);
	(void)fflush(stdout);
	load_fini(&result);
}

int main(int argc, char **argv)
{
	unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
	struct program_options options = {
		.binary = TEST_BINARY_DIR "/bin/orchestrator",
		.stages = "intake",
		.api_port = 9,
		.rules = TEST_SOURCE_DIR "/config/rules.json",
		.settings = "",
	};
	struct program program;

	program_start(&options, &program);
	print_head();
	measure(&program, "closed, 8 connections", 8, 0, seconds);
	measure(&program, "closed, 64", 64, 0, seconds);
	measure(&program, "closed, 256", 256, 0, seconds);
	measure(&program, "open, 2000/s", 256, 2000, seconds);
	measure(&program, "open, 10000/s", 256, 10000, seconds);
	program_stop(&program);
	return 0;
}
