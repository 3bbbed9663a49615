/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the headers of a delivery: nothing is authentic without the right signature. */
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"

/* Of the body below, at the time that the host of the tests tells, under the secret below. */
#define TIME "1700000000"
#define BODY "{\"type\":\"url_verification\",\"challenge\":\"c\"}"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const options[] = { "signing_secret", "secret", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct fake *fake = fake_open("slack", options);
	char mac[68], *headers = malloc(len + 1);
	int rc;

	if (!headers)
		abort();
	if (len > 0)
		memcpy(headers, bytes, len);
	headers[len] = '\0';
	fake_sign("secret", TIME, fake_text(BODY), mac);
	rc = fake_receive(fake, headers, fake_text(BODY), NULL);
	if (rc != ORCH_E_DENIED &&
		(rc != ORCH_OK || !strstr(headers, mac) || !strstr(headers, TIME)))
		abort();
	free(headers);
	fake_close(fake);
	return 0;
}
