/* SPDX-License-Identifier: Apache-2.0 */
#include "net/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/notes.h"
#include "support/text_assert.h"

static void receive(int fd, char *ret_text, size_t size)
{
	ssize_t len = recv(fd, ret_text, size - 1, MSG_DONTWAIT);

	assert_true(len > 0);
	ret_text[len] = '\0';
}

static void test_the_state_reaches_the_socket_that_systemd_named(void **state)
{
	int fd = listen_for_notes();
	char text[128];

	(void)state;
	orch_notify("READY=1\nSTATUS=well");
	receive(fd, text, sizeof(text));
	assert_string_equal(text, "READY=1\nSTATUS=well");
	close(fd);
}

static void test_a_reload_carries_its_time(void **state)
{
	int fd = listen_for_notes();
	const char begin[] = "RELOADING=1\nMONOTONIC_USEC=";
	char text[128], *end;

	(void)state;
	orch_notify_reloading();
	receive(fd, text, sizeof(text));
	assert_memory_equal(text, begin, sizeof(begin) - 1);
	assert_true(strtoull(text + sizeof(begin) - 1, &end, 10) > 0);
	assert_int_equal(*end, '\0');
	close(fd);
}

static void test_without_a_usable_socket_nothing_happens(void **state)
{
	char longer[200];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	orch_notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	orch_notify("READY=1");
	setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	orch_notify("READY=1");
	memset(longer, '/', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longer, 1);
	orch_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
}

static void test_the_watchdog_is_fed_at_half_its_time(void **state)
{
	char pid[24];

	(void)state;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(orch_notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(orch_notify_watchdog_ms(), 15000);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(orch_notify_watchdog_ms(), 15000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(orch_notify_watchdog_ms(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "-5", 1);
	assert_int_equal(orch_notify_watchdog_ms(), 0);
	unsetenv("WATCHDOG_USEC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_state_reaches_the_socket_that_systemd_named),
		cmocka_unit_test(test_a_reload_carries_its_time),
		cmocka_unit_test(test_without_a_usable_socket_nothing_happens),
		cmocka_unit_test(test_the_watchdog_is_fed_at_half_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
