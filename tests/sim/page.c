/* SPDX-License-Identifier: Apache-2.0 */
/* The page, which is part of this program, and a stream that says when to look again. */
#include "base/alloc.h"
#include "box.h"
#include "page.h"

#define NEWS_MS 100

#define POLICY                                                                           \
	"Content-Security-Policy: default-src 'none'; script-src 'self'; "               \
	"style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "        \
	"form-action 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n" \
	"Cache-Control: no-cache\r\n"

struct sim_watcher {
	TAILQ_ENTRY(sim_watcher) next;
	struct sim_box *box;
	struct orch_http_exchange *exchange;
};

void sim_page(struct orch_http_exchange *exchange, void *arg)
{
	struct sim_box *box = arg;
	struct orch_text path = orch_http_exchange_head(exchange)->path;

	if (!sim_is_welcome(exchange, box->options->allows_remote))
		return;
	if (!box->options->has_page) {
		sim_answer_problem(exchange, 404, "the page is shown with --page");
		return;
	}
	for (const struct sim_page_file *file = sim_page_files; file->path; file++) {
		if (!orch_text_is(path, file->path))
			continue;
		orch_http_answer(exchange, 200, file->media_type, POLICY,
			(struct orch_text){ (const char *)file->bytes, file->len });
		return;
	}
	sim_answer_problem(exchange, 404, "no such page");
}

static void end(struct sim_watcher *watcher)
{
	TAILQ_REMOVE(&watcher->box->watchers, watcher, next);
	watcher->box->watcher_count--;
	orch_http_stream_end(watcher->exchange);
	orch_free(watcher);
}

static bool tell(struct sim_watcher *watcher)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "data: %llu\n\n",
		(unsigned long long)watcher->box->world->revision);

	return orch_http_stream_send(watcher->exchange, (struct orch_text){ line, (size_t)len });
}

static void tick(void *arg)
{
	struct sim_box *box = arg;
	struct sim_watcher *watcher, *after;

	for (watcher = TAILQ_FIRST(&box->watchers); watcher; watcher = after) {
		after = TAILQ_NEXT(watcher, next);
		if (!tell(watcher))
			end(watcher);
	}
}

static void closed(void *arg)
{
	end(arg);
}

void sim_page_watch(struct sim_box *box, struct orch_http_exchange *exchange)
{
	struct sim_watcher *watcher;

	if (!box->has_tick && orch_timer_init(&box->tick, box->lane, tick, box) == 0)
		box->has_tick = true;
	if (!box->has_tick || box->watcher_count >= SIM_WATCHERS_MAX ||
		!(watcher = orch_alloc(sizeof(*watcher)))) {
		sim_answer_problem(exchange, 503, "too many watch already");
		return;
	}
	watcher->box = box;
	watcher->exchange = exchange;
	TAILQ_INSERT_TAIL(&box->watchers, watcher, next);
	box->watcher_count++;
	orch_http_stream_begin(exchange, 200, "text/event-stream", "Cache-Control: no-store\r\n");
	orch_http_stream_on_close(exchange, closed, watcher);
	if (!tell(watcher))
		end(watcher);
}

void sim_page_news(struct sim_box *box)
{
	if (box->has_tick && box->watcher_count && !orch_timer_is_set(&box->tick))
		orch_timer_set(&box->tick, NEWS_MS);
}

void sim_page_end(struct sim_box *box)
{
	while (!TAILQ_EMPTY(&box->watchers))
		end(TAILQ_FIRST(&box->watchers));
	if (box->has_tick)
		orch_timer_fini(&box->tick);
	box->has_tick = false;
}
