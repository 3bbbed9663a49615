/* SPDX-License-Identifier: Apache-2.0 */
#include "config/account.h"

struct orch_aws_options orch_config_aws_options(const struct orch_config *config,
	const struct orch_config_aws *aws, enum orch_aws_service service)
{
	return (struct orch_aws_options){
		.service = service,
		.region = aws->region,
		.endpoint = aws->endpoint,
		.profile = aws->profile,
		.access_key_id = aws->access_key_id,
		.secret_access_key = orch_config_secret(config, aws->secret_access_key),
		.session_token = orch_config_secret(config, aws->session_token),
		.ca_file = config->ca_file.len == 0 ? NULL : config->ca_file.ptr,
	};
}

int orch_config_check_aws(const struct orch_config *config, const struct orch_config_aws *aws,
	enum orch_aws_service service, struct orch_err *err)
{
	struct orch_aws_options options = orch_config_aws_options(config, aws, service);
	bool is_one_missing =
		(aws->secret_access_key.len > 0 && options.secret_access_key == NULL) ||
		(aws->session_token.len > 0 && options.session_token == NULL);

	return orch_aws_check(&options, is_one_missing, err);
}
