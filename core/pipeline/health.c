/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/health.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/metric.h"
#include "base/text.h"

#define METRICS_BYTES (4 * 1024 * 1024)
#define READY_BYTES 2048
#define ROUTES 3

struct orch_health {
	pthread_mutex_t lock;
	char why_not[256]; /* empty: ready */
	char flaw[256];    /* empty: none */
	bool (*is_fit)(void *arg, struct orch_err *err);
	void *fit_arg;
	struct orch_http_route routes[ROUTES];
};

static void handle_live(struct orch_http_exchange *exchange, void *arg)
{
	(void)arg;
	orch_http_answer(exchange, 200, "text/plain", NULL, ORCH_TEXT("live\n"));
}

/* What is wrong, then what is amiss besides. */
static void explain(
	struct orch_buf *buf, bool ready, struct orch_text trouble, struct orch_text flaw)
{
	orch_buf_add_text(buf, ready ? ORCH_TEXT("ready") : ORCH_TEXT_NONE);
	if (trouble.len > 0) {
		orch_buf_add_text(buf, ready ? ORCH_TEXT("; but ") : ORCH_TEXT_NONE);
		orch_buf_add_text(buf, trouble);
	}
	if (flaw.len > 0) {
		orch_buf_add_text(
			buf, ready && trouble.len == 0 ? ORCH_TEXT("; but ") : ORCH_TEXT("; and "));
		orch_buf_add_text(buf, flaw);
	}
	orch_buf_add_char(buf, '\n');
}

static void handle_ready(struct orch_http_exchange *exchange, void *arg)
{
	struct orch_health *health = arg;
	struct orch_err err = { "" };
	struct orch_buf buf;
	bool ready;

	orch_buf_init(&buf, READY_BYTES);
	pthread_mutex_lock(&health->lock);
	ready = health->why_not[0] == '\0';
	if (!ready)
		(void)snprintf(err.text, sizeof(err.text), "%s", health->why_not);
	else if (health->is_fit != NULL)
		ready = health->is_fit(health->fit_arg, &err);
	explain(&buf, ready, orch_text_from(err.text), orch_text_from(health->flaw));
	pthread_mutex_unlock(&health->lock);
	orch_http_answer(exchange, ready ? 200 : 503, "text/plain", NULL, orch_buf_text(&buf));
	orch_buf_fini(&buf);
}

static void handle_metrics(struct orch_http_exchange *exchange, void *arg)
{
	struct orch_buf buf;

	(void)arg;
	orch_buf_init(&buf, METRICS_BYTES);
	orch_metric_render(&buf);
	if (buf.failed)
		orch_http_answer(exchange, 503, "text/plain", NULL, ORCH_TEXT("out of memory\n"));
	else
		orch_http_answer(
			exchange, 200, "text/plain; version=0.0.4", NULL, orch_buf_text(&buf));
	orch_buf_fini(&buf);
}

struct orch_health *orch_health_create(void)
{
	struct orch_health *health = orch_alloc(sizeof(*health));

	if (health == NULL)
		return NULL;
	(void)pthread_mutex_init(&health->lock, NULL);
	orch_health_set(health, "starting");
	health->routes[0] = (struct orch_http_route){
		.method = "GET", .path = "/livez", .handle = handle_live, .arg = health
	};
	health->routes[1] = (struct orch_http_route){
		.method = "GET", .path = "/readyz", .handle = handle_ready, .arg = health
	};
	health->routes[2] = (struct orch_http_route){
		.method = "GET", .path = "/metrics", .handle = handle_metrics, .arg = health
	};
	return health;
}

void orch_health_destroy(struct orch_health *health)
{
	if (health == NULL)
		return;
	(void)pthread_mutex_destroy(&health->lock);
	orch_free(health);
}

void orch_health_set(struct orch_health *health, const char *why_not)
{
	pthread_mutex_lock(&health->lock);
	(void)snprintf(
		health->why_not, sizeof(health->why_not), "%s", why_not == NULL ? "" : why_not);
	pthread_mutex_unlock(&health->lock);
}

void orch_health_ask(
	struct orch_health *health, bool (*is_fit)(void *arg, struct orch_err *err), void *arg)
{
	pthread_mutex_lock(&health->lock);
	health->is_fit = is_fit;
	health->fit_arg = arg;
	pthread_mutex_unlock(&health->lock);
}

void orch_health_set_flaw(struct orch_health *health, const char *flaw)
{
	pthread_mutex_lock(&health->lock);
	(void)snprintf(health->flaw, sizeof(health->flaw), "%s", flaw == NULL ? "" : flaw);
	pthread_mutex_unlock(&health->lock);
}

const struct orch_http_route *orch_health_routes(struct orch_health *health, size_t *ret_count)
{
	*ret_count = ROUTES;
	return health->routes;
}
