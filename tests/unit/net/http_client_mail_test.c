/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "support/http_world.h"

#define SEEN_BYTES 65536

/* A mail server that writes down what it hears, a line each. */
struct post_office {
	pthread_mutex_t lock;
	char seen[SEEN_BYTES];
	size_t len;
	const char *greeting; /* lines after EHLO */
	const char *refused;  /* the command that is refused, and with what */
	const char *refusal;
	bool is_mute; /* after QUIT */
};

static void write_down(struct post_office *office, const char *line)
{
	pthread_mutex_lock(&office->lock);
	office->len += (size_t)snprintf(
		office->seen + office->len, sizeof(office->seen) - office->len, "%s\n", line);
	assert_true(office->len < sizeof(office->seen));
	pthread_mutex_unlock(&office->lock);
}

static bool take_message(struct stand_in_conn *conn)
{
	if (!stand_in_say(conn, "354 go on\r\n"))
		return false;
	while (stand_in_read_line(conn)) {
		write_down(conn->arg, conn->request);
		if (strcmp(conn->request, ".") == 0)
			return stand_in_say(conn, "250 queued\r\n");
	}
	return false;
}

static void serve_mail(struct stand_in_conn *conn)
{
	struct post_office *office = conn->arg;
	bool goes_on = stand_in_say(conn, "220 stand-in\r\n");

	while (goes_on && stand_in_read_line(conn)) {
		const char *line = conn->request;

		write_down(office, line);
		if (office->refused && strncmp(line, office->refused, strlen(office->refused)) == 0)
			goes_on = stand_in_say(conn, office->refusal);
		else if (strncmp(line, "EHLO", 4) == 0)
			goes_on = stand_in_say(conn, office->greeting);
		else if (strncmp(line, "AUTH", 4) == 0)
			goes_on = stand_in_say(conn, "235 welcome\r\n");
		else if (strcmp(line, "DATA") == 0)
			goes_on = take_message(conn);
		else if (office->is_mute && strcmp(line, "QUIT") == 0)
			stand_in_wait_for_end(conn);
		else
			goes_on = stand_in_say(conn, "250 ok\r\n") && strcmp(line, "QUIT") != 0;
	}
}

static struct post_office open_office(void)
{
	return (struct post_office){ .lock = PTHREAD_MUTEX_INITIALIZER,
		.greeting = "250-stand-in\r\n250 AUTH PLAIN\r\n" };
}

static struct orch_request mail_to(
	const struct stand_in *server, const char *headers, const char *body)
{
	static char url[64];

	(void)snprintf(url, sizeof(url), "smtp://127.0.0.1:%u", (unsigned)stand_in_port(server));
	return (struct orch_request){ .size = sizeof(struct orch_request),
		.method = ORCH_TEXT("MAIL"),
		.url = orch_text_from(url),
		.headers = orch_text_from(headers),
		.body = orch_text_from(body) };
}

/* Sends one mail and gives what the office has seen of it. */
static void send_mail(struct post_office *office, const char *headers, const char *body,
	struct http_answer *answer)
{
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_mail, office);
	struct orch_request request = mail_to(server, headers, body);
	struct http_world world;

	*answer = (struct http_answer){ .status = -1 };
	http_world_init(&world, NULL);
	http_send(&world, answer, &request);
	http_world_fini(&world);
	stand_in_stop(server);
}

static void test_a_mail_arrives_with_envelope_and_message(void **state)
{
	struct post_office office = open_office();
	struct http_answer answer;

	(void)state;
	send_mail(&office,
		"From: DLP Guard <guard@example.com>\n"
		"To: a@example.com, \"Roe, Jane\" <b@example.com>\n"
		"Cc: c@example.com\nBcc: d@example.com\nSubject: A finding\n"
		"Date: Wed, 21 Oct 2015 07:28:00 +0000\n",
		"first\n.\n..second\r\nthird", &answer);
	assert_int_equal(answer.status, 250);
	assert_string_equal(answer.problem, "");
	assert_true(answer.was_sent);
	assert_non_null(strstr(office.seen, "MAIL FROM:<guard@example.com>"));
	assert_non_null(strstr(office.seen,
		"\nRCPT TO:<a@example.com>\nRCPT TO:<b@example.com>\nRCPT TO:<c@example.com>\n"
		"RCPT TO:<d@example.com>\nDATA\n"
		"From: DLP Guard <guard@example.com>\n"
		"To: a@example.com,\n \"Roe, Jane\" <b@example.com>\n"
		"Cc: c@example.com\n"
		"Subject: A finding\n"
		"Date: Wed, 21 Oct 2015 07:28:00 +0000\n"
		"MIME-Version: 1.0\n"
		"Content-Type: text/plain; charset=utf-8\n"
		"\n"
		"first\n..\n...second\nthird\n.\n"));
	http_answer_fini(&answer);
}

static void test_text_that_is_not_ascii_is_encoded(void **state)
{
	struct post_office office = open_office();
	struct http_answer answer;
	char body[1500];

	(void)state;
	memset(body, 'x', 1100);
	(void)snprintf(body + 1100, sizeof(body) - 1100, "\nGr\303\274\303\237e = \nend");
	send_mail(&office,
		"From: a@example.com\nTo: b@example.com\n"
		"Subject: "
		"\303\244\303\266\303\274\303\244\303\266\303\274\303\244\303\266\303\274\303\244"
		"\303\266\303\274\303\244\303\266\303\274\303\244\303\266\303\274\303\244\303\266"
		"\xc3\xbc\xc3\xa4\xc3\xb6\n",
		body, &answer);
	assert_int_equal(answer.status, 250);
	assert_non_null(strstr(office.seen,
		"\nSubject: =?UTF-8?B?w6TDtsO8w6TDtsO8w6TDtsO8w6TDtsO8w6TDtsO8w6TDtsO8w6Q=?=\n"
		" =?UTF-8?B?w7bDvMOkw7Y=?=\n"));
	assert_non_null(strstr(office.seen, "\nContent-Transfer-Encoding: quoted-printable\n"));
	assert_non_null(strstr(office.seen, "\nGr=C3=BC=C3=9Fe =3D=20\nend\n.\n"));
	assert_non_null(strstr(office.seen, "xxxxx=\nxxxxx"));
	for (const char *line = office.seen; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 76);
	http_answer_fini(&answer);
}

static void test_a_date_is_added(void **state)
{
	struct post_office office = open_office();
	struct http_answer answer;

	(void)state;
	send_mail(&office, "From: a@example.com\nTo: b@example.com\n", "", &answer);
	assert_int_equal(answer.status, 250);
	assert_non_null(strstr(office.seen, "\nDate: "));
	assert_non_null(strstr(office.seen, " +0000\nMIME-Version"));
	http_answer_fini(&answer);
}

static void test_a_mail_servers_refusal_is_an_answer(void **state)
{
	static const struct {
		const char *command, *refusal;
		int status;
		const char *body;
	} rows[] = {
		{ "RCPT TO:<b@", "550 5.1.1 no such user\r\n", 550, "550 5.1.1 no such user" },
		{ "RCPT TO:<c@", "451 try later\r\n", 451, "451 try later" },
		{ "MAIL", "552 too much\r\n", 552, "552 too much" },
		{ "DATA", "554 no\r\n", 554, "554 no" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct post_office office = open_office();
		struct http_answer answer;

		office.refused = rows[i].command;
		office.refusal = rows[i].refusal;
		send_mail(&office, "From: a@example.com\nTo: b@example.com,c@example.com\n", "x",
			&answer);
		assert_int_equal(answer.status, rows[i].status);
		assert_string_equal(answer.body, rows[i].body);
		http_answer_fini(&answer);
	}
}

static void test_a_mail_that_is_none_is_not_sent(void **state)
{
	static const char *const headers[] = { "", "From: a@example.com\n", "To: b@example.com\n",
		"From: a\nTo: b@example.com\n", "From: a@\nTo: b@example.com\n",
		"From: @a\nTo: b@example.com\n", "From: a@b@c\nTo: b@example.com\n",
		"From: a@example.com\nTo: b\n", "From: a@example.com\nTo: b@example.com,,c@x\n",
		"From: a@example.com\nTo: <b@example.com\n",
		"From: a@example.com\nTo: b@example.com> SIZE=1\n",
		"From: a@example.com\nTo: b @example.com\n",
		"From: a@example.com\nFrom: a@example.com\nTo: b@example.com\n",
		"From: a@example.com\nTo: b@ex\xc3\xa4mple.com\n",
		"From: a@example.com\nTo: b@example.com\nSubject: \xff\n",
		"From: a@example.com\nTo: b@example.com\nSubject: x\rBcc: c@example.com\n",
		"From: a@example.com\nTo: b@example.com\nnonsense\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct post_office office = open_office();
		struct http_answer answer;

		send_mail(&office, headers[i], "x", &answer);
		if (answer.refused == ORCH_OK)
			fail_msg("sent: %s", headers[i]);
		assert_int_equal(office.len, 0);
	}
}

static void test_mail_and_http_do_not_mix(void **state)
{
	struct post_office office = open_office();
	struct stand_in *server = stand_in_start("127.0.0.1", NULL, serve_mail, &office);
	struct orch_request request = mail_to(server, "From: a@x.y\nTo: b@x.y\n", "x");
	struct http_answer answer = { .status = -1 };
	struct http_world world;

	(void)state;
	http_world_init(&world, NULL);
	request.method = ORCH_TEXT("GET");
	http_begin(&world, &answer, &request, NULL);
	assert_int_equal(answer.refused, ORCH_E_DENIED);
	http_world_fini(&world);
	stand_in_stop(server);
}

struct login {
	const char *scheme, *host, *secret, *pem;
	enum orch_scheme kind;
};

static void send_with_login(
	struct post_office *office, const struct login *login, struct http_answer *answer)
{
	struct stand_in *server = stand_in_start("0.0.0.0", login->pem, serve_mail, office);
	const struct orch_http_client_options options = { .ca_file = login->pem };
	struct orch_request request = mail_to(server, "From: a@x.y\nTo: b@x.y\n", "x");
	struct orch_host_pattern pattern = { orch_text_from(login->host), false, 0 };
	struct orch_secret *secret = orch_secret_create(orch_text_from(login->secret));
	const struct orch_credential_entry entry = { .name = ORCH_TEXT("mail"),
		.scheme = login->kind,
		.hosts = &pattern,
		.host_count = 1,
		.secret = secret };
	const struct orch_origin origin = { orch_text_from(login->scheme),
		orch_text_from(login->host), stand_in_port(server) };
	struct http_world world;
	struct orch_err err;
	char url[128];

	*answer = (struct http_answer){ .status = -1 };
	http_world_init(&world, &options);
	assert_int_equal(
		orch_network_parse(ORCH_TEXT("0.0.0.0/0"), &world.networks[0], &err), ORCH_OK);
	world.egress.credentials = &entry;
	world.egress.credential_count = 1;
	world.egress.origins = &origin;
	world.egress.origin_count = 1;
	(void)snprintf(url, sizeof(url), "%s://%s:%u/", login->scheme, login->host,
		(unsigned)stand_in_port(server));
	request.url = orch_text_from(url);
	request.credential = 1;
	http_send(&world, answer, &request);
	http_world_fini(&world);
	stand_in_stop(server);
	orch_secret_destroy(secret);
}

static void test_a_login_goes_to_this_machine_in_the_clear(void **state)
{
	const struct login login = { "smtp", "127.0.0.1", "guard:open:sesame", NULL,
		ORCH_SCHEME_BASIC };
	struct post_office office = open_office();
	struct http_answer answer;

	(void)state;
	send_with_login(&office, &login, &answer);
	assert_int_equal(answer.status, 250);
	assert_non_null(strstr(office.seen, "AUTH PLAIN AGd1YXJkAG9wZW46c2VzYW1l\n"));
	http_answer_fini(&answer);
}

/* 0.0.0.0 is this machine to the kernel, but not to those who read the rule. */
static void test_a_login_goes_nowhere_else_in_the_clear(void **state)
{
	const struct login login = { "smtp", "0.0.0.0", "guard:sesame", NULL, ORCH_SCHEME_BASIC };
	struct post_office office = open_office();
	struct http_answer answer;

	(void)state;
	send_with_login(&office, &login, &answer);
	assert_int_equal(answer.status, 0);
	assert_string_equal(answer.problem,
		"the mail server offers no STARTTLS, without which no password is sent");
	assert_null(strstr(office.seen, "AUTH"));
	assert_false(answer.was_sent);
	http_answer_fini(&answer);
}

static void test_a_login_goes_by_tls(void **state)
{
	const char pem[] = TEST_BINARY_DIR "/http_client_mail.pem";
	const struct login login = { "smtps", "127.0.0.1", "guard:sesame", pem, ORCH_SCHEME_BASIC };
	struct post_office office = open_office();
	struct http_answer answer;

	(void)state;
	stand_in_make_certificate(pem);
	send_with_login(&office, &login, &answer);
	assert_int_equal(answer.status, 250);
	assert_non_null(strstr(office.seen, "AUTH PLAIN"));
	assert_non_null(strstr(office.seen, "\nx\n.\n"));
	http_answer_fini(&answer);
	(void)unlink(pem);
}

static void test_nobody_waits_for_the_answer_to_quit(void **state)
{
	static const char *const refused[] = { "RCPT TO:<b@", NULL };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct post_office office = open_office();
		struct http_answer answer;

		office.is_mute = true;
		office.refused = refused[i];
		office.refusal = "550 no\r\n";
		send_mail(&office, "From: a@example.com\nTo: b@example.com\n", "x", &answer);
		assert_int_equal(answer.status, refused[i] ? 550 : 250);
		assert_non_null(strstr(office.seen, "QUIT"));
		/* The limit on each of the server's answers, which a wait would have reached. */
		assert_true(answer.took_ms < 15000);
		http_answer_fini(&answer);
	}
}

static void test_a_refused_login_is_an_answer(void **state)
{
	const struct login login = { "smtp", "127.0.0.1", "guard:sesame", NULL, ORCH_SCHEME_BASIC };
	struct post_office office = open_office();
	struct http_answer answer;

	(void)state;
	office.refused = "AUTH";
	office.refusal = "535 no\r\n";
	send_with_login(&office, &login, &answer);
	assert_int_equal(answer.status, 535);
	assert_false(answer.was_sent);
	http_answer_fini(&answer);
}

static void test_a_login_that_is_none_is_denied(void **state)
{
	static const struct login rows[] = {
		{ "smtp", "127.0.0.1", "guard", NULL, ORCH_SCHEME_BASIC },
		{ "smtp", "127.0.0.1", "guard:sesame", NULL, ORCH_SCHEME_BEARER },
		{ "smtp", "127.0.0.1", "guard:ses\r\name", NULL, ORCH_SCHEME_BASIC },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct post_office office = open_office();
		struct http_answer answer;

		send_with_login(&office, &rows[i], &answer);
		assert_int_equal(answer.refused, ORCH_E_DENIED);
		assert_null(strstr(answer.problem, "guard"));
		assert_int_equal(office.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mail_arrives_with_envelope_and_message),
		cmocka_unit_test(test_text_that_is_not_ascii_is_encoded),
		cmocka_unit_test(test_a_date_is_added),
		cmocka_unit_test(test_a_mail_servers_refusal_is_an_answer),
		cmocka_unit_test(test_a_mail_that_is_none_is_not_sent),
		cmocka_unit_test(test_mail_and_http_do_not_mix),
		cmocka_unit_test(test_a_login_goes_to_this_machine_in_the_clear),
		cmocka_unit_test(test_a_login_goes_nowhere_else_in_the_clear),
		cmocka_unit_test(test_a_login_goes_by_tls),
		cmocka_unit_test(test_nobody_waits_for_the_answer_to_quit),
		cmocka_unit_test(test_a_refused_login_is_an_answer),
		cmocka_unit_test(test_a_login_that_is_none_is_denied),
	};

	return cmocka_run_group_tests_name("http_client_mail", tests, NULL, NULL);
}
