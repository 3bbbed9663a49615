/* SPDX-License-Identifier: Apache-2.0 */
/* orchestrator-sim: stand-ins for the services that the orchestrator works with. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "box.h"

#define EXIT_USAGE 64
#define EXIT_UNAVAILABLE 69

static void on_signal(evutil_socket_t number, short what, void *lane)
{
	(void)number;
	(void)what;
	orch_lane_quit(lane);
}

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

static void serve(struct orch_lane *lane)
{
	struct event_base *base = orch_lane_base(lane);
	struct event *on_int = evsignal_new(base, SIGINT, on_signal, lane);
	struct event *on_term = evsignal_new(base, SIGTERM, on_signal, lane);

	if (on_int && on_term && event_add(on_int, NULL) == 0 && event_add(on_term, NULL) == 0)
		orch_lane_run(lane);
	if (on_int)
		event_free(on_int);
	if (on_term)
		event_free(on_term);
}

static int fail(const struct orch_err *err, int status)
{
	fprintf(stderr, "orchestrator-sim: %s\n", err->text);
	return status;
}

static void ignore_broken_pipes(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
}

static int run_slack(int argc, char **argv)
{
	struct sim_options options;
	struct orch_lane *lane;
	struct sim_box *box;
	struct orch_err err;

	if (sim_options_read(argc, argv, &options, &err) != 0)
		return fail(&err, EXIT_USAGE);
	if (options.wants_help)
		return fputs(sim_help, stdout) < 0;
	ignore_broken_pipes();
	if (orch_lane_create("sim", &lane, &err) != 0)
		return fail(&err, EXIT_UNAVAILABLE);
	if (sim_box_open(&options, lane, &box, &err) != 0) {
		orch_lane_destroy(lane);
		return fail(&err, EXIT_UNAVAILABLE);
	}
	sim_options_wipe(&options);
	greet(box);
	serve(lane);
	sim_box_close(box);
	orch_lane_destroy(lane);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "slack") == 0)
		return run_slack(argc - 2, argv + 2);
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		fputs(sim_help, stdout);
		return 0;
	}
	fputs("usage: orchestrator-sim slack [OPTION…]; orchestrator-sim slack --help tells more\n",
		stderr);
	return EXIT_USAGE;
}
