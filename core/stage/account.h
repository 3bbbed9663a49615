/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts at Amazon's through which plugins call.  They are opened with
 * each plan, belong to the main lane, and are closed there once nobody calls
 * through them any more; each lane's crew has clients of its own.
 */
#ifndef ORCH_ACCOUNT_H
#define ORCH_ACCOUNT_H
#include <stdatomic.h>
#include <sys/queue.h>
#include "config/account.h"

/* The only service that plugins call so far. */
#define ORCH_ACCOUNT_SERVICE ORCH_AWS_KINESIS

/* Those of one plan. */
struct orch_accounts {
	TAILQ_ENTRY(orch_accounts) link;
	size_t count;
	_Atomic bool is_over; /* the plan is gone, and with it who calls */
	struct orch_aws *items[];
};

/* Of the main lane: all that are not closed yet. */
TAILQ_HEAD(orch_account_book, orch_accounts);

/* On LANE's own thread, the main one, or before it runs; CONFIG's secrets are loaded, and copied. */
ORCH_MUST_USE int orch_accounts_open(struct orch_account_book *book,
	const struct orch_config *config, struct orch_lane *lane,
	struct orch_accounts **ret_accounts, struct orch_err *err);
/* From any thread, once no client of theirs is left; accepts NULL. */
void orch_accounts_end(struct orch_accounts *accounts);
/* Closes those that have been ended; on the lane, or after it has ended. */
void orch_accounts_sweep(struct orch_account_book *book);

/* A crew's clients, made when they are first needed. */
struct orch_callers {
	const struct orch_accounts *accounts; /* NULL: none was opened */
	struct orch_aws_client **clients;
};

/* ORCH_E_DENIED: there is no such account, or none is open. */
ORCH_MUST_USE int orch_callers_find(struct orch_callers *callers, orch_account account,
	struct orch_lane *lane, struct orch_http_client *http, struct orch_aws_client **ret_client,
	struct orch_err *err);
/* On their lane; what is under way is cancelled. */
void orch_callers_fini(struct orch_callers *callers);

#endif
