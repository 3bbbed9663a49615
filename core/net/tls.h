/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: those that a listener shows, and those that we believe. */
#ifndef ORCH_TLS_H
#define ORCH_TLS_H
#include <orch/abi.h>
#include "base/check.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX: counted, and shared between threads */

/* PEM files; the key must be the certificate's. */
ORCH_MUST_USE int orch_tls_load(const char *certificate, const char *key,
	struct ssl_ctx_st **ret_tls, struct orch_err *err);
void orch_tls_unref(struct ssl_ctx_st *tls); /* accepts NULL */

/* Is FILE one of certificates by which a server can be judged? */
ORCH_MUST_USE int orch_tls_check_ca_file(const char *file, struct orch_err *err);

#endif
