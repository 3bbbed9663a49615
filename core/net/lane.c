/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox is a list under a mutex and an eventfd.  Whoever puts the first
 * job into an empty inbox writes the eventfd; the lane takes the whole list at
 * once, so a burst of posts costs one wake.
 *
 * Nobody but the lane's own thread touches its event base, hence libevent's
 * locks are not needed.
 */
#include "net/lane.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"

#define ORCH_LANE_NAME_BYTES 32
#define ORCH_LANE_THREAD_NAME_BYTES 16 /* the kernel's limit, with NUL */
#define ORCH_LANE_BEAT_MS 1000

struct orch_lane {
	char name[ORCH_LANE_NAME_BYTES];
	struct event_base *base;
	int wake_fd;
	struct event *wake;
	struct event *beat;

	pthread_mutex_t lock; /* first, last */
	struct orch_job *first;
	struct orch_job **last;

	pthread_t thread;
	bool is_started;
	atomic_bool is_quitting;
	atomic_bool is_running;
	_Atomic(pthread_t) owner; /* while running */
	_Atomic uint64_t turned_ms;
};

static void wake_lane(const struct orch_lane *lane)
{
	const uint64_t one = 1;
	ssize_t written;

	do {
		written = write(lane->wake_fd, &one, sizeof(one));
	} while (written < 0 && errno == EINTR);
}

static struct orch_job *take_jobs(struct orch_lane *lane)
{
	struct orch_job *jobs;

	pthread_mutex_lock(&lane->lock);
	jobs = lane->first;
	lane->first = NULL;
	lane->last = &lane->first;
	pthread_mutex_unlock(&lane->lock);
	return jobs;
}

static void run_jobs(struct orch_lane *lane)
{
	struct orch_job *job = take_jobs(lane);

	while (job) {
		/* The job may be gone, or posted again, once it has run. */
		struct orch_job *next = job->next;

		job->next = NULL;
		job->run(job);
		job = next;
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	run_jobs(arg);
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static int open_loop(struct orch_lane *lane)
{
	const struct timeval second = { .tv_sec = ORCH_LANE_BEAT_MS / 1000 };
	struct event_config *config = event_config_new();

	if (!config)
		return ORCH_E_NOMEM;
	(void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	lane->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!lane->base)
		return ORCH_E_NOMEM;

	lane->wake = event_new(lane->base, lane->wake_fd, EV_READ | EV_PERSIST, on_wake, lane);
	lane->beat = event_new(lane->base, -1, EV_PERSIST, on_beat, lane);
	if (!lane->wake || !lane->beat)
		return ORCH_E_NOMEM;
	if (event_add(lane->wake, NULL) < 0 || event_add(lane->beat, &second) < 0)
		return ORCH_E_NOMEM;
	return ORCH_OK;
}

int orch_lane_create(const char *name, struct orch_lane **ret_lane, struct orch_err *err)
{
	struct orch_lane *lane = orch_alloc(sizeof(*lane));
	int error;

	if (!lane)
		return orch_fail(err, ORCH_E_NOMEM, "lane %s: out of memory", name);
	(void)snprintf(lane->name, sizeof(lane->name), "%s", name);
	lane->last = &lane->first;
	(void)pthread_mutex_init(&lane->lock, NULL);
	atomic_store(&lane->turned_ms, orch_clock_mono_ms());

	lane->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = errno;
	if (lane->wake_fd < 0) {
		orch_lane_destroy(lane);
		return orch_fail(
			err, ORCH_E_AGAIN, "lane %s: eventfd: %s", name, orch_errno_text(error));
	}
	if (open_loop(lane) < 0) {
		orch_lane_destroy(lane);
		return orch_fail(err, ORCH_E_NOMEM, "lane %s: no event loop", name);
	}
	*ret_lane = lane;
	return ORCH_OK;
}

void orch_lane_destroy(struct orch_lane *lane)
{
	if (!lane)
		return;
	orch_assert(!lane->is_started);
	if (lane->wake)
		event_free(lane->wake);
	if (lane->beat)
		event_free(lane->beat);
	if (lane->base)
		event_base_free(lane->base);
	if (lane->wake_fd >= 0)
		close(lane->wake_fd);
	pthread_mutex_destroy(&lane->lock);
	orch_free(lane);
}

void orch_lane_run(struct orch_lane *lane)
{
	sigset_t pipe_signal;

	/* A peer that has gone away is told by EPIPE. */
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);

	orch_assert(!atomic_load(&lane->is_running));
	atomic_store(&lane->owner, pthread_self());
	atomic_store(&lane->is_running, true);
	while (!atomic_load(&lane->is_quitting)) {
		atomic_store_explicit(&lane->turned_ms, orch_clock_mono_ms(), memory_order_relaxed);
		if (event_base_loop(lane->base, EVLOOP_ONCE) < 0)
			break;
	}
	run_jobs(lane); /* what was posted before the end was asked for */
	atomic_store(&lane->is_running, false);
	atomic_store(&lane->is_quitting, false);
}

static void *run_thread(void *arg)
{
	struct orch_lane *lane = arg;
	char name[ORCH_LANE_THREAD_NAME_BYTES];

	(void)snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1, lane->name);
	pthread_setname_np(pthread_self(), name);
	orch_lane_run(lane);
	return NULL;
}

int orch_lane_start(struct orch_lane *lane, struct orch_err *err)
{
	sigset_t all, old;
	int error;

	orch_assert(!lane->is_started);
	/* Signals are the main thread's; a fault stays with the one who made it. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&lane->thread, NULL, run_thread, lane);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		return orch_fail(err, ORCH_E_AGAIN, "lane %s: no thread: %s", lane->name,
			orch_errno_text(error));
	lane->is_started = true;
	return ORCH_OK;
}

void orch_lane_stop(struct orch_lane *lane)
{
	if (!lane->is_started)
		return;
	orch_lane_quit(lane);
	pthread_join(lane->thread, NULL);
	lane->is_started = false;
}

void orch_lane_quit(struct orch_lane *lane)
{
	atomic_store(&lane->is_quitting, true);
	wake_lane(lane);
}

void orch_lane_post(struct orch_lane *lane, struct orch_job *job)
{
	bool was_empty;

	job->next = NULL;
	pthread_mutex_lock(&lane->lock);
	was_empty = lane->first == NULL;
	*lane->last = job;
	lane->last = &job->next;
	/* Within the lock: once the job runs, the lane may be stopped and gone. */
	if (was_empty)
		wake_lane(lane);
	pthread_mutex_unlock(&lane->lock);
}

bool orch_lane_is_current(const struct orch_lane *lane)
{
	return atomic_load(&lane->is_running) &&
		pthread_equal(atomic_load(&lane->owner), pthread_self());
}

struct event_base *orch_lane_base(struct orch_lane *lane)
{
	return lane->base;
}

const char *orch_lane_name(const struct orch_lane *lane)
{
	return lane->name;
}

uint64_t orch_lane_idle_ms(const struct orch_lane *lane)
{
	uint64_t turned = atomic_load_explicit(&lane->turned_ms, memory_order_relaxed);
	uint64_t now = orch_clock_mono_ms();

	return now > turned ? now - turned : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct orch_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fire(timer->arg);
}

int orch_timer_init(
	struct orch_timer *timer, struct orch_lane *lane, void (*fire)(void *arg), void *arg)
{
	timer->fire = fire;
	timer->arg = arg;
	timer->event = event_new(lane->base, -1, 0, on_timer, timer);
	return timer->event ? ORCH_OK : ORCH_E_NOMEM;
}

void orch_timer_fini(struct orch_timer *timer)
{
	if (timer->event)
		event_free(timer->event);
	timer->event = NULL;
}

void orch_timer_set(struct orch_timer *timer, uint64_t in_ms)
{
	const struct timeval in = { .tv_sec = (time_t)(in_ms / 1000),
		.tv_usec = (suseconds_t)(in_ms % 1000 * 1000) };

	/* Without the memory to wait, firing early is better than never. */
	if (event_add(timer->event, &in) < 0)
		event_active(timer->event, EV_TIMEOUT, 1);
}

void orch_timer_clear(struct orch_timer *timer)
{
	if (timer->event)
		(void)event_del(timer->event);
}

bool orch_timer_is_set(const struct orch_timer *timer)
{
	return timer->event && event_pending(timer->event, EV_TIMEOUT, NULL);
}
