/* SPDX-License-Identifier: Apache-2.0 */
#include "support/yardstick.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"

#define ROUNDS 20000

double own_cpu_seconds(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

double yardstick_us(void)
{
	static char bytes[1024];
	const struct orch_text piece = { bytes, sizeof(bytes) };
	uint8_t mac[ORCH_SHA256_BYTES];
	double start = own_cpu_seconds();

	for (int i = 0; i < ROUNDS; i++) {
		orch_hmac_sha256(ORCH_TEXT("a key"), &piece, 1, mac);
		memcpy(bytes, mac, sizeof(mac));
	}
	return (own_cpu_seconds() - start) * 1e6 / ROUNDS;
}

void print_yardstick(void)
{
	printf("on this machine an HMAC-SHA256 of 1 KB takes %.2f us\n", yardstick_us());
	(void)fflush(stdout);
}
