/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to get at a token, a private address or the head of a request; none may work. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/metric.h"
#include "base/text.h"
#include "support/http_world.h"

#define TOKEN "xoxb-canary-4711"

/* A world with a credential for 127.0.0.1 and slack.com, whose configured service is SERVICE. */
struct vault {
	struct http_world world;
	struct orch_secret *secret;
	struct orch_host_pattern hosts[3];
	struct orch_credential_entry entry;
	struct orch_origin origin;
};

static void vault_init(struct vault *vault, const struct stand_in *service)
{
	http_world_init(&vault->world, NULL);
	vault->secret = orch_secret_create(ORCH_TEXT(TOKEN));
	assert_non_null(vault->secret);
	vault->hosts[0] = (struct orch_host_pattern){ ORCH_TEXT("127.0.0.1"), false, 0 };
	vault->hosts[1] = (struct orch_host_pattern){ ORCH_TEXT("slack.com"), false, 0 };
	vault->hosts[2] = (struct orch_host_pattern){ ORCH_TEXT("slack.com"), true, 0 };
	vault->entry = (struct orch_credential_entry){ .name = ORCH_TEXT("slack-bot"),
		.scheme = ORCH_SCHEME_BEARER,
		.hosts = vault->hosts,
		.host_count = 3,
		.secret = vault->secret };
	vault->origin = (struct orch_origin){ ORCH_TEXT("http"), ORCH_TEXT("127.0.0.1"),
		stand_in_port(service) };
	vault->world.egress.credentials = &vault->entry;
	vault->world.egress.credential_count = 1;
	vault->world.egress.origins = &vault->origin;
	vault->world.egress.origin_count = 1;
}

static void vault_fini(struct vault *vault)
{
	http_world_fini(&vault->world);
	orch_secret_destroy(vault->secret);
}

static void serve_canary(struct stand_in_conn *conn)
{
	stand_in_wait_for_end(conn);
}

struct redirect {
	const char *status;
	char location[256];
	pthread_mutex_t lock;
	bool had_token;
};

static void serve_redirect(struct stand_in_conn *conn)
{
	struct redirect *redirect = conn->arg;
	char headers[300];

	while (stand_in_read_request(conn)) {
		pthread_mutex_lock(&redirect->lock);
		redirect->had_token =
			strstr(conn->request, "\r\nAuthorization: Bearer " TOKEN "\r\n") != NULL;
		(void)snprintf(headers, sizeof(headers), "Location: %s\r\n", redirect->location);
		pthread_mutex_unlock(&redirect->lock);
		if (!stand_in_answer(conn, redirect->status, headers, ""))
			return;
	}
}

static void check_redirect(const char *status, const char *location_form)
{
	struct redirect redirect = { .status = status, .lock = PTHREAD_MUTEX_INITIALIZER };
	struct stand_in *canary = stand_in_start("127.0.0.1", NULL, serve_canary, NULL);
	struct stand_in *service = stand_in_start("127.0.0.1", NULL, serve_redirect, &redirect);
	struct orch_request request = http_request("POST", service, "/api");
	struct http_answer answer = { .status = -1 };
	char port[16], *at;
	struct vault vault;

	(void)snprintf(port, sizeof(port), "%u", (unsigned)stand_in_port(canary));
	at = strstr(location_form, "PORT");
	assert_non_null(at);
	(void)snprintf(redirect.location, sizeof(redirect.location), "%.*s%s%s",
		(int)(at - location_form), location_form, port, at + 4);
	vault_init(&vault, service);
	request.credential = 1;
	request.body = ORCH_TEXT("text of a message");
	request.repeatable = true;
	http_send(&vault.world, &answer, &request);
	assert_int_equal(answer.status, strtol(status, NULL, 10));
	assert_non_null(strstr(answer.headers, redirect.location));
	assert_true(redirect.had_token);
	assert_int_equal(stand_in_requests(service), 1);
	assert_int_equal(stand_in_connections(canary), 0);
	assert_null(strstr(answer.headers, TOKEN));
	http_answer_fini(&answer);
	vault_fini(&vault);
	stand_in_stop(service);
	stand_in_stop(canary);
}

static void test_a_redirect_is_shown_and_not_followed(void **state)
{
	static const char *const statuses[] = { "300 Multiple Choices", "301 Moved Permanently",
		"302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect" };
	static const char *const locations[] = { "http://127.0.0.1:PORT/steal",
		"https://127.0.0.1:PORT/", "//127.0.0.1:PORT/", "http://localhost:PORT/",
		"http://slack.com@127.0.0.1:PORT/", "ftp://127.0.0.1:PORT/",
		"gopher://127.0.0.1:PORT/_x" };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		for (size_t j = 0; j < sizeof(locations) / sizeof(locations[0]); j++)
			check_redirect(statuses[i], locations[j]);
	}
}

static void check_denied(struct vault *vault, const char *url, const char *headers)
{
	struct http_answer answer = { .status = -1 };
	struct orch_request request = { .size = sizeof(request),
		.method = ORCH_TEXT("GET"),
		.url = orch_text_from(url),
		.headers = orch_text_from(headers),
		.body = ORCH_TEXT_NONE,
		.credential = 1 };

	http_begin(&vault->world, &answer, &request, NULL);
	if (answer.refused != ORCH_E_DENIED)
		fail_msg("not denied: %s with \"%s\"", url, headers);
	assert_true(answer.problem[0] != '\0');
	assert_null(strstr(answer.problem, "xox"));
	assert_null(strstr(answer.problem, "secret=1"));
}

static void test_a_look_alike_host_gets_nothing(void **state)
{
	static const char *const urls[] = { "https://slack.com.evil/?secret=1",
		"https://evilslack.com/?secret=1", "https://slack.com@evil.com/?secret=1",
		"https://slack.com:443@evil.com/?secret=1",
		"https://slack.com%2eevil.com/?secret=1", "https://slack.com\\.evil.com/?secret=1",
		"https://evil.com/slack.com?secret=1", "https://evil.com#slack.com/?secret=1",
		"https://slack.com./?secret=1", "https://slack.com.:443/?secret=1",
		"https://xn--slck-5qa.com/?secret=1", "https://sl\320\260ck.com/?secret=1",
		"https://slack.com\343\200\202evil.com/", "http://slack.com/?secret=1",
		"http://files.slack.com/?secret=1", "https://slack.com:8443/?secret=1",
		"https://127.0.0.2/?secret=1", "http://127.0.0.1:1/?secret=1",
		"http://localhost/?secret=1", "http://2130706433/?secret=1",
		"http://127.1/?secret=1", "http://[::ffff:127.0.0.1]/?secret=1",
		"file:///etc/passwd", "smtp://slack.com", "smtps://slack.com",
		"https://slack.com\r\n.evil.com/" };
	struct stand_in *service = stand_in_start("127.0.0.1", NULL, serve_canary, NULL);
	struct vault vault;

	(void)state;
	vault_init(&vault, service);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		check_denied(&vault, urls[i], "");
	assert_int_equal(orch_http_client_in_flight(vault.world.client), 0);
	assert_int_equal(stand_in_connections(service), 0);
	vault_fini(&vault);
	stand_in_stop(service);
}

static void test_a_plugin_cannot_write_the_cores_headers(void **state)
{
	static const char *const headers[] = { "Authorization: Bearer x\n", "authorization: x\n",
		"Host: evil.com\n", "HOST: evil.com\n", "Content-Length: 0\n", "Cookie: a=b\n",
		"Transfer-Encoding: chunked\n", "Connection: close\n", "Upgrade: h2c\n",
		"Proxy-Authorization: x\n", "Expect: 100-continue\n", "TE: trailers\n",
		"X-Ok: 1\nHost: evil.com\n", "X: y\r\nHost: evil.com\r\n", "X: y\rHost: evil.com\n",
		"X: a\001b\n", "X: a\x7f\n", "X : y\n", " X: y\n", "X\n", ": y\n", "X Y: z\n",
		"X\t: y\n", "\tfolded: x\n", "X: y\n continued\n", "Host\n", "Host;\n", "X(y): z\n",
		"X\xc3\xa4: z\n" };
	struct stand_in *service = stand_in_start("127.0.0.1", NULL, serve_canary, NULL);
	struct vault vault;
	char url[64];

	(void)state;
	vault_init(&vault, service);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", (unsigned)stand_in_port(service));
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		check_denied(&vault, url, headers[i]);
	vault.entry.scheme = ORCH_SCHEME_HEADER;
	vault.entry.header = ORCH_TEXT("X-Api-Key");
	check_denied(&vault, url, "x-api-KEY: mine\n");
	assert_int_equal(stand_in_connections(service), 0);
	vault_fini(&vault);
	stand_in_stop(service);
}

static void test_a_byte_zero_in_a_header_is_denied(void **state)
{
	static const char bytes[] = "X: a\0b\n";
	struct stand_in *service = stand_in_start("127.0.0.1", NULL, serve_canary, NULL);
	struct orch_request request = http_request("GET", service, "/");
	struct http_answer answer = { .status = -1 };
	struct vault vault;

	(void)state;
	vault_init(&vault, service);
	request.headers = (struct orch_text){ bytes, sizeof(bytes) - 1 };
	http_begin(&vault.world, &answer, &request, NULL);
	assert_int_equal(answer.refused, ORCH_E_DENIED);
	vault_fini(&vault);
	stand_in_stop(service);
}

static void test_methods_that_are_none_are_denied(void **state)
{
	static const char *const methods[] = { "", "get", "GET /evil", "GET\r\nX: y", "CONNECT",
		"TRACE", "MAIL", "G3T", "AVERYLONGMETHODNAME", "PO\xc3\x84ST" };
	struct stand_in *service = stand_in_start("127.0.0.1", NULL, serve_canary, NULL);
	struct vault vault;

	(void)state;
	vault_init(&vault, service);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct orch_request request = http_request(methods[i], service, "/");
		struct http_answer answer = { .status = -1 };

		http_begin(&vault.world, &answer, &request, NULL);
		if (answer.refused != ORCH_E_DENIED)
			fail_msg("not denied: %s", methods[i]);
	}
	assert_int_equal(stand_in_connections(service), 0);
	vault_fini(&vault);
	stand_in_stop(service);
}

static void serve_ok(struct stand_in_conn *conn)
{
	while (stand_in_read_request(conn)) {
		if (!stand_in_answer(
			    conn, "200 OK", "", strstr(conn->request, TOKEN) ? "with" : "without"))
			return;
	}
}

static void test_the_token_goes_with_the_requests_that_ask_for_it_only(void **state)
{
	struct stand_in *service = stand_in_start("127.0.0.1", NULL, serve_ok, NULL);
	struct vault vault;

	(void)state;
	vault_init(&vault, service);
	for (unsigned i = 0; i < 6; i++) {
		struct orch_request request = http_request("GET", service, "/");
		struct http_answer answer = { .status = -1 };

		request.credential = i % 2; /* on one connection, through one handle */
		http_send(&vault.world, &answer, &request);
		assert_string_equal(answer.body, i % 2 ? "with" : "without");
		http_answer_fini(&answer);
	}
	assert_int_equal(stand_in_connections(service), 1);
	vault_fini(&vault);
	stand_in_stop(service);
}

static void test_the_environments_proxy_is_not_used(void **state)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "all_proxy",
		"HTTPS_PROXY", "ALL_PROXY" };
	struct stand_in *proxy = stand_in_start("127.0.0.1", NULL, serve_canary, NULL);
	struct stand_in *service = stand_in_start("127.0.0.1", NULL, serve_ok, NULL);
	struct orch_request request = http_request("GET", service, "/");
	struct http_answer answer = { .status = -1 };
	struct vault vault;
	char url[64];

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)stand_in_port(proxy));
	assert_int_equal(unsetenv("no_proxy") + unsetenv("NO_PROXY"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(setenv(names[i], url, 1), 0);
	vault_init(&vault, service);
	request.credential = 1;
	http_send(&vault.world, &answer, &request);
	assert_string_equal(answer.body, "with");
	assert_int_equal(stand_in_connections(proxy), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(unsetenv(names[i]), 0);
	http_answer_fini(&answer);
	vault_fini(&vault);
	stand_in_stop(service);
	stand_in_stop(proxy);
}

static void test_private_addresses_see_no_packet(void **state)
{
	static const struct {
		const char *host, *problem;
	} rows[] = {
		{ "127.0.0.1", "address 127.0.0.1 is loopback; egress.allow does not name it" },
		{ "localhost", NULL },
		{ "127.1.2.3", "address 127.1.2.3 is loopback; egress.allow does not name it" },
		{ "0.0.0.0", "address 0.0.0.0 is unspecified; egress.allow does not name it" },
		{ "[::1]", "address ::1 is loopback; egress.allow does not name it" },
		{ "[::]", "address :: is unspecified; egress.allow does not name it" },
		{ "[::ffff:127.0.0.1]",
			"address ::ffff:127.0.0.1 is loopback; egress.allow does not name it" },
		{ "10.0.0.1", "address 10.0.0.1 is private; egress.allow does not name it" },
		{ "169.254.169.254",
			"address 169.254.169.254 is link-local; egress.allow does not name it" },
		{ "100.100.100.200",
			"address 100.100.100.200 is carrier-private; egress.allow does not name "
			"it" },
		{ "[fd00:ec2::254]",
			"address fd00:ec2::254 is private; egress.allow does not name it" },
		{ "[64:ff9b::a9fe:a9fe]",
			"address 64:ff9b::a9fe:a9fe is link-local; egress.allow does not name it" },
	};
	struct stand_in *canary = stand_in_start("0.0.0.0", NULL, serve_canary, NULL);
	struct orch_metric *loopback = orch_metric(ORCH_METRIC_COUNTER,
		"orchestrator_egress_refused_total", "x", { "reason", ORCH_TEXT("loopback") });
	int64_t before = orch_metric_value(loopback);
	struct vault vault;

	(void)state;
	vault_init(&vault, canary);
	vault.world.egress.allowed_count = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_request request = http_request("GET", canary, "/");
		struct http_answer answer = { .status = -1 };
		char url[128];

		(void)snprintf(url, sizeof(url), "http://%s:%u/", rows[i].host,
			(unsigned)stand_in_port(canary));
		request.url = orch_text_from(url);
		http_send(&vault.world, &answer, &request);
		assert_int_equal(answer.status, 0);
		if (rows[i].problem)
			assert_string_equal(answer.problem, rows[i].problem);
		assert_non_null(strstr(answer.problem, "egress.allow does not name it"));
		assert_false(answer.was_sent);
		http_answer_fini(&answer);
	}
	assert_int_equal(stand_in_connections(canary), 0);
	assert_true(orch_metric_value(loopback) >= before + 5);
	vault_fini(&vault);
	stand_in_stop(canary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_redirect_is_shown_and_not_followed),
		cmocka_unit_test(test_a_look_alike_host_gets_nothing),
		cmocka_unit_test(test_a_plugin_cannot_write_the_cores_headers),
		cmocka_unit_test(test_a_byte_zero_in_a_header_is_denied),
		cmocka_unit_test(test_methods_that_are_none_are_denied),
		cmocka_unit_test(test_the_token_goes_with_the_requests_that_ask_for_it_only),
		cmocka_unit_test(test_the_environments_proxy_is_not_used),
		cmocka_unit_test(test_private_addresses_see_no_packet),
	};

	return cmocka_run_group_tests_name("http_client_leak", tests, NULL, NULL);
}
