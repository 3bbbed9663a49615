/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of AWS share: an environment without AWS's variables, a folder for
 * its files, a lane, and a service that answers by a script.
 */
#ifndef AWS_WORLD_H
#define AWS_WORLD_H
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/text.h"
#include "support/stand_in.h"
#include "support/text_assert.h"

#define WORLD_REQUESTS 64
#define WORLD_REQUEST_BYTES 8192
#define WORLD_KEY "AKIDEXAMPLE"
#define WORLD_SECRET "canary-secret-access-key"
#define WORLD_TOKEN "canary/session+token=="

/* What a service does with a request. */
struct world_answer {
	const char *status, *headers, *body;
	int64_t date_ms; /* by which its Date header is off; with HAS_DATE */
	bool has_date;
	enum { WORLD_KEEP, WORLD_RESET, WORLD_HANG, WORLD_CUT } then;
};

struct world_service {
	struct stand_in *stand_in;
	pthread_mutex_t lock;
	const struct world_answer *answers; /* the last is for all that follow */
	size_t count, asked;
	char requests[WORLD_REQUESTS][WORLD_REQUEST_BYTES];
};

struct world {
	char home[64];
	struct orch_lane *lane;
	struct orch_timer timer;
	bool (*is_so)(struct world *world);
	struct orch_aws *aws;
	struct orch_aws_options options;
	struct orch_secret *secret;
	struct orch_err err;
	void *arg;
};

static inline void world_date(int64_t off_ms, char *ret, size_t size)
{
	time_t at = (time_t)(((int64_t)orch_clock_now_ms() + off_ms) / 1000);
	struct tm tm;

	assert_non_null(gmtime_r(&at, &tm));
	assert_true(strftime(ret, size, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm) > 0);
}

/* False: the connection is to end. */
static inline bool world_play(struct stand_in_conn *conn, const struct world_answer *answer)
{
	char headers[512], date[64] = "";

	if (answer->has_date)
		world_date(answer->date_ms, date, sizeof(date));
	(void)snprintf(
		headers, sizeof(headers), "%s%s", answer->headers ? answer->headers : "", date);
	if (answer->then == WORLD_RESET) {
		stand_in_reset(conn);
		return false;
	}
	if (answer->then == WORLD_HANG) {
		stand_in_wait_for_end(conn);
		return false;
	}
	if (answer->then == WORLD_CUT) {
		(void)stand_in_say(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":");
		return false;
	}
	return stand_in_answer(conn, answer->status, headers, answer->body ? answer->body : "");
}

static inline void world_serve(struct stand_in_conn *conn)
{
	struct world_service *service = conn->arg;
	bool goes_on = true;

	while (goes_on && stand_in_read_request(conn)) {
		struct world_answer answer;
		size_t at;

		pthread_mutex_lock(&service->lock);
		at = service->asked++;
		if (at < WORLD_REQUESTS)
			(void)snprintf(service->requests[at], WORLD_REQUEST_BYTES, "%.8000s",
				conn->request);
		answer = service->answers[at < service->count ? at : service->count - 1];
		pthread_mutex_unlock(&service->lock);
		goes_on = world_play(conn, &answer);
	}
}

/* PEM: its certificate and key; NULL: no TLS. */
static inline void world_service_start_with(struct world_service *service, const char *pem,
	const struct world_answer *answers, size_t count)
{
	*service = (struct world_service){ .answers = answers, .count = count };
	pthread_mutex_init(&service->lock, NULL);
	service->stand_in = stand_in_start("127.0.0.1", pem, world_serve, service);
}

static inline void world_service_start(
	struct world_service *service, const struct world_answer *answers, size_t count)
{
	world_service_start_with(service, NULL, answers, count);
}

static inline void world_service_stop(struct world_service *service)
{
	stand_in_stop(service->stand_in);
	pthread_mutex_destroy(&service->lock);
}

static inline void world_service_say(
	struct world_service *service, const struct world_answer *answers, size_t count)
{
	pthread_mutex_lock(&service->lock);
	service->answers = answers;
	service->count = count;
	service->asked = 0;
	pthread_mutex_unlock(&service->lock);
}

static inline size_t world_service_asked(struct world_service *service)
{
	size_t asked;

	pthread_mutex_lock(&service->lock);
	asked = service->asked;
	pthread_mutex_unlock(&service->lock);
	return asked;
}

static inline const char *world_service_request(struct world_service *service, size_t at)
{
	pthread_mutex_lock(&service->lock);
	pthread_mutex_unlock(&service->lock);
	return service->requests[at];
}

/* "http://127.0.0.1:PORT", in RET of 64 bytes. */
static inline const char *world_service_url(const struct world_service *service, char *ret)
{
	(void)snprintf(ret, 64, "http://127.0.0.1:%u", (unsigned)stand_in_port(service->stand_in));
	return ret;
}

static inline void world_set(const char *name, const char *value)
{
	assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static inline void world_clear_environment(void)
{
	for (size_t i = 0; i < ORCH_AWS_ENV_COUNT; i++)
		world_set(orch_aws_env_name((enum orch_aws_variable)i), NULL);
	world_set("AWS_SECRET_ACCESS_KEY", NULL);
	world_set("AWS_SESSION_TOKEN", NULL);
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", NULL);
	world_set("AWS_EC2_METADATA_DISABLED", "true");
}

/* Writes HOME/NAME. */
static inline void world_write(struct world *world, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", world->home, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void world_remove(struct world *world, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", world->home, name);
	(void)unlink(path);
}

static inline void world_look(void *arg)
{
	struct world *world = arg;

	if (world->is_so(world))
		orch_lane_quit(world->lane);
	else
		orch_timer_set(&world->timer, 2);
}

static inline void world_init(struct world *world)
{
	(void)alarm(110);
	*world = (struct world){ .options.region = ORCH_TEXT("eu-west-1") };
	(void)snprintf(world->home, sizeof(world->home), "/tmp/orchestrator-aws-XXXXXX");
	assert_non_null(mkdtemp(world->home));
	world_clear_environment();
	world_set("HOME", world->home);
	assert_int_equal(orch_lane_create("test", &world->lane, &world->err), ORCH_OK);
	assert_int_equal(orch_timer_init(&world->timer, world->lane, world_look, world), ORCH_OK);
}

static inline void world_fini(struct world *world)
{
	static const char *const names[] = { ".aws/config", ".aws/credentials", ".aws", "token",
		"config", "credentials" };
	char path[128];

	orch_aws_destroy(world->aws);
	orch_timer_fini(&world->timer);
	orch_lane_destroy(world->lane);
	orch_secret_destroy(world->secret);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", world->home, names[i]);
		(void)remove(path);
	}
	assert_int_equal(rmdir(world->home), 0);
}

/* Gives the options keys, so that no credentials need be found. */
static inline void world_use_keys(struct world *world)
{
	world->options.access_key_id = ORCH_TEXT(WORLD_KEY);
	world->secret = orch_secret_create(ORCH_TEXT(WORLD_SECRET));
	assert_non_null(world->secret);
	world->options.secret_access_key = world->secret;
}

static inline int world_create_alone(struct world *world)
{
	return orch_aws_create(&world->options, world->lane, &world->aws, &world->err);
}

/* The check finds before what the creation finds. */
static inline int world_create(struct world *world)
{
	struct orch_err err = { "" };
	int checked = orch_aws_check(&world->options, false, &err);
	int code = world_create_alone(world);

	assert_int_equal(checked, code);
	if (code != ORCH_OK)
		assert_string_equal(err.text, world->err.text);
	return code;
}

static inline void world_must_create(struct world *world)
{
	if (world_create(world) != ORCH_OK)
		fail_msg("%s", world->err.text);
}

static inline void world_wait(struct world *world, bool (*is_so)(struct world *world))
{
	world->is_so = is_so;
	orch_timer_set(&world->timer, 0);
	orch_lane_run(world->lane);
}

/* What nobody waits for any more: a search has ended, either way. */
static inline bool world_has_searched(struct world *world)
{
	struct orch_aws_credentials *credentials = NULL;
	struct orch_err err;
	int code = orch_aws_keeper_take(world->aws->keeper, 0, &credentials, &err);

	orch_aws_credentials_unref(credentials);
	return code != ORCH_E_AGAIN;
}

/* The current ones are KEY_ID's, from the source named. */
static inline void world_expect_key(struct world *world, const char *key_id, const char *source)
{
	struct orch_aws_credentials *credentials = NULL;
	struct orch_err err = { "" };

	if (orch_aws_keeper_take(world->aws->keeper, 0, &credentials, &err) != ORCH_OK)
		fail_msg("no credentials: %s", err.text);
	assert_string_equal(credentials->access_key_id, key_id);
	if (source)
		assert_string_equal(credentials->source, source);
	orch_aws_credentials_unref(credentials);
}

#endif
