/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <signal.h>
#include <stdio.h>

static void on_signal(evutil_socket_t number, short what, void *lane)
{
	(void)number;
	(void)what;
	orch_lane_quit(lane);
}

void sim_serve(struct orch_lane *lane)
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

int sim_fail(const struct orch_err *err, int status)
{
	fprintf(stderr, "orchestrator-sim: %s\n", err->text);
	return status;
}

void sim_ignore_broken_pipes(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
}
