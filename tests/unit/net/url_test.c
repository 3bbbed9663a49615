/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "base/text.h"
#include "net/url.h"

#define LABEL "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
_Static_assert(sizeof(LABEL) == 64, "the longest label there is");

struct good {
	const char *text, *scheme, *host;
	unsigned port;
	const char *target;
};

static const struct good good[] = {
	{ "http://example.com", "http", "example.com", 80, "/" },
	{ "http://example.com/", "http", "example.com", 80, "/" },
	{ "https://example.com", "https", "example.com", 443, "/" },
	{ "smtp://mail.example.com", "smtp", "mail.example.com", 25, "/" },
	{ "smtps://mail.example.com/", "smtps", "mail.example.com", 465, "/" },
	{ "smtp://mail.example.com:587", "smtp", "mail.example.com", 587, "/" },
	{ "HTTPS://Slack.COM/API", "https", "slack.com", 443, "/API" },
	{ "https://slack.com/api/chat.delete?a=b&c=%20d", "https", "slack.com", 443,
		"/api/chat.delete?a=b&c=%20d" },
	{ "https://slack.com:8443/x", "https", "slack.com", 8443, "/x" },
	{ "https://slack.com:1/", "https", "slack.com", 1, "/" },
	{ "https://slack.com:65535/", "https", "slack.com", 65535, "/" },
	{ "https://slack.com/x#part", "https", "slack.com", 443, "/x" },
	{ "https://slack.com/#", "https", "slack.com", 443, "/" },
	{ "https://slack.com/?q", "https", "slack.com", 443, "/?q" },
	{ "https://slack.com/a@b:c", "https", "slack.com", 443, "/a@b:c" },
	{ "https://slack.com//x/../y", "https", "slack.com", 443, "//x/../y" },
	{ "https://slack.com/%00%0d%0a", "https", "slack.com", 443, "/%00%0d%0a" },
	{ "http://localhost:9000/", "http", "localhost", 9000, "/" },
	{ "http://my_host-1.local/", "http", "my_host-1.local", 80, "/" },
	{ "http://xn--bcher-kva.example/", "http", "xn--bcher-kva.example", 80, "/" },
	{ "http://1e100.net/", "http", "1e100.net", 80, "/" },
	{ "http://0x7f.example/", "http", "0x7f.example", 80, "/" },
	{ "http://123.example/", "http", "123.example", 80, "/" },
	{ "http://127.0.0.1/", "http", "127.0.0.1", 80, "/" },
	{ "http://255.255.255.255:8080/x", "http", "255.255.255.255", 8080, "/x" },
	{ "http://0.0.0.0/", "http", "0.0.0.0", 80, "/" },
	{ "http://[::1]/", "http", "::1", 80, "/" },
	{ "http://[::1]:9000/x", "http", "::1", 9000, "/x" },
	{ "http://[FE80::0:1]/", "http", "fe80::1", 80, "/" },
	{ "http://[::ffff:127.0.0.1]/", "http", "::ffff:127.0.0.1", 80, "/" },
	{ "http://" LABEL ".example/", "http", LABEL ".example", 80, "/" },
	{ "http://" LABEL "." LABEL "." LABEL "."
	  "abcdefghijklmnopqrstuvwxyz"
	  "abcdefghijklmnopqrstuvwxyzabcdefghi/",
		"http",
		LABEL "." LABEL "." LABEL "."
		      "abcdefghijklmnopqrstuvwxyz"
		      "abcdefghijklmnopqrstuvwxyzabcdefghi",
		80, "/" },
};

static const char *const bad[] = {
	"",
	"x",
	"/",
	"slack.com",
	"//slack.com/",
	"http:",
	"http:/",
	"http://",
	"http:///",
	"http:///x",
	"http:slack.com",
	"http:/slack.com",
	"://slack.com/",
	"ftp://slack.com/",
	"file:///etc/passwd",
	"gopher://slack.com/",
	"dict://slack.com/",
	"ws://slack.com/",
	"httpss://slack.com/",
	"javascript:alert(1)",
	" http://slack.com/",
	"http://slack.com/ ",
	"http://slack.com/a b",
	"http://slack.com/\n",
	"http://slack.com/\r\nHost: evil",
	"http://slack.com/\t",
	"http://slack.com/\x7f",
	"http://slack.com/\xc3\xa9",
	"http://sl\303\244ck.com/",
	"http://slack\343\200\202com/",
	"http:\\\\slack.com/",
	"http://slack.com\\@evil.com/",
	"http://evil.com\\slack.com/",
	"http://slack.com/a\\b",
	"http://slack.com@evil.com/",
	"http://user:password@slack.com/",
	"http://@slack.com/",
	"http://:@slack.com/",
	"http://slack.com?x",
	"http://slack.com#x",
	"http://slack.com#@evil.com/",
	"http://slack%2ecom/",
	"http://%73lack.com/",
	"http://slack.com%00.evil.com/",
	"http://slack..com/",
	"http://.slack.com/",
	"http://slack.com./",
	"http://./",
	"http://-slack.com/",
	"http://slack-.com/",
	"http://slack,com/",
	"http://slack.com;x/",
	"http://sla*ck.com/",
	"http://(slack).com/",
	"http://" LABEL "x.example/",
	"http://" LABEL "." LABEL "." LABEL "."
	"abcdefghijklmnopqrstuvwxyz"
	"abcdefghijklmnopqrstuvwxyzabcdefghij/",
	"http://slack.com:/",
	"http://slack.com:0/",
	"http://slack.com:65536/",
	"http://slack.com:99999999999999999999/",
	"http://slack.com:080/",
	"http://slack.com:+80/",
	"http://slack.com:-1/",
	"http://slack.com:80x/",
	"http://slack.com:80:80/",
	"http://slack.com:8 0/",
	"http://:80/",
	"http://2130706433/",
	"http://017700000001/",
	"http://0x7f000001/",
	"http://0x7f.1/",
	"http://127.1/",
	"http://127.0.1/",
	"http://0177.0.0.1/",
	"http://127.0.0.01/",
	"http://127.0.0.0x1/",
	"http://127.0.0.1.1/",
	"http://256.0.0.1/",
	"http://127.0.0.1./",
	"http://1.2.3/",
	"http://0/",
	"http://0x/",
	"http://example.1/",
	"http://example.0x7F/",
	"http://[::1/",
	"http://::1/",
	"http://[::1]x/",
	"http://[::1]80/",
	"http://[::1]:/",
	"http://[]/",
	"http://[:]/",
	"http://[::1%25eth0]/",
	"http://[fe80::1%eth0]/",
	"http://[127.0.0.1]/",
	"http://[slack.com]/",
	"http://[1:2:3:4:5:6:7:8:9]/",
	"http://[0000:0000:0000:0000:0000:0000:0000:0000:0001:0000:0000]/",
	"http://[::1]]/",
	"http://[[::1]]/",
	"smtp://mail.example.com/x",
	"smtps://mail.example.com/?x",
};

static void test_what_is_accepted_comes_out_in_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct orch_err err = { "" };
		struct orch_url url;

		if (orch_url_parse(orch_text_from(good[i].text), &url, &err) != ORCH_OK)
			fail_msg("%s: %s", good[i].text, err.text);
		assert_string_equal(url.scheme.ptr, good[i].scheme);
		assert_string_equal(url.host.ptr, good[i].host);
		assert_int_equal(url.host.len, strlen(good[i].host));
		assert_int_equal(url.port, good[i].port);
		assert_true(orch_text_is(url.target, good[i].target));
		assert_ptr_equal(url.host.ptr, url.host_buf);
		assert_ptr_equal(url.scheme.ptr, url.scheme_buf);
	}
}

static void test_what_could_be_read_otherwise_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct orch_url url = { .port = 4711 };
		struct orch_err err = { "" };

		if (orch_url_parse(orch_text_from(bad[i]), &url, &err) != ORCH_E_INVALID)
			fail_msg("accepted: %s", bad[i]);
		assert_true(err.text[0] != '\0');
		assert_int_equal(url.port, 4711);
	}
}

static void test_a_byte_zero_is_refused_wherever_it_stands(void **state)
{
	const char text[] = "http://slack.com/x";
	const size_t len = sizeof(text) - 1;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char copy[sizeof(text)];
		struct orch_url url;
		struct orch_err err;

		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		assert_int_equal(orch_url_parse((struct orch_text){ copy, len }, &url, &err),
			ORCH_E_INVALID);
	}
}

static void test_a_text_that_goes_on_in_memory_is_not_read_on(void **state)
{
	struct orch_text text = { "http://slack.community/x", strlen("http://slack.com") };
	struct orch_err err;
	struct orch_url url;

	(void)state;
	assert_int_equal(orch_url_parse(text, &url, &err), ORCH_OK);
	assert_string_equal(url.host.ptr, "slack.com");
	assert_true(orch_text_is(url.target, "/"));
}

static void test_the_longest_url_is_accepted_and_one_byte_more_is_not(void **state)
{
	static char text[8192 + 2];
	struct orch_err err;
	struct orch_url url;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "http://h/", strlen("http://h/"));
	assert_int_equal(orch_url_parse((struct orch_text){ text, 8192 }, &url, &err), ORCH_OK);
	assert_int_equal(
		orch_url_parse((struct orch_text){ text, 8193 }, &url, &err), ORCH_E_INVALID);
}

static void test_a_refusal_does_not_repeat_the_url(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct orch_err err = { "" };
		struct orch_url url;

		assert_int_not_equal(orch_url_parse(orch_text_from(bad[i]), &url, &err), ORCH_OK);
		assert_null(strstr(err.text, "slack"));
		assert_null(strstr(err.text, "password@"));
	}
}

static void test_curl_reads_the_same_host_and_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CURLU *theirs = curl_url();
		char *host, *port, plain[300] = "";

		assert_int_equal(curl_url_set(theirs, CURLUPART_URL, good[i].text, 0), CURLUE_OK);
		assert_int_equal(curl_url_get(theirs, CURLUPART_HOST, &host, 0), CURLUE_OK);
		assert_int_equal(
			curl_url_get(theirs, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT), CURLUE_OK);
		(void)snprintf(plain, sizeof(plain), strchr(good[i].host, ':') ? "[%s]" : "%s",
			good[i].host);
		assert_int_equal(strcasecmp(host, plain), 0);
		assert_int_equal(strtoul(port, NULL, 10), good[i].port);
		curl_free(host);
		curl_free(port);
		curl_url_cleanup(theirs);
	}
}

static void test_default_ports(void **state)
{
	(void)state;
	assert_int_equal(orch_url_default_port(ORCH_TEXT("http")), 80);
	assert_int_equal(orch_url_default_port(ORCH_TEXT("https")), 443);
	assert_int_equal(orch_url_default_port(ORCH_TEXT("smtp")), 25);
	assert_int_equal(orch_url_default_port(ORCH_TEXT("smtps")), 465);
	assert_int_equal(orch_url_default_port(ORCH_TEXT("ftp")), 0);
	assert_int_equal(orch_url_default_port(ORCH_TEXT("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_accepted_comes_out_in_one_form),
		cmocka_unit_test(test_what_could_be_read_otherwise_is_refused),
		cmocka_unit_test(test_a_byte_zero_is_refused_wherever_it_stands),
		cmocka_unit_test(test_a_text_that_goes_on_in_memory_is_not_read_on),
		cmocka_unit_test(test_the_longest_url_is_accepted_and_one_byte_more_is_not),
		cmocka_unit_test(test_a_refusal_does_not_repeat_the_url),
		cmocka_unit_test(test_curl_reads_the_same_host_and_port),
		cmocka_unit_test(test_default_ports),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
