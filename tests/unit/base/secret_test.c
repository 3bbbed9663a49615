/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/secret.h"
#include "base/text.h"

static void test_a_secret_is_a_copy_with_a_nul_behind(void **state)
{
	char value[] = "top-secret-value";
	struct orch_secret *secret = orch_secret_create(orch_text_from(value));

	(void)state;
	assert_non_null(secret);
	memset(value, 0, sizeof(value));
	assert_text(orch_secret_text(secret), "top-secret-value");
	assert_int_equal(orch_secret_text(secret).ptr[16], '\0');
	orch_secret_destroy(secret);
	orch_secret_destroy(NULL);
}

static void blot(char *line)
{
	orch_secret_blot(line, strlen(line));
}

static void test_known_secrets_are_blotted_wherever_they_stand(void **state)
{
	struct orch_secret *one = orch_secret_create(ORCH_TEXT("xoxb-12345"));
	struct orch_secret *two = orch_secret_create(ORCH_TEXT("hunter2!"));
	char line[] = "xoxb-12345 a=xoxb-12345xoxb-12345 p=hunter2! xoxb-1234 hunter2!";

	(void)state;
	blot(line);
	assert_string_equal(
		line, "********** a=******************** p=******** xoxb-1234 ********");
	orch_secret_destroy(one);
	orch_secret_destroy(two);
}

static void test_a_secret_within_another_does_not_save_its_rest(void **state)
{
	struct orch_secret *shorter = orch_secret_create(ORCH_TEXT("abcdef"));
	struct orch_secret *longer = orch_secret_create(ORCH_TEXT("abcdefghij"));
	struct orch_secret *inner = orch_secret_create(ORCH_TEXT("cdefgh"));
	char line[] = "x abcdefghij y abcdef z";

	(void)state;
	blot(line);
	assert_string_equal(line, "x ********** y ****** z");
	orch_secret_destroy(shorter);
	orch_secret_destroy(longer);
	orch_secret_destroy(inner);
}

static void test_short_and_gone_secrets_are_left_alone(void **state)
{
	struct orch_secret *tiny = orch_secret_create(ORCH_TEXT("12345"));
	struct orch_secret *none = orch_secret_create(ORCH_TEXT(""));
	struct orch_secret *gone = orch_secret_create(ORCH_TEXT("password"));
	char line[] = "12345 password";

	(void)state;
	orch_secret_destroy(gone);
	blot(line);
	assert_string_equal(line, "12345 password");
	orch_secret_destroy(tiny);
	orch_secret_destroy(none);
}

static void test_without_memory_there_is_no_secret(void **state)
{
	(void)state;
	orch_alloc_fail_at(1, 0);
	assert_null(orch_secret_create(ORCH_TEXT("password")));
	orch_alloc_fail_at(0, 0);
}

/* In a child, since it cannot be undone. */
static void test_a_protected_process_leaves_no_core(void **state)
{
	struct rlimit limit = { 1, 1 };
	int status = -1;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		orch_secret_protect_process();
		(void)getrlimit(RLIMIT_CORE, &limit);
		_exit(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && limit.rlim_max == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static struct orch_secret *make_key(char filler)
{
	char key[ORCH_SEAL_KEY_BYTES];
	struct orch_secret *secret;

	memset(key, filler, sizeof(key));
	secret = orch_secret_create((struct orch_text){ key, sizeof(key) });
	assert_non_null(secret);
	return secret;
}

static void test_what_is_sealed_opens_with_the_key_and_its_place(void **state)
{
	struct orch_secret *key = make_key('k');
	char sealed[5 + ORCH_SEAL_OVERHEAD];
	char again[5 + ORCH_SEAL_OVERHEAD];
	char plain[5] = "";

	(void)state;
	orch_seal(key, ORCH_TEXT("hello"), ORCH_TEXT("row 1"), sealed);
	orch_seal(key, ORCH_TEXT("hello"), ORCH_TEXT("row 1"), again);
	assert_memory_not_equal(sealed, again, sizeof(sealed));
	assert_null(memmem(sealed, sizeof(sealed), "hello", 5));
	assert_int_equal(orch_unseal(key, (struct orch_text){ sealed, sizeof(sealed) },
				 ORCH_TEXT("row 1"), plain),
		ORCH_OK);
	assert_memory_equal(plain, "hello", 5);
	orch_secret_destroy(key);
}

static void test_nothing_can_be_sealed_too(void **state)
{
	struct orch_secret *key = make_key('k');
	char sealed[ORCH_SEAL_OVERHEAD];
	struct orch_text text = { sealed, sizeof(sealed) };
	char plain[1];

	(void)state;
	orch_seal(key, ORCH_TEXT(""), ORCH_TEXT(""), sealed);
	assert_int_equal(orch_unseal(key, text, ORCH_TEXT(""), plain), ORCH_OK);
	assert_int_equal(orch_unseal(key, text, ORCH_TEXT("x"), plain), ORCH_E_INVALID);
	orch_secret_destroy(key);
}

static void test_what_was_changed_swapped_or_cut_does_not_open(void **state)
{
	struct orch_secret *key = make_key('k');
	struct orch_secret *other = make_key('o');
	char sealed[5 + ORCH_SEAL_OVERHEAD];
	struct orch_text text = { sealed, sizeof(sealed) };
	char plain[5];

	(void)state;
	orch_seal(key, ORCH_TEXT("hello"), ORCH_TEXT("row 1"), sealed);
	assert_int_equal(orch_unseal(other, text, ORCH_TEXT("row 1"), plain), ORCH_E_INVALID);
	assert_int_equal(orch_unseal(key, text, ORCH_TEXT("row 2"), plain), ORCH_E_INVALID);
	for (text.len = 0; text.len < sizeof(sealed); text.len++)
		assert_int_equal(orch_unseal(key, text, ORCH_TEXT("row 1"), plain), ORCH_E_INVALID);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 1;
		assert_int_equal(orch_unseal(key, text, ORCH_TEXT("row 1"), plain), ORCH_E_INVALID);
		sealed[i] ^= 1;
	}
	assert_int_equal(orch_unseal(key, text, ORCH_TEXT("row 1"), plain), ORCH_OK);
	orch_secret_destroy(key);
	orch_secret_destroy(other);
}

/* Where the value lies in the environment that /proc shows. */
static const char *shown(const char *name)
{
	static char bytes[65536];
	FILE *file = fopen("/proc/self/environ", "rb");
	size_t len, name_len = strlen(name);
	const char *found = NULL;

	assert_non_null(file);
	len = fread(bytes, 1, sizeof(bytes) - 1, file);
	bytes[len] = '\0';
	assert_int_equal(fclose(file), 0);
	for (const char *at = bytes; at < bytes + len; at += strlen(at) + 1)
		if (strncmp(at, name, name_len) == 0 && at[name_len] == '=')
			found = at + name_len + 1;
	return found;
}

/* HOME stands for a secret: it was there when the process began, where /proc looks. */
static void test_what_was_taken_is_gone_from_the_environment(void **state)
{
	char bytes[4096], again[4096];
	size_t len = 0, len_again = 0;

	(void)state;
	assert_true(strlen(shown("HOME")) > 1);
	assert_int_equal(orch_secret_take_env("HOME", bytes, sizeof(bytes), &len), ORCH_OK);
	assert_true(len > 1);
	assert_int_equal(strlen(shown("HOME")), 0);
	assert_null(getenv("HOME"));
	assert_int_equal(orch_secret_take_env("HOME", again, sizeof(again), &len_again), ORCH_OK);
	assert_int_equal(len, len_again);
	assert_memory_equal(bytes, again, len);
}

static void test_a_variable_that_is_set_anew_counts(void **state)
{
	char bytes[16];
	size_t len = 0;

	(void)state;
	assert_int_equal(
		orch_secret_take_env("T_SECRET", bytes, sizeof(bytes), &len), ORCH_E_INVALID);
	assert_int_equal(setenv("T_SECRET", "", 1), 0);
	assert_int_equal(
		orch_secret_take_env("T_SECRET", bytes, sizeof(bytes), &len), ORCH_E_INVALID);
	assert_int_equal(setenv("T_SECRET", "first", 1), 0);
	assert_int_equal(orch_secret_take_env("T_SECRET", bytes, sizeof(bytes), &len), ORCH_OK);
	assert_int_equal(setenv("T_SECRET", "another one", 1), 0);
	assert_int_equal(orch_secret_take_env("T_SECRET", bytes, 11, &len), ORCH_E_LIMIT);
	assert_string_equal(getenv("T_SECRET"), "another one");
	assert_int_equal(orch_secret_take_env("T_SECRET", bytes, 12, &len), ORCH_OK);
	assert_memory_equal(bytes, "another one", len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_secret_is_a_copy_with_a_nul_behind),
		cmocka_unit_test(test_known_secrets_are_blotted_wherever_they_stand),
		cmocka_unit_test(test_a_secret_within_another_does_not_save_its_rest),
		cmocka_unit_test(test_short_and_gone_secrets_are_left_alone),
		cmocka_unit_test(test_without_memory_there_is_no_secret),
		cmocka_unit_test(test_a_protected_process_leaves_no_core),
		cmocka_unit_test(test_what_is_sealed_opens_with_the_key_and_its_place),
		cmocka_unit_test(test_what_was_taken_is_gone_from_the_environment),
		cmocka_unit_test(test_a_variable_that_is_set_anew_counts),
		cmocka_unit_test(test_nothing_can_be_sealed_too),
		cmocka_unit_test(test_what_was_changed_swapped_or_cut_does_not_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
