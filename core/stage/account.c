/* SPDX-License-Identifier: Apache-2.0 */
#include "stage/account.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

static int open_one(const struct orch_config *config, const struct orch_config_account *account,
	struct orch_lane *lane, struct orch_aws **ret_aws, struct orch_err *err)
{
	struct orch_aws_options options =
		orch_config_aws_options(config, &account->aws, ORCH_ACCOUNT_SERVICE);
	int rc = orch_aws_create(&options, lane, ret_aws, err);

	if (rc != ORCH_OK) {
		orch_err_prefix(err, "accounts.%.*s", ORCH_TEXT_ARG(account->name));
		return rc;
	}
	if (orch_aws_warning(*ret_aws).len > 0)
		orch_log(ORCH_LOG_WARN, "aws.credentials", ORCH_LOG_TEXT("account", account->name),
			ORCH_LOG_TEXT("what", orch_aws_warning(*ret_aws)));
	return ORCH_OK;
}

int orch_accounts_open(struct orch_account_book *book, const struct orch_config *config,
	struct orch_lane *lane, struct orch_accounts **ret_accounts, struct orch_err *err)
{
	struct orch_accounts *accounts =
		orch_alloc(sizeof(*accounts) + config->account_count * sizeof(accounts->items[0]));
	int rc = ORCH_OK;

	if (accounts == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for the accounts");
	accounts->count = config->account_count;
	TAILQ_INSERT_TAIL(book, accounts, link);
	for (size_t i = 0; i < accounts->count && rc == ORCH_OK; i++)
		rc = open_one(config, &config->accounts[i], lane, &accounts->items[i], err);
	if (rc == ORCH_OK)
		*ret_accounts = accounts;
	else
		orch_accounts_end(accounts);
	return rc;
}

void orch_accounts_end(struct orch_accounts *accounts)
{
	if (accounts != NULL)
		accounts->is_over = true;
}

void orch_accounts_sweep(struct orch_account_book *book)
{
	struct orch_accounts *accounts, *next;

	for (accounts = TAILQ_FIRST(book); accounts != NULL; accounts = next) {
		next = TAILQ_NEXT(accounts, link);
		if (!accounts->is_over)
			continue;
		TAILQ_REMOVE(book, accounts, link);
		for (size_t i = 0; i < accounts->count; i++)
			orch_aws_destroy(accounts->items[i]);
		orch_free(accounts);
	}
}

int orch_callers_find(struct orch_callers *callers, orch_account account, struct orch_lane *lane,
	struct orch_http_client *http, struct orch_aws_client **ret_client, struct orch_err *err)
{
	size_t count = callers == NULL || callers->accounts == NULL ? 0 : callers->accounts->count;
	struct orch_aws_client **client;

	if (account == 0 || account > count)
		return orch_fail(
			err, ORCH_E_DENIED, "the request names no account of the configuration");
	if (callers->clients == NULL)
		callers->clients = orch_alloc_array(count, sizeof(struct orch_aws_client *));
	if (callers->clients == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "no memory for a client");
	client = &callers->clients[account - 1];
	if (*client == NULL) {
		int rc = orch_aws_client_create(callers->accounts->items[account - 1],
			ORCH_ACCOUNT_SERVICE, lane, http, client, err);

		if (rc != ORCH_OK)
			return rc;
	}
	*ret_client = *client;
	return ORCH_OK;
}

void orch_callers_fini(struct orch_callers *callers)
{
	for (size_t i = 0; callers->clients != NULL && i < callers->accounts->count; i++)
		orch_aws_client_destroy(callers->clients[i]);
	orch_free(callers->clients);
	callers->clients = NULL;
}
