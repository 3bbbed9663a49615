/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PostgreSQL of a test's own, through postgres.py, which also ends it when
 * the test fails.  What goes wrong fails the test.
 */
#ifndef ORCH_TEST_POSTGRES_H
#define ORCH_TEST_POSTGRES_H
#include <orch/abi.h>
#include <stdio.h>
#include <sys/types.h>

struct postgres {
	pid_t pid; /* of postgres.py */
	FILE *commands, *answers;
	char folder[96]; /* of its socket; its data are in "data" below it */
	uint16_t port;   /* on 127.0.0.1, and of the socket */
};

/* Starts it; the data directory is a copy of TEMPLATE, which is made if need be. */
void postgres_open(struct postgres *postgres, const char *template);
void postgres_close(struct postgres *postgres);

/* A fresh database of a role without privileges. */
void postgres_database(struct postgres *postgres, char *ret_dsn, size_t size);
/* As the superuser; what comes of it, rows as words, is cut to SIZE; RET may be NULL. */
void postgres_sql(
	struct postgres *postgres, const char *database, const char *sql, char *ret, size_t size);
/* One line for its configuration, which counts from the next start or "reload" on. */
void postgres_set(struct postgres *postgres, const char *line);
/* "start", "stop", "kill" (as a power cut does), "freeze", "thaw", "reload". */
void postgres_do(struct postgres *postgres, const char *command);

#endif
