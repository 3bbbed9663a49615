/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what AWS, its metadata services or its files say. */
#include <stdlib.h>
#include <string.h>

#include "aws/credentials_search.h"
#include "aws/error.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void read_error(struct orch_text text)
{
	const struct orch_reply replies[] = {
		{ .status = 400, .body = text, .headers = ORCH_TEXT_NONE },
		{ .status = 400, .body = ORCH_TEXT_NONE, .headers = text },
	};

	for (size_t i = 0; i < 2; i++) {
		struct orch_aws_error error;
		struct orch_text code, message;

		orch_aws_read_error(&replies[i], &error);
		code = orch_text_from(error.code);
		message = orch_text_from(error.message);
		check(code.len < sizeof(error.code) && message.len < sizeof(error.message));
		check(strcspn(error.code, " \r\n\t#;:\"") == code.len);
		check(code.len == 0 || orch_aws_judge_entry(code, message, 400) != ORCH_AWS_FINE);
	}
}

/* What is believed can be neither a second header nor a second scope. */
static void check_found(const struct orch_aws_credentials *found)
{
	struct orch_text secret = orch_secret_text(found->secret_access_key);

	check(found->access_key_id[0] != '\0' && !strchr(found->access_key_id, '/'));
	check(secret.len > 0 && strcspn(secret.ptr, " \r\n\t") == secret.len);
	if (found->session_token) {
		struct orch_text token = orch_secret_text(found->session_token);

		check(strcspn(token.ptr, " \r\n\t") == token.len);
	}
}

static void take(struct orch_aws *aws, const struct orch_aws_step *step, struct orch_text text)
{
	const struct orch_reply reply = {
		.status = 200, .body = text, .headers = ORCH_TEXT_NONE, .problem = ORCH_TEXT_NONE
	};
	struct orch_aws_search search = { .aws = aws };
	struct orch_err err = { "" };
	int code = step->take(&search, &reply, &err);

	check(code != ORCH_OK || err.text[0] == '\0');
	check(code == ORCH_OK || (err.text[0] != '\0' && !search.found));
	if (search.found)
		check_found(search.found);
	check(strcspn(search.role, "/ \r\n\t?#") == strlen(search.role));
	orch_aws_credentials_unref(search.found);
	orch_secret_destroy(search.metadata_token);
}

static void read_files(struct orch_text text)
{
	const struct orch_aws_files files = { .config = text, .credentials = text };
	const struct orch_text profile = ORCH_TEXT("a");
	struct orch_text key = orch_aws_files_find(&files, profile, "aws_access_key_id");

	check(key.len == 0 || orch_aws_files_has_profile(&files, profile));
	(void)orch_aws_files_find_endpoint(&files, profile, "sqs");
	(void)orch_aws_files_find(&files, ORCH_TEXT("default"), "region");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct orch_aws aws = { .attempts = 1 };
	char *copy = malloc(length + 1);
	struct orch_text text = { copy, length };
	uint64_t ms;

	check(copy != NULL);
	if (length > 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	read_error(text);
	read_files(text);
	take(&aws, &orch_aws_source_web.steps[0], text);
	take(&aws, &orch_aws_source_container.steps[0], text);
	take(&aws, &orch_aws_source_instance.steps[0], text);
	take(&aws, &orch_aws_source_instance.steps[1], text);
	check(orch_aws_parse_time(text, &ms) != ORCH_OK || length >= 20);
	free(copy);
	return 0;
}
