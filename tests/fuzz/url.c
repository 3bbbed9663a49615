/* SPDX-License-Identifier: Apache-2.0 */
/* A URL that we accept, put together again, must mean the same to curl. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/text.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void compare(const struct orch_url *url)
{
	bool is_ipv6 = strchr(url->host.ptr, ':') != NULL;
	char *host = NULL, *port = NULL, plain[300];
	struct orch_url again;
	struct orch_err err;
	static char text[16384];
	CURLU *theirs = curl_url();

	orch_assert(theirs != NULL);
	(void)snprintf(plain, sizeof(plain), is_ipv6 ? "[%s]" : "%s", url->host.ptr);
	(void)snprintf(text, sizeof(text), "%s://%s:%u%.*s", url->scheme.ptr, plain,
		(unsigned)url->port, ORCH_TEXT_ARG(url->target));
	orch_assert(orch_url_parse(orch_text_from(text), &again, &err) == ORCH_OK);
	orch_assert(orch_text_equal(again.target, url->target) && again.port == url->port);
	orch_assert(curl_url_set(theirs, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK);
	orch_assert(curl_url_get(theirs, CURLUPART_HOST, &host, 0) == CURLUE_OK);
	orch_assert(curl_url_get(theirs, CURLUPART_PORT, &port, 0) == CURLUE_OK);
	orch_assert(strcasecmp(host, plain) == 0);
	orch_assert(strtoul(port, NULL, 10) == url->port);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct orch_url url;
	struct orch_err err;
	char *text = malloc(len + 1);

	if (!text)
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	if (orch_url_parse((struct orch_text){ text, len }, &url, &err) == ORCH_OK)
		compare(&url);
	free(text);
	return 0;
}
