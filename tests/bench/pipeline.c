/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole way: a signed event is accepted, scanned, its finding stored, and
 * the request of its action is on the wire.
 *
 *   pipeline [SECONDS]
 *
 * Every message leaks a card number.  A lane of this program stands in for
 * Slack's Web API and sees when chat.delete arrives; the message's ts is the
 * time at which its event was due.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "net/http_server.h"
#include "support/load.h"
#include "support/program.h"
#include "support/slack_load.h"

#define SAMPLES_MAX (4u * 1000 * 1000)

static struct {
	_Atomic size_t count;
	uint32_t micros[SAMPLES_MAX];
} seen;

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* "ts":"1700000000.000001" */
static uint64_t due_of(struct orch_text body)
{
	const char *at = strstr(body.ptr, "\"ts\":\"");
	char *end;
	uint64_t seconds;

	if (at == NULL)
		return 0;
	seconds = strtoull(at + 6, &end, 10);
	return seconds * 1000000000u + strtoull(end + 1, NULL, 10) * 1000;
}

static void on_call(struct orch_http_exchange *exchange, void *arg)
{
	uint64_t due = due_of(orch_http_exchange_body(exchange));
	size_t at = atomic_load(&seen.count);

	(void)arg;
	if (due > 0 && at < SAMPLES_MAX) {
		seen.micros[at] = (uint32_t)((now_ns() - due) / 1000);
		atomic_store(&seen.count, at + 1);
	}
	orch_http_answer(exchange, 200, "application/json", NULL, ORCH_TEXT("{\"ok\":true}"));
}

static const struct orch_http_route routes[] = {
	{ .method = "POST", .path = "/api/*", .body_limit = 65536, .handle = on_call },
};

static struct orch_lane *start_slack(uint16_t *ret_port)
{
	struct orch_http_server_options options = { .listen = "127.0.0.1:0",
		.routes = routes,
		.route_count = 1,
		.metric_listener = "bench" };
	struct orch_http_server *server;
	struct orch_lane *lane;
	struct orch_err err = { "" };

	orch_http_limits_default(&options.limits);
	if (orch_lane_create("slack", &lane, &err) != ORCH_OK ||
		orch_http_server_create(lane, &options, &server, &err) != ORCH_OK ||
		orch_lane_start(lane, &err) != ORCH_OK) {
		fprintf(stderr, "pipeline: %s\n", err.text);
		exit(EXIT_FAILURE);
	}
	*ret_port = orch_http_server_port(server);
	return lane;
}

/* Waits until every message that was sent has come out again; how long that took. */
static double wait_for_all(size_t wanted)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t begin = now_ns();
	size_t before = 0;

	for (int still = 0; atomic_load(&seen.count) < wanted && still < 500; still++) {
		size_t count = atomic_load(&seen.count);

		if (count != before)
			still = 0;
		before = count;
		(void)nanosleep(&pause, NULL);
	}
	return (double)(now_ns() - begin) / 1e9;
}

static void measure(const struct program *program, const char *name, unsigned connections,
	unsigned rate, unsigned seconds, uint64_t *events)
{
	struct slack_load slack = { PROGRAM_SIGNING_SECRET, "my card is 4111 1111 1111 1111",
		*events };
	struct load_options options = { .port = program->port,
		.connections = connections,
		.rate = rate,
		.seconds = seconds,
		.make = slack_load_make,
		.arg = &slack };
	double cpu = program_cpu_seconds(program);
	struct load_result result;
	double rest;
	size_t count;

	atomic_store(&seen.count, 0);
	load_run(&options, &result);
	rest = wait_for_all(result.good);
	count = atomic_load(&seen.count);
	cpu = program_cpu_seconds(program) - cpu;
	*events += result.sent;
	qsort(seen.micros, count, sizeof(uint32_t), compare_micros);
	printf("%-22s %10.0f %9.2f %9.2f %9.2f %12.1f %9.1f\n", name,
		(double)count / (result.seconds + rest), percentile_ms(seen.micros, count, 0.5),
		percentile_ms(seen.micros, count, 0.99), percentile_ms(seen.micros, count, 0.999),
		cpu * 1e6 / (double)(count > 0 ? count : 1), program_peak_mib(program));
	if (count != result.good || result.bad > 0)
		printf("  %llu accepted, %zu seen, %llu refused\n", (unsigned long long)result.good,
			count, (unsigned long long)result.bad);
	(void)fflush(stdout);
	load_fini(&result);
}

int main(int argc, char **argv)
{
	unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
	struct program_options options = {
		.binary = TEST_BINARY_DIR "/bin/orchestrator",
		.stages = "intake,scan,act",
		.rules = TEST_SOURCE_DIR "/config/rules.json",
		.settings = "",
	};
	struct program program;
	struct orch_lane *lane = start_slack(&options.api_port);
	uint64_t events = 0;

	program_start(&options, &program);
	printf("%-22s %10s %9s %9s %9s %12s %9s\n", "load", "events/s", "p50 ms", "p99 ms",
		"p99.9 ms", "CPU us/event", "peak MiB");
	measure(&program, "open, 500/s", 64, 500, seconds, &events);
	measure(&program, "open, 2000/s", 64, 2000, seconds, &events);
	measure(&program, "closed, 64", 64, 0, seconds, &events);
	program_stop(&program);
	orch_lane_stop(lane);
	return 0;
}
