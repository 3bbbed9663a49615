/* SPDX-License-Identifier: Apache-2.0 */
/* The server behind TLS, with a certificate made here. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls.h"
#include "support/http_peer.h"
#include "support/stand_in.h"
#include "support/text_assert.h"

#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

struct files {
	char dir[64];
	char pem[96], other_pem[96], sealed[96], empty[96];
};

static void path_in(const struct files *files, const char *name, char ret_path[96])
{
	(void)snprintf(ret_path, 96, "%.60s/%s", files->dir, name);
}

/* A key that asks for a passphrase. */
static void write_sealed_key(const char *path)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	FILE *file = fopen(path, "w");
	unsigned char passphrase[] = "passphrase";

	assert_non_null(key);
	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), passphrase,
				 sizeof(passphrase) - 1, NULL, NULL),
		1);
	assert_int_equal(fclose(file), 0);
	EVP_PKEY_free(key);
}

static int make_files(void **state)
{
	struct files *files = calloc(1, sizeof(*files));
	FILE *empty;

	assert_non_null(files);
	(void)snprintf(files->dir, sizeof(files->dir), "/tmp/orch-tls-XXXXXX");
	assert_non_null(mkdtemp(files->dir));
	path_in(files, "server.pem", files->pem);
	path_in(files, "other.pem", files->other_pem);
	path_in(files, "sealed.pem", files->sealed);
	path_in(files, "empty.pem", files->empty);
	stand_in_make_certificate(files->pem);
	stand_in_make_certificate(files->other_pem);
	write_sealed_key(files->sealed);
	empty = fopen(files->empty, "w");
	assert_non_null(empty);
	assert_int_equal(fclose(empty), 0);
	*state = files;
	return 0;
}

static int remove_files(void **state)
{
	struct files *files = *state;

	unlink(files->pem);
	unlink(files->other_pem);
	unlink(files->sealed);
	unlink(files->empty);
	rmdir(files->dir);
	free(files);
	return 0;
}

static void start(struct served *served, const struct files *files, uint64_t head_ms)
{
	const struct orch_http_server_options options = {
		.certificate = files->pem, .key = files->pem, .limits.head_ms = head_ms
	};

	served_start(served, &options);
}

struct client {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
};

/* Speaks no newer version than MAX_VERSION; whether the handshake succeeds. */
static bool client_open(struct client *client, const struct served *served, int max_version)
{
	client->context = SSL_CTX_new(TLS_client_method());
	assert_non_null(client->context);
	SSL_CTX_set_security_level(client->context, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(client->context, TLS1_VERSION), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(client->context, max_version), 1);
	client->ssl = SSL_new(client->context);
	assert_non_null(client->ssl);
	client->fd = peer_connect(served->port);
	assert_int_equal(SSL_set_fd(client->ssl, client->fd), 1);
	return SSL_connect(client->ssl) == 1;
}

static void client_close(struct client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->context);
	close(client->fd);
	ERR_clear_error();
}

static void client_say(struct client *client, const char *text)
{
	assert_int_equal(SSL_write(client->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* Reads until the answer's body ends in END. */
static void client_expect(struct client *client, const char *begin, const char *end)
{
	char bytes[4096];
	size_t len = 0;

	do {
		int got = SSL_read(client->ssl, bytes + len, (int)(sizeof(bytes) - 1 - len));

		assert_true(got > 0);
		len += (size_t)got;
		bytes[len] = '\0';
	} while (len < strlen(end) || strcmp(bytes + len - strlen(end), end) != 0);
	assert_memory_equal(bytes, begin, strlen(begin));
}

static void client_expect_end(struct client *client)
{
	char byte;
	int got = SSL_read(client->ssl, &byte, 1);

	assert_int_equal(got, 0);
	assert_int_equal(SSL_get_error(client->ssl, got), SSL_ERROR_ZERO_RETURN);
}

static void test_both_modern_versions_are_served(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct served served;

	start(&served, *state, 0);
	for (size_t i = 0; i < 2; i++) {
		struct client client;

		assert_true(client_open(&client, &served, versions[i]));
		assert_int_equal(SSL_version(client.ssl), versions[i]);
		for (int n = 0; n < 3; n++) {
			client_say(&client, HELLO);
			client_expect(&client, "HTTP/1.1 200 OK\r\n", "hello");
		}
		client_say(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
		client_say(&client, "12345");
		client_expect(&client, "HTTP/1.1 200 OK\r\n", "12345");
		client_close(&client);
	}
	served_wait_for_connections(&served, 0);
	served_stop(&served);
}

static void test_older_versions_are_refused(void **state)
{
	struct served served;
	struct client client;

	start(&served, *state, 0);
	assert_false(client_open(&client, &served, TLS1_1_VERSION));
	client_close(&client);
	served_wait_for_connections(&served, 0);
	served_stop(&served);
}

static void test_a_large_answer_arrives_whole(void **state)
{
	struct served served;
	struct client client;
	size_t len = 0;
	char bytes[16384];

	start(&served, *state, 0);
	assert_true(client_open(&client, &served, TLS1_3_VERSION));
	client_say(&client, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	for (;;) {
		int got = SSL_read(client.ssl, bytes, sizeof(bytes));

		if (got <= 0)
			break;
		len += (size_t)got;
	}
	assert_true(len > PEER_BIG_BYTES && len < PEER_BIG_BYTES + 512);
	client_close(&client);
	served_stop(&served);
}

static void test_pipelined_and_pending_requests_are_answered_in_order(void **state)
{
	struct served served;
	struct client client;

	start(&served, *state, 0);
	assert_true(client_open(&client, &served, TLS1_3_VERSION));
	client_say(&client, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n" HELLO);
	served_wait_for_exchange(&served);
	client_say(&client, HELLO);
	served_answer(&served);
	client_expect(&client, "HTTP/1.1 200 OK\r\n", "late");
	client_expect(&client, "HTTP/1.1 200 OK\r\n", "hello");
	client_close(&client);
	served_stop(&served);
}

static void test_a_refusal_arrives_and_the_end_is_a_clean_one(void **state)
{
	struct served served;
	struct client client;

	start(&served, *state, 0);
	assert_true(client_open(&client, &served, TLS1_3_VERSION));
	client_say(&client, "GET /hello HTTP/1.1\nHost: a\n\n" HELLO);
	client_expect(&client, "HTTP/1.1 400 Bad Request\r\n", "does not end in CRLF\n");
	client_expect_end(&client);
	client_close(&client);
	served_wait_for_connections(&served, 0);
	served_stop(&served);
	assert_int_equal(served.handled, 0);
}

static void test_a_half_closed_client_gets_his_answer(void **state)
{
	struct served served;
	struct client client;

	start(&served, *state, 0);
	assert_true(client_open(&client, &served, TLS1_3_VERSION));
	client_say(&client, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(SSL_shutdown(client.ssl), 0);
	served_wait_for_exchange(&served);
	served_answer(&served);
	client_expect(&client, "HTTP/1.1 200 OK\r\n", "late");
	client_expect_end(&client);
	client_close(&client);
	served_stop(&served);
}

static void test_clear_text_gets_no_answer(void **state)
{
	struct served served;
	char bytes[256];
	int fd;

	start(&served, *state, 0);
	fd = peer_connect(served.port);
	assert_true(peer_say(fd, HELLO));
	(void)peer_read_to_end(fd, bytes, sizeof(bytes));
	assert_null(strstr(bytes, "HTTP/1.1"));
	close(fd);
	served_stop(&served);
	assert_int_equal(served.handled, 0);
}

static void test_a_handshake_that_does_not_end_is_cut(void **state)
{
	struct served served;
	int fd;

	start(&served, *state, 100);
	fd = peer_connect(served.port);
	peer_expect_end(fd);
	close(fd);
	served_stop(&served);
}

static void expect_failure(const char *certificate, const char *key, const char *what)
{
	const struct orch_http_server_options options = {
		.listen = "127.0.0.1:0", .certificate = certificate, .key = key
	};
	struct orch_http_server *server;
	struct orch_lane *lane;
	struct orch_err err;

	assert_int_equal(orch_lane_create("tls", &lane, &err), ORCH_OK);
	assert_int_equal(orch_http_server_create(lane, &options, &server, &err), ORCH_E_INVALID);
	assert_contains(err.text, what);
	orch_lane_destroy(lane);
}

static void test_what_is_wrong_with_the_files_is_told(void **state)
{
	const struct files *files = *state;
	char missing[96];

	path_in(files, "missing.pem", missing);
	expect_failure(files->pem, NULL, "without a key");
	expect_failure(missing, files->pem, "certificate /tmp/");
	expect_failure(missing, files->pem, "No such file");
	expect_failure(files->pem, missing, "key /tmp/");
	expect_failure(files->empty, files->pem, "empty.pem: ");
	expect_failure(files->pem, files->empty, "empty.pem: ");
	expect_failure(files->pem, files->other_pem, "other.pem: ");
	expect_failure(files->pem, files->sealed, "sealed.pem: ");
	expect_failure(files->dir, files->pem, "not a regular file");
}

static struct ssl_ctx_st *next_tls;

static void take_next_tls(struct served *served)
{
	orch_http_server_set_tls(served->server, next_tls);
}

/* Is what the server shows the first certificate of PEM? */
static bool shows(struct client *client, const char *pem)
{
	X509 *shown = SSL_get1_peer_certificate(client->ssl), *wanted;
	FILE *file = fopen(pem, "r");
	bool same;

	assert_non_null(file);
	wanted = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	assert_non_null(shown);
	assert_non_null(wanted);
	same = X509_cmp(shown, wanted) == 0;
	X509_free(shown);
	X509_free(wanted);
	return same;
}

static void test_another_certificate_is_for_connections_from_then_on(void **state)
{
	const struct files *files = *state;
	struct client before, after;
	struct served served;
	struct orch_err err;

	start(&served, files, 0);
	assert_true(client_open(&before, &served, TLS1_3_VERSION));
	assert_true(shows(&before, files->pem));
	assert_int_equal(
		orch_tls_load(files->other_pem, files->other_pem, &next_tls, &err), ORCH_OK);
	served_do(&served, take_next_tls);
	orch_tls_unref(next_tls);
	assert_true(client_open(&after, &served, TLS1_3_VERSION));
	assert_true(shows(&after, files->other_pem));
	client_say(&before, HELLO);
	client_expect(&before, "HTTP/1.1 200 OK\r\n", "hello");
	client_say(&after, HELLO);
	client_expect(&after, "HTTP/1.1 200 OK\r\n", "hello");
	client_close(&before);
	client_close(&after);
	served_wait_for_connections(&served, 0);
	served_stop(&served);
}

static void test_what_is_no_file_of_certificates_is_told(void **state)
{
	const struct files *files = *state;
	struct orch_err err = { "" };

	assert_int_equal(orch_tls_check_ca_file(files->pem, &err), ORCH_OK);
	assert_int_equal(orch_tls_check_ca_file(files->empty, &err), ORCH_E_INVALID);
	assert_contains(err.text, files->empty);
	assert_int_equal(orch_tls_check_ca_file(files->sealed, &err), ORCH_E_INVALID);
	assert_int_equal(orch_tls_check_ca_file(files->dir, &err), ORCH_E_INVALID);
	assert_contains(err.text, "not a regular file");
	assert_int_equal(orch_tls_check_ca_file("/nowhere/ca.pem", &err), ORCH_E_INVALID);
	assert_contains(err.text, "No such file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_modern_versions_are_served),
		cmocka_unit_test(test_older_versions_are_refused),
		cmocka_unit_test(test_a_large_answer_arrives_whole),
		cmocka_unit_test(test_pipelined_and_pending_requests_are_answered_in_order),
		cmocka_unit_test(test_a_refusal_arrives_and_the_end_is_a_clean_one),
		cmocka_unit_test(test_a_half_closed_client_gets_his_answer),
		cmocka_unit_test(test_clear_text_gets_no_answer),
		cmocka_unit_test(test_a_handshake_that_does_not_end_is_cut),
		cmocka_unit_test(test_what_is_wrong_with_the_files_is_told),
		cmocka_unit_test(test_another_certificate_is_for_connections_from_then_on),
		cmocka_unit_test(test_what_is_no_file_of_certificates_is_told),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
