/* SPDX-License-Identifier: Apache-2.0 */
/* Who has the name, or asks, and does not do what he should: nothing is kept of it, and nobody waits long. */
#include "unit/net/hand.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/alloc.h"

/* One that has the name and is none of us: it says what a test wants. */
struct stranger {
	int fd;
	pthread_t thread;
	void (*talk)(int to);
};

static void *be_strange(void *arg)
{
	struct stranger *stranger = arg;
	int to = accept(stranger->fd, NULL, NULL);

	assert_true(to >= 0);
	stranger->talk(to);
	(void)close(to);
	return NULL;
}

static struct sockaddr_un name_address(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, NAME);
	return address;
}

static int bind_strange(int backlog)
{
	struct sockaddr_un address = name_address();
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void stranger_start(struct stranger *stranger, void (*talk)(int to))
{
	*stranger = (struct stranger){ .fd = bind_strange(8), .talk = talk };
	assert_int_equal(pthread_create(&stranger->thread, NULL, be_strange, stranger), 0);
}

static void stranger_stop(struct stranger *stranger)
{
	assert_int_equal(pthread_join(stranger->thread, NULL), 0);
	(void)close(stranger->fd);
	assert_int_equal(unlink(path_of(NAME)), 0);
}

/* BYTES and COUNT descriptors.  False: nobody listens any more. */
static bool say(int to, const char *bytes, size_t len, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)bytes, len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) == (ssize_t)len;
}

static void say_nothing(int to)
{
	(void)to;
}

static void say_words(int to)
{
	(void)say(to, LISTEN, sizeof(LISTEN), NULL, 0);
}

/* Of two descriptors one is too many, and a file is nothing that listens. */
static void say_too_much(int to)
{
	int fds[2] = { listen_somewhere(), listen_somewhere() };

	(void)say(to, LISTEN, sizeof(LISTEN), fds, 2);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void say_a_file(int to)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)say(to, LISTEN, sizeof(LISTEN), &fd, 1);
	(void)close(fd);
}

static void say_no_name(int to)
{
	int fd = listen_somewhere();

	(void)say(to, "", 1, &fd, 1);
	(void)close(fd);
}

static void say_a_name_without_end(int to)
{
	char bytes[4096];
	int fd = listen_somewhere();

	memset(bytes, '1', sizeof(bytes));
	(void)say(to, bytes, sizeof(bytes), &fd, 1);
	(void)close(fd);
}

static size_t count_descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(all);
	while (readdir(all) != NULL)
		count++;
	assert_int_equal(closedir(all), 0);
	return count;
}

static void test_garbage_brings_nothing_and_leaves_nothing(void **state)
{
	static const struct {
		void (*talk)(int to);
		bool brings;
	} rows[] = { { say_nothing, false }, { say_words, false }, { say_too_much, true },
		{ say_a_file, false }, { say_no_name, false }, { say_a_name_without_end, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t before = count_descriptors();
		struct orch_http_sockets *sockets;
		struct stranger stranger;
		int fd;

		stranger_start(&stranger, rows[i].talk);
		sockets = fetch();
		assert_non_null(sockets);
		fd = orch_http_sockets_take(sockets, LISTEN);
		assert_int_equal(fd >= 0, rows[i].brings);
		assert_int_equal(orch_http_sockets_take(sockets, LISTEN), -1);
		if (fd >= 0)
			(void)close(fd);
		orch_http_sockets_destroy(sockets);
		stranger_stop(&stranger);
		assert_int_equal(count_descriptors(), before);
	}
}

static void wait_for_end(int to)
{
	char byte;

	assert_int_equal(recv(to, &byte, 1, 0), 0);
}

static void test_who_says_nothing_is_not_waited_for_long(void **state)
{
	struct orch_http_sockets *sockets;
	struct stranger stranger;

	(void)state;
	stranger_start(&stranger, wait_for_end);
	sockets = fetch();
	assert_int_equal(orch_http_sockets_take(sockets, LISTEN), -1);
	orch_http_sockets_destroy(sockets);
	stranger_stop(&stranger);
}

/* A quarter of a second apart: the last of all would come after half a minute. */
static void drip(int to)
{
	const struct timespec pause = { .tv_nsec = 250000000 };
	int fd = listen_somewhere();
	char name[16];
	int n = 0;

	do {
		(void)snprintf(name, sizeof(name), "%d", n++);
		(void)nanosleep(&pause, NULL);
	} while (n <= ORCH_HTTP_HAND_SOCKETS && say(to, name, strlen(name) + 1, &fd, 1));
	(void)close(fd);
}

static void test_who_goes_on_and_on_is_not_waited_for_long(void **state)
{
	struct orch_http_sockets *sockets;
	struct stranger stranger;
	char name[16];

	(void)state;
	stranger_start(&stranger, drip);
	sockets = fetch();
	(void)snprintf(name, sizeof(name), "%d", ORCH_HTTP_HAND_SOCKETS - 1);
	assert_int_equal(orch_http_sockets_take(sockets, name), -1);
	orch_http_sockets_destroy(sockets);
	stranger_stop(&stranger);
}

static int ask_strange(void)
{
	struct sockaddr_un address = name_address();
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	assert_int_equal(errno, EAGAIN);
	(void)close(fd);
	return -1;
}

/* One that is stuck, with others that have asked before. */
static void test_who_accepts_nobody_is_not_waited_for(void **state)
{
	int fd = bind_strange(0), others[8];
	size_t count = 0;

	(void)state;
	while ((others[count] = ask_strange()) >= 0)
		assert_true(++count < sizeof(others) / sizeof(others[0]));
	assert_null(fetch());
	while (count > 0)
		(void)close(others[--count]);
	(void)close(fd);
	assert_int_equal(unlink(path_of(NAME)), 0);
}

/* What asks and is gone again, or asks and does not listen, holds up nobody. */
static void test_who_asks_and_goes_is_no_matter(void **state)
{
	int fd = listen_somewhere(), silent;
	struct elder elder;

	(void)state;
	elder_make(&elder, folder, NAME);
	for (int i = 0; i < ORCH_HTTP_HAND_SOCKETS; i++)
		orch_http_hand_offer(elder.hand, LISTEN, fd);
	elder_run(&elder);
	(void)close(ask_strange());
	silent = ask_strange();
	assert_true(silent >= 0);
	expect_port(port_of(fd));
	(void)close(silent);
	elder_stop(&elder);
	(void)close(fd);
}

struct tending {
	struct orch_job job;
	struct orch_http_hand *hand;
	sem_t is_done;
};

static void run_tending(struct orch_job *job)
{
	struct tending *tending = (struct tending *)(void *)job;

	orch_http_hand_tend(tending->hand);
	(void)sem_post(&tending->is_done);
}

/* On its own lane, as the service does now and then. */
static void tend(const struct elder *elder)
{
	struct tending tending = { .job = { .run = run_tending }, .hand = elder->hand };

	assert_int_equal(sem_init(&tending.is_done, 0, 0), 0);
	orch_lane_post(elder->lane, &tending.job);
	while (sem_wait(&tending.is_done) != 0)
		;
	(void)sem_destroy(&tending.is_done);
}

static void test_a_name_comes_back_from_one_that_died(void **state)
{
	int fd = listen_somewhere();
	struct elder elder;

	(void)state;
	elder_start(&elder, fd);
	expect_port(port_of(fd));
	assert_int_equal(unlink(path_of(NAME)), 0);
	(void)close(bind_strange(8)); /* what a kill leaves */
	assert_null(fetch());
	tend(&elder);
	assert_false(orch_http_hand_was_taken(elder.hand));
	expect_port(port_of(fd));
	assert_int_equal(unlink(path_of(NAME)), 0);
	tend(&elder);
	expect_port(port_of(fd));
	elder_stop(&elder);
	(void)close(fd);
}

static void test_a_name_is_not_taken_from_one_that_lives(void **state)
{
	int fds[2] = { listen_somewhere(), listen_somewhere() };
	struct elder elder, younger;

	(void)state;
	elder_start(&elder, fds[0]);
	elder_start(&younger, fds[1]);
	tend(&elder);
	tend(&younger);
	expect_port(port_of(fds[1]));
	elder_stop(&younger);
	tend(&elder);
	expect_port(port_of(fds[0]));
	elder_stop(&elder);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void write_file(const char *name)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void test_a_file_in_place_of_the_socket_is_replaced(void **state)
{
	int fd = listen_somewhere();
	struct elder elder;

	(void)state;
	write_file(NAME);
	assert_null(fetch());
	elder_start(&elder, fd);
	expect_port(port_of(fd));
	elder_stop(&elder);
	(void)close(fd);
}

static void expect_refused(const char *in, const char *why)
{
	struct orch_err err = { "" };
	struct orch_http_hand *hand;
	struct orch_lane *lane;

	assert_int_equal(orch_lane_create("elder", &lane, &err), ORCH_OK);
	assert_int_equal(orch_http_hand_create(lane, in, NAME, &hand, &err), ORCH_E_INVALID);
	assert_contains(err.text, in);
	assert_contains(err.text, why);
	orch_lane_destroy(lane);
}

static void test_a_folder_in_place_of_the_socket_is_said(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of(NAME), 0700), 0);
	assert_null(fetch());
	expect_refused(folder, NAME ": Address already in use");
	assert_int_equal(rmdir(path_of(NAME)), 0);
	expect_refused("/no/such/folder", "No such file or directory");
}

static void test_any_allocation_may_fail(void **state)
{
	int fd = listen_somewhere();
	struct orch_http_sockets *sockets;
	struct orch_err err = { "" };
	struct elder elder;

	(void)state;
	elder_start(&elder, fd);
	orch_alloc_fail_at(1, 0);
	assert_int_equal(orch_http_sockets_fetch(folder, NAME, &sockets, &err), ORCH_E_NOMEM);
	orch_alloc_fail_at(0, 0);
	assert_null(sockets);
	expect_port(port_of(fd));
	elder_stop(&elder);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
		TEST(test_garbage_brings_nothing_and_leaves_nothing),
		TEST(test_who_says_nothing_is_not_waited_for_long),
		TEST(test_who_goes_on_and_on_is_not_waited_for_long),
		TEST(test_who_accepts_nobody_is_not_waited_for),
		TEST(test_who_asks_and_goes_is_no_matter),
		TEST(test_a_name_comes_back_from_one_that_died),
		TEST(test_a_name_is_not_taken_from_one_that_lives),
		TEST(test_a_file_in_place_of_the_socket_is_replaced),
		TEST(test_a_folder_in_place_of_the_socket_is_said),
		TEST(test_any_allocation_may_fail),
#undef TEST
	};

	return cmocka_run_group_tests_name("http_hand_odd", tests, NULL, NULL);
}
