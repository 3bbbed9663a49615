/* SPDX-License-Identifier: Apache-2.0 */
/* Checks for our own bugs.  Never on input, plugin behaviour, memory or disk. */
#ifndef ORCH_CHECK_H
#define ORCH_CHECK_H

#define ORCH_MUST_USE __attribute__((warn_unused_result))

#define orch_assert(condition) \
	((condition) ? (void)0 : orch_check_failed(#condition, __FILE__, __LINE__, __func__))

/* Writes what failed to standard error and aborts. */
_Noreturn void orch_check_failed(const char *what, const char *file, int line, const char *func);

#endif
