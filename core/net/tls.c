/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/path.h"

/* A key with a passphrase would have OpenSSL ask on the terminal. */
static int no_passphrase(char *buf, int size, int is_write, void *arg)
{
	(void)buf;
	(void)size;
	(void)is_write;
	(void)arg;
	return -1;
}

static const char *tls_problem(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "not usable";
}

static int check_readable(const char *what, const char *path, struct orch_err *err)
{
	struct stat found;

	if (orch_path_access(path, R_OK) < 0 || orch_path_stat(path, &found) < 0)
		return orch_fail(
			err, ORCH_E_INVALID, "%s %s: %s", what, path, orch_errno_text(errno));
	/* A pipe of that name must not hold up the start. */
	if (!S_ISREG(found.st_mode))
		return orch_fail(err, ORCH_E_INVALID, "%s %s: not a regular file", what, path);
	return ORCH_OK;
}

static int use_files(SSL_CTX *tls, const char *certificate, const char *key, struct orch_err *err)
{
	if (check_readable("certificate", certificate, err) < 0 ||
		check_readable("key", key, err) < 0)
		return ORCH_E_INVALID;
	if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1)
		return orch_fail(
			err, ORCH_E_INVALID, "certificate %s: %s", certificate, tls_problem());
	if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		return orch_fail(err, ORCH_E_INVALID, "key %s: %s", key, tls_problem());
	if (SSL_CTX_check_private_key(tls) != 1)
		return orch_fail(
			err, ORCH_E_INVALID, "key %s: does not belong to %s", key, certificate);
	return ORCH_OK;
}

int orch_tls_load(
	const char *certificate, const char *key, struct ssl_ctx_st **ret_tls, struct orch_err *err)
{
	SSL_CTX *tls;
	int code;

	if (!key)
		return orch_fail(err, ORCH_E_INVALID, "a certificate without a key");
	ERR_clear_error();
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls)
		return orch_fail(err, ORCH_E_NOMEM, "TLS: %s", tls_problem());
	SSL_CTX_set_default_passwd_cb(tls, no_passphrase);
	(void)SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS); /* 34 KB of each idle connection */
	if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
		code = orch_fail(err, ORCH_E_INTERNAL, "TLS: %s", tls_problem());
	else
		code = use_files(tls, certificate, key, err);
	ERR_clear_error();
	if (code < 0) {
		SSL_CTX_free(tls);
		return code;
	}
	*ret_tls = tls;
	return ORCH_OK;
}

void orch_tls_unref(struct ssl_ctx_st *tls)
{
	SSL_CTX_free(tls);
}

int orch_tls_check_ca_file(const char *file, struct orch_err *err)
{
	int code = check_readable("CA file", file, err);
	X509_STORE *store;

	if (code < 0)
		return code;
	ERR_clear_error();
	store = X509_STORE_new();
	if (!store)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	if (X509_STORE_load_file(store, file) != 1)
		code = orch_fail(err, ORCH_E_INVALID, "CA file %s: %s", file, tls_problem());
	X509_STORE_free(store);
	ERR_clear_error();
	return code;
}
