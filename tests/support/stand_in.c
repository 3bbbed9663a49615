/* SPDX-License-Identifier: Apache-2.0 */
#include "support/stand_in.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
#define STACK_BYTES (256 * 1024)

struct served {
	struct served *next;
	pthread_t thread;
	bool is_done; /* the descriptor is closed */
	struct stand_in_conn conn;
};

struct stand_in {
	int fd;
	uint16_t port;
	void (*serve)(struct stand_in_conn *conn);
	void *arg;
	SSL_CTX *tls;
	pthread_t acceptor;
	pthread_mutex_t lock; /* all below */
	struct served *served;
	unsigned connections, open, open_max, requests;
	uint64_t bytes;
};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "stand-in: %s: %m\n", what);
	abort();
}

static void *run_connection(void *arg)
{
	struct served *served = arg;
	struct stand_in *owner = served->conn.owner;
	bool is_ready = true;

	if (owner->tls) {
		served->conn.tls = SSL_new(owner->tls);
		must(served->conn.tls && SSL_set_fd(served->conn.tls, served->conn.fd) == 1, "SSL");
		is_ready = SSL_accept(served->conn.tls) == 1;
	}
	if (is_ready)
		owner->serve(&served->conn);
	if (served->conn.tls && is_ready)
		(void)SSL_shutdown(served->conn.tls);
	SSL_free(served->conn.tls);
	(void)pthread_mutex_lock(&owner->lock);
	(void)close(served->conn.fd);
	served->is_done = true;
	owner->open--;
	(void)pthread_mutex_unlock(&owner->lock);
	return NULL;
}

static void begin_connection(struct stand_in *stand_in, int fd)
{
	struct served *served = calloc(1, sizeof(*served));
	pthread_attr_t attributes;

	must(served != NULL, "calloc");
	served->conn.owner = stand_in;
	served->conn.arg = stand_in->arg;
	served->conn.fd = fd;
	(void)pthread_mutex_lock(&stand_in->lock);
	served->next = stand_in->served;
	stand_in->served = served;
	stand_in->connections++;
	stand_in->open++;
	if (stand_in->open > stand_in->open_max)
		stand_in->open_max = stand_in->open;
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	must(pthread_create(&served->thread, &attributes, run_connection, served) == 0, "thread");
	(void)pthread_attr_destroy(&attributes);
	(void)pthread_mutex_unlock(&stand_in->lock);
}

static void *accept_all(void *arg)
{
	struct stand_in *stand_in = arg;
	int fd;

	while ((fd = accept4(stand_in->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR) {
		if (fd >= 0)
			begin_connection(stand_in, fd);
	}
	return NULL;
}

static int listen_at(const char *address, uint16_t *ret_port)
{
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	bool is_ipv6 = inet_pton(AF_INET6, address, &ipv6.sin6_addr) == 1;
	struct sockaddr *name = is_ipv6 ? (struct sockaddr *)&ipv6 : (struct sockaddr *)&ipv4;
	socklen_t len = is_ipv6 ? sizeof(ipv6) : sizeof(ipv4);
	int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(is_ipv6 || inet_pton(AF_INET, address, &ipv4.sin_addr) == 1, address);
	must(fd >= 0 && bind(fd, name, len) == 0 && listen(fd, BACKLOG) == 0, address);
	must(getsockname(fd, name, &len) == 0, "getsockname");
	*ret_port = ntohs(is_ipv6 ? ipv6.sin6_port : ipv4.sin_port);
	return fd;
}

static SSL_CTX *load_pem(const char *pem)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	must(tls != NULL, "SSL_CTX");
	must(SSL_CTX_use_certificate_chain_file(tls, pem) == 1, pem);
	must(SSL_CTX_use_PrivateKey_file(tls, pem, SSL_FILETYPE_PEM) == 1, pem);
	return tls;
}

struct stand_in *stand_in_start(
	const char *address, const char *pem, void (*serve)(struct stand_in_conn *conn), void *arg)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct stand_in *stand_in = calloc(1, sizeof(*stand_in));

	must(stand_in != NULL, "calloc");
	(void)sigaction(SIGPIPE, &ignore, NULL);
	stand_in->serve = serve;
	stand_in->arg = arg;
	stand_in->tls = pem ? load_pem(pem) : NULL;
	stand_in->fd = listen_at(address, &stand_in->port);
	(void)pthread_mutex_init(&stand_in->lock, NULL);
	must(pthread_create(&stand_in->acceptor, NULL, accept_all, stand_in) == 0, "thread");
	return stand_in;
}

void stand_in_stop(struct stand_in *stand_in)
{
	(void)shutdown(stand_in->fd, SHUT_RDWR);
	(void)pthread_join(stand_in->acceptor, NULL);
	(void)close(stand_in->fd);
	(void)pthread_mutex_lock(&stand_in->lock);
	for (struct served *served = stand_in->served; served; served = served->next) {
		if (!served->is_done)
			(void)shutdown(served->conn.fd, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&stand_in->lock);
	while (stand_in->served) {
		struct served *served = stand_in->served;

		stand_in->served = served->next;
		(void)pthread_join(served->thread, NULL);
		free(served);
	}
	SSL_CTX_free(stand_in->tls);
	(void)pthread_mutex_destroy(&stand_in->lock);
	free(stand_in);
}

uint16_t stand_in_port(const struct stand_in *stand_in)
{
	return stand_in->port;
}

static uint64_t locked(const struct stand_in *stand_in, const void *number, size_t size)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&stand_in->lock;
	uint64_t wide = 0;
	unsigned narrow = 0;

	(void)pthread_mutex_lock(lock);
	memcpy(size == sizeof(wide) ? (void *)&wide : (void *)&narrow, number, size);
	(void)pthread_mutex_unlock(lock);
	return wide + narrow;
}

unsigned stand_in_connections(const struct stand_in *stand_in)
{
	return (unsigned)locked(stand_in, &stand_in->connections, sizeof(unsigned));
}

unsigned stand_in_open(const struct stand_in *stand_in)
{
	return (unsigned)locked(stand_in, &stand_in->open, sizeof(unsigned));
}

unsigned stand_in_open_max(const struct stand_in *stand_in)
{
	return (unsigned)locked(stand_in, &stand_in->open_max, sizeof(unsigned));
}

unsigned stand_in_requests(const struct stand_in *stand_in)
{
	return (unsigned)locked(stand_in, &stand_in->requests, sizeof(unsigned));
}

uint64_t stand_in_bytes(const struct stand_in *stand_in)
{
	return locked(stand_in, &stand_in->bytes, sizeof(uint64_t));
}

/* Appends what has come to conn->request. */
static bool read_more(struct stand_in_conn *conn)
{
	char *to = conn->request + conn->len;
	size_t room = sizeof(conn->request) - 1 - conn->len;
	ssize_t got;

	if (conn->tls)
		got = SSL_read(conn->tls, to, (int)room);
	else
		got = recv(conn->fd, to, room, 0);
	if (got <= 0)
		return false;
	conn->len += (size_t)got;
	conn->request[conn->len] = '\0';
	(void)pthread_mutex_lock(&conn->owner->lock);
	conn->owner->bytes += (uint64_t)got;
	(void)pthread_mutex_unlock(&conn->owner->lock);
	return true;
}

/* What belongs to the last request makes room for the next. */
static void forget_request(struct stand_in_conn *conn)
{
	memmove(conn->request, conn->request + conn->request_len, conn->len - conn->request_len);
	conn->len -= conn->request_len;
	conn->request[conn->len] = '\0';
	conn->request_len = 0;
}

static size_t content_length(const char *head)
{
	const char *found = strcasestr(head, "\r\nContent-Length:");

	return found ? strtoul(found + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

bool stand_in_read_request(struct stand_in_conn *conn)
{
	char *end;

	forget_request(conn);
	while ((end = strstr(conn->request, "\r\n\r\n")) == NULL) {
		if (!read_more(conn))
			return false;
	}
	conn->body = end + 4;
	conn->request_len = (size_t)(conn->body - conn->request) + content_length(conn->request);
	while (conn->len < conn->request_len) {
		if (!read_more(conn))
			return false;
	}
	(void)pthread_mutex_lock(&conn->owner->lock);
	conn->owner->requests++;
	(void)pthread_mutex_unlock(&conn->owner->lock);
	return true;
}

bool stand_in_read_line(struct stand_in_conn *conn)
{
	char *end;

	forget_request(conn);
	while ((end = strstr(conn->request, "\r\n")) == NULL) {
		if (!read_more(conn))
			return false;
	}
	*end = '\0';
	conn->request_len = (size_t)(end - conn->request) + 2;
	return true;
}

bool stand_in_write(struct stand_in_conn *conn, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len > 0) {
		ssize_t put = conn->tls ? SSL_write(conn->tls, from, (int)len)
					: send(conn->fd, from, len, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		from += put;
		len -= (size_t)put;
	}
	return true;
}

bool stand_in_say(struct stand_in_conn *conn, const char *text)
{
	return stand_in_write(conn, text, strlen(text));
}

bool stand_in_answer(
	struct stand_in_conn *conn, const char *status, const char *headers, const char *body)
{
	char head[1024];

	(void)snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status,
		headers, strlen(body));
	return stand_in_say(conn, head) && stand_in_say(conn, body);
}

void stand_in_wait_for_end(struct stand_in_conn *conn)
{
	do {
		conn->len = 0;
	} while (read_more(conn));
	conn->request_len = 0;
}

void stand_in_reset(struct stand_in_conn *conn)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

static void add_names(X509 *certificate)
{
	X509_EXTENSION *names =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");

	must(names && X509_add_ext(certificate, names, -1) == 1, "subjectAltName");
	X509_EXTENSION_free(names);
}

void stand_in_make_certificate(const char *path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	const unsigned char common[] = "stand-in";
	FILE *file = fopen(path, "w");

	must(key && certificate && file, path);
	(void)X509_set_version(certificate, X509_VERSION_3);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 3600);
	(void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
	(void)X509_set_issuer_name(certificate, name);
	(void)X509_set_pubkey(certificate, key);
	add_names(certificate);
	must(X509_sign(certificate, key, EVP_sha256()) > 0, "sign");
	must(PEM_write_X509(file, certificate) == 1, path);
	must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1, path);
	must(fclose(file) == 0, path);
	X509_free(certificate);
	EVP_PKEY_free(key);
}
