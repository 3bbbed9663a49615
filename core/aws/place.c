/* SPDX-License-Identifier: Apache-2.0 */
/* Where the service is, by the first of several that says so. */
#include <string.h>

#include "aws/account.h"
#include "base/text.h"
#include "net/url.h"

#define PROFILE_DEFAULT "default"
#define METADATA_IPV4 "http://169.254.169.254"
#define METADATA_IPV6 "http://[fd00:ec2::254]"

struct found {
	struct orch_text value;
	const char *where; /* as an error calls it */
};

static bool is_region(struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return text.len > 0 && text.len <= ORCH_AWS_REGION_BYTES && text.ptr[0] != '-' &&
		text.ptr[text.len - 1] != '-';
}

static void take(struct found *found, struct orch_text value, const char *where)
{
	if (found->value.len == 0 && value.len > 0)
		*found = (struct found){ value, where };
}

static int settle_region(struct orch_aws *aws, const struct orch_aws_options *options,
	const struct orch_aws_files *files, struct orch_err *err)
{
	const struct orch_text *env = aws->env.values;
	struct found found = { ORCH_TEXT_NONE, "" };

	take(&found, options->region, "region");
	take(&found, env[ORCH_AWS_ENV_REGION], "AWS_REGION");
	take(&found, env[ORCH_AWS_ENV_DEFAULT_REGION], "AWS_DEFAULT_REGION");
	take(&found, orch_aws_files_find(files, aws->profile, "region"), "the profile's region");
	if (found.value.len == 0)
		return orch_fail(err, ORCH_E_INVALID,
			"no region: none in the configuration, in AWS_REGION, in "
			"AWS_DEFAULT_REGION, or in profile \"%.*s\" of AWS's files; write "
			"region = \"eu-west-1\", or whichever it is",
			ORCH_TEXT_ARG(aws->profile));
	if (!is_region(found.value))
		return orch_fail(err, ORCH_E_INVALID,
			"%s is no region; one looks like \"eu-west-1\"", found.where);
	aws->region = orch_arena_text(aws->arena, found.value);
	return ORCH_OK;
}

int orch_aws_parse_endpoint(struct orch_arena *arena, struct orch_text text, const char *where,
	struct orch_aws_origin *ret_origin, struct orch_err *err)
{
	struct orch_url url;
	struct orch_err why;
	bool is_ipv6, is_usual;

	if (orch_url_parse(text, &url, &why) != ORCH_OK)
		return orch_fail(err, ORCH_E_INVALID, "%s: %s", where, why.text);
	if (!orch_text_starts_with(url.scheme, ORCH_TEXT("http")) || !orch_text_is(url.target, "/"))
		return orch_fail(err, ORCH_E_INVALID,
			"%s: an endpoint is of the form \"https://host:port\", without a path",
			where);
	is_ipv6 = memchr(url.host.ptr, ':', url.host.len) != NULL;
	is_usual = url.port == orch_url_default_port(url.scheme);
	ret_origin->host = orch_arena_printf(arena, is_ipv6 ? "[%s]" : "%s", url.host_buf);
	if (!is_usual)
		ret_origin->host =
			orch_arena_printf(arena, "%s:%u", ret_origin->host.ptr, (unsigned)url.port);
	ret_origin->endpoint =
		orch_arena_printf(arena, "%s://%s", url.scheme_buf, ret_origin->host.ptr);
	ret_origin->origin = (struct orch_origin){ .scheme = orch_arena_text(arena, url.scheme),
		.host = orch_arena_text(arena, url.host),
		.port = url.port };
	return orch_arena_failed(arena) ? orch_fail(err, ORCH_E_NOMEM, "out of memory") : ORCH_OK;
}

static bool are_endpoints_ignored(const struct orch_aws *aws, const struct orch_aws_files *files)
{
	return orch_aws_is_true(aws->env.values[ORCH_AWS_ENV_IGNORE_ENDPOINTS]) ||
		orch_aws_is_true(orch_aws_files_find(
			files, aws->profile, "ignore_configured_endpoint_urls"));
}

/* Of SERVICE, whose own variable is OWN; what nobody names is AWS's. */
static int find_endpoint(struct orch_aws *aws, const struct orch_aws_files *files,
	struct found found, const char *service, enum orch_aws_variable own,
	struct orch_aws_origin *ret_origin, struct orch_err *err)
{
	const struct orch_text *env = aws->env.values;
	bool is_china = orch_text_starts_with(aws->region, ORCH_TEXT("cn-"));

	if (!are_endpoints_ignored(aws, files)) {
		take(&found, env[own], orch_aws_env_name(own));
		take(&found, env[ORCH_AWS_ENV_ENDPOINT], "AWS_ENDPOINT_URL");
		take(&found, orch_aws_files_find_endpoint(files, aws->profile, service),
			"the profile's services");
		take(&found, orch_aws_files_find(files, aws->profile, "endpoint_url"),
			"the profile's endpoint_url");
	}
	take(&found,
		orch_arena_printf(aws->arena, "https://%s.%.*s.amazonaws.com%s", service,
			ORCH_TEXT_ARG(aws->region), is_china ? ".cn" : ""),
		"the endpoint");
	return orch_aws_parse_endpoint(aws->arena, found.value, found.where, ret_origin, err);
}

static int settle_endpoints(struct orch_aws *aws, const struct orch_aws_options *options,
	const struct orch_aws_files *files, struct orch_err *err)
{
	enum orch_aws_variable own = aws->service == ORCH_AWS_SQS ? ORCH_AWS_ENV_ENDPOINT_SQS
								  : ORCH_AWS_ENV_ENDPOINT_KINESIS;
	struct found configured = { ORCH_TEXT_NONE, "" };
	struct orch_aws_origin origin, sts;
	int code;

	take(&configured, options->endpoint, "endpoint");
	code = find_endpoint(
		aws, files, configured, orch_aws_service_name(aws->service), own, &origin, err);
	configured = (struct found){ ORCH_TEXT_NONE, "" };
	if (code == ORCH_OK)
		code = find_endpoint(
			aws, files, configured, "sts", ORCH_AWS_ENV_ENDPOINT_STS, &sts, err);
	if (code != ORCH_OK)
		return code;
	aws->endpoint = origin.endpoint;
	aws->host = origin.host;
	aws->origin = origin.origin;
	aws->sts_endpoint = sts.endpoint;
	return ORCH_OK;
}

static int settle_metadata(struct orch_aws *aws, struct orch_err *err)
{
	const struct orch_text *env = aws->env.values;
	bool is_ipv6 = orch_text_equal_nocase(env[ORCH_AWS_ENV_METADATA_MODE], ORCH_TEXT("IPv6"));
	struct found found = { ORCH_TEXT_NONE, "" };
	struct orch_aws_origin origin;
	int code;

	take(&found, env[ORCH_AWS_ENV_METADATA_ENDPOINT],
		orch_aws_env_name(ORCH_AWS_ENV_METADATA_ENDPOINT));
	aws->is_metadata_named = found.value.len > 0;
	take(&found, is_ipv6 ? ORCH_TEXT(METADATA_IPV6) : ORCH_TEXT(METADATA_IPV4), "");
	code = orch_aws_parse_endpoint(aws->arena, found.value, found.where, &origin, err);
	if (code == ORCH_OK)
		aws->metadata_endpoint = origin.endpoint;
	return code;
}

static void choose_profile(struct orch_aws *aws, const struct orch_aws_options *options)
{
	struct found found = { ORCH_TEXT_NONE, "" };

	take(&found, options->profile, "profile");
	take(&found, aws->env.values[ORCH_AWS_ENV_PROFILE], "AWS_PROFILE");
	aws->is_profile_named = found.value.len > 0;
	take(&found, ORCH_TEXT(PROFILE_DEFAULT), "");
	aws->profile = orch_arena_text(aws->arena, found.value);
}

static int check_profile(
	const struct orch_aws *aws, const struct orch_aws_files *files, struct orch_err *err)
{
	const char *none = "(no HOME)";

	if (!aws->is_profile_named || orch_aws_files_has_profile(files, aws->profile))
		return ORCH_OK;
	return orch_fail(err, ORCH_E_INVALID, "profile \"%.*s\" is neither in %.80s nor in %.80s",
		(int)(aws->profile.len < 64 ? aws->profile.len : 64), aws->profile.ptr,
		files->config_path ? files->config_path : none,
		files->credentials_path ? files->credentials_path : none);
}

int orch_aws_settle_place(
	struct orch_aws *aws, const struct orch_aws_options *options, struct orch_err *err)
{
	struct orch_aws_files files;
	int code = orch_aws_files_read(&files, &aws->env, err);

	if (code != ORCH_OK)
		return code;
	choose_profile(aws, options);
	code = check_profile(aws, &files, err);
	if (code == ORCH_OK)
		code = settle_region(aws, options, &files, err);
	if (code == ORCH_OK)
		code = settle_endpoints(aws, options, &files, err);
	if (code == ORCH_OK)
		code = settle_metadata(aws, err);
	orch_aws_files_fini(&files);
	if (code == ORCH_OK && orch_arena_failed(aws->arena))
		code = orch_fail(err, ORCH_E_NOMEM, "out of memory");
	return code;
}
