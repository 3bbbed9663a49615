/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with what it needs, and an assertion for our texts. */
#ifndef TEXT_ASSERT_H
#define TEXT_ASSERT_H
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <orch/abi.h>

/* TEXT holds exactly the bytes of the literal, which may contain NULs. */
#define assert_text(text, literal)                                             \
	do {                                                                   \
		struct orch_text got_ = (text);                                \
		assert_non_null(got_.ptr);                                     \
		assert_int_equal(got_.len, sizeof(literal) - 1);               \
		assert_memory_equal(got_.ptr, (literal), sizeof(literal) - 1); \
	} while (0)

/* NEEDLE stands somewhere in the string. */
#define assert_contains(haystack, needle)                                          \
	do {                                                                       \
		if (!strstr((haystack), (needle)))                                 \
			fail_msg("\"%s\" is not in \"%s\"", (needle), (haystack)); \
	} while (0)

#define assert_lacks(haystack, needle)                                         \
	do {                                                                   \
		if (strstr((haystack), (needle)))                              \
			fail_msg("\"%s\" is in \"%s\"", (needle), (haystack)); \
	} while (0)

#endif
