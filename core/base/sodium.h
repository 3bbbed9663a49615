/* SPDX-License-Identifier: Apache-2.0 */
/* libsodium, made ready once for the whole process.  For the files of base/ that use it. */
#ifndef ORCH_SODIUM_H
#define ORCH_SODIUM_H
#include <sodium.h>

void orch_sodium_ready(void);

#endif
