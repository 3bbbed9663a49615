/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration says of an account at Amazon's, as aws/ takes it. */
#ifndef ORCH_CONFIG_ACCOUNT_H
#define ORCH_CONFIG_ACCOUNT_H
#include "aws/aws.h"
#include "config/config.h"

/* Lent by CONFIG, whose credentials are loaded. */
struct orch_aws_options orch_config_aws_options(const struct orch_config *config,
	const struct orch_config_aws *aws, enum orch_aws_service service);
/* Would it be found, and credentials for it?  Nobody is asked; a secret that could not be loaded has been told. */
ORCH_MUST_USE int orch_config_check_aws(const struct orch_config *config,
	const struct orch_config_aws *aws, enum orch_aws_service service, struct orch_err *err);

#endif
