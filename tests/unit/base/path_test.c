/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../../support/text_assert.h"

static void test_the_calls_are_those_of_the_system(void **state)
{
	struct stat status;
	DIR *folder = orch_path_opendir("/");
	int fd = orch_path_open("/dev/null", O_RDONLY | O_CLOEXEC, 0);

	(void)state;
	assert_non_null(folder);
	assert_int_equal(closedir(folder), 0);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(orch_path_stat("/", &status), 0);
	assert_true(S_ISDIR(status.st_mode));
	assert_int_equal(orch_path_lstat("/proc/self", &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(orch_path_access("/", X_OK), 0);
	assert_int_equal(orch_path_access("/no such", F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

static void test_a_test_can_make_the_nth_fail(void **state)
{
	struct stat status;

	(void)state;
	orch_path_fail_at(3, EIO);
	assert_int_equal(orch_path_stat("/", &status), 0);
	assert_int_equal(orch_path_access("/", X_OK), 0);
	assert_null(orch_path_opendir("/"));
	assert_int_equal(errno, EIO);
	assert_int_equal(orch_path_lstat("/", &status), 0);
	orch_path_fail_at(1, EMFILE);
	assert_int_equal(orch_path_open("/", O_RDONLY | O_CLOEXEC, 0), -1);
	assert_int_equal(errno, EMFILE);
	orch_path_fail_at(1, EACCES);
	orch_path_fail_at(0, 0);
	assert_int_equal(orch_path_access("/", X_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_calls_are_those_of_the_system),
		cmocka_unit_test(test_a_test_can_make_the_nth_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
