/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two files that AWS's tools share: ~/.aws/config and ~/.aws/credentials.
 * They are read anew each time something is wanted of them, and wiped.
 */
#ifndef ORCH_AWS_FILES_H
#define ORCH_AWS_FILES_H
#include "aws/env.h"

#define ORCH_AWS_FILE_BYTES (1024 * 1024) /* of each, at most */

struct orch_aws_files {
	struct orch_arena *arena;
	const char *config_path, *credentials_path; /* NULL: no home to look in */
	struct orch_text config, credentials;       /* empty: not there */
};

/* A file that is not there is empty; one that cannot be read is an error. */
ORCH_MUST_USE int orch_aws_files_read(
	struct orch_aws_files *files, const struct orch_aws_env *env, struct orch_err *err);
void orch_aws_files_fini(struct orch_aws_files *files);

bool orch_aws_files_has_profile(const struct orch_aws_files *files, struct orch_text profile);
/* Empty: not there.  Lent from FILES; the credentials file wins. */
struct orch_text orch_aws_files_find(
	const struct orch_aws_files *files, struct orch_text profile, const char *key);
/* The endpoint_url that the profile's section of services gives for SERVICE ("sqs"). */
struct orch_text orch_aws_files_find_endpoint(
	const struct orch_aws_files *files, struct orch_text profile, const char *service);

#endif
