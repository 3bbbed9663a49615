/* SPDX-License-Identifier: Apache-2.0 */
/* accounts: at Amazon's, for the requests of plugins; and what queue says of its own. */
#include <stddef.h>

#include "base/text.h"
#include "config/reader.h"

#define AT(member) offsetof(struct orch_config_account, member)

static const struct orch_key keys[] = {
	{ .name = "name",
		.type = ORCH_KEY_TEXT,
		.offset = AT(name),
		.example = "name = \"telemetry\"" },
	ORCH_AWS_KEYS(AT(aws)),
	{ .name = NULL },
};

static void check_endpoint(struct orch_reader *reader, const struct orch_value *group,
	struct orch_text path, const struct orch_config_aws *aws)
{
	struct orch_url url;
	struct orch_err err;

	if (aws->endpoint.len > 0 && orch_url_parse(aws->endpoint, &url, &err) != ORCH_OK)
		orch_reader_error(reader, orch_reader_where(group, "endpoint"),
			orch_reader_path(reader, path, "endpoint"), "%s", err.text);
}

static void check_login(struct orch_reader *reader, struct orch_value *group, struct orch_text path,
	const struct orch_config_aws *aws)
{
	bool has_id = orch_value_get(group, "access_key_id") != NULL;

	orch_reader_check_credential(
		reader, group, path, "secret_access_key", aws->secret_access_key);
	orch_reader_check_credential(reader, group, path, "session_token", aws->session_token);
	if (has_id != (orch_value_get(group, "secret_access_key") != NULL))
		orch_reader_error(reader,
			orch_reader_where(group, has_id ? "access_key_id" : "secret_access_key"),
			path,
			"access_key_id and secret_access_key belong together; must both be there, "
			"or neither, then AWS's own environment, files and roles count");
	else if (!has_id && orch_value_get(group, "session_token") != NULL)
		orch_reader_error(reader, orch_reader_where(group, "session_token"),
			orch_reader_path(reader, path, "session_token"),
			"has no meaning without access_key_id; leave it out");
}

void orch_reader_check_aws(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, const struct orch_config_aws *aws)
{
	check_endpoint(reader, group, path, aws);
	check_login(reader, group, path, aws);
}

static void read_account(struct orch_reader *reader, struct orch_value *list, size_t index,
	struct orch_config_account *account)
{
	struct orch_value *block = &list->items[index];
	struct orch_text path = orch_reader_block_path(reader, "accounts", block, index);
	size_t before = orch_config_errors_total(reader->errors);

	account->where = block->where;
	orch_reader_keys(reader, block, path, keys, account);
	orch_reader_refuse_unknown(reader, block, path, keys);
	orch_reader_check_name(reader, orch_reader_where(block, "name"),
		orch_reader_path(reader, path, "name"), account->name);
	orch_reader_check_aws(reader, block, path, &account->aws);
	orch_reader_check_double(reader, list, "accounts", index);
	account->failed = orch_config_errors_total(reader->errors) != before;
}

void orch_config_read_accounts(struct orch_reader *reader, struct orch_value *root)
{
	struct orch_config *config = reader->config;
	struct orch_value *list = orch_reader_blocks(
		reader, root, ORCH_TEXT_NONE, "accounts", &config->failed.accounts);
	struct orch_config_account *accounts;

	if (list == NULL)
		return;
	accounts = orch_arena_alloc_array(reader->arena, list->count + 1, sizeof(*accounts));
	if (accounts == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		read_account(reader, list, i, &accounts[i]);
		if (accounts[i].name.len == 0)
			config->failed.accounts = true;
	}
	config->accounts = accounts;
	config->account_count = list->count;
}

orch_account orch_config_account(const struct orch_config *config, struct orch_text name)
{
	for (size_t i = 0; i < config->account_count; i++)
		if (orch_text_equal(config->accounts[i].name, name))
			return (orch_account)(i + 1);
	return 0;
}
