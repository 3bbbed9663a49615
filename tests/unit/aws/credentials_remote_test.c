/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that somebody else hands out: STS, a container's agent, the instance. */
#include "aws/credentials_search.h"
#include "base/alloc.h"
#include "world.h"

#define TOKEN_BYTES 1024 /* of the instance's, at most */
#define EXPIRES "2099-01-02T03:04:05Z"
#define JSON_KEYS                                                                 \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"AKIDNEAR\",\"SecretAccessKey\":" \
	"\"canary-near\",\"Token\":\"canary/near+token==\",\"Expiration\":\"" EXPIRES "\"}"
#define XML_KEYS                                                                                  \
	"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">" \
	"<AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>arn:x</Arn></AssumedRoleUser>"    \
	"<Credentials>\n  <SessionToken>canary/web+token==</SessionToken>\n"                      \
	"  <SecretAccessKey>canary-web</SecretAccessKey>\n  <Expiration>" EXPIRES                 \
	"</Expiration>\n  <AccessKeyId>ASIAWEB</AccessKeyId>\n</Credentials>"                     \
	"</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"

/* A source and the service that stands in for it. */
struct source {
	struct world world;
	struct world_service service;
	char url[64];
};

static void source_init(struct source *source, const struct world_answer *answers, size_t count)
{
	world_init(&source->world);
	world_service_start(&source->service, answers, count);
	(void)world_service_url(&source->service, source->url);
}

static void source_fini(struct source *source)
{
	world_fini(&source->world);
	world_service_stop(&source->service);
}

static void search(struct source *source)
{
	world_must_create(&source->world);
	world_wait(&source->world, world_has_searched);
}

/* Searches, finds nothing, and gives what is said about it, at once or later. */
static const char *search_in_vain(struct source *source)
{
	orch_aws_destroy(source->world.aws);
	source->world.aws = NULL;
	source->world.err.text[0] = '\0';
	if (world_create(&source->world) == ORCH_OK) {
		world_wait(&source->world, world_has_searched);
		assert_false(orch_aws_is_ready(source->world.aws, &source->world.err));
	}
	assert_lacks(source->world.err.text, "canary");
	return source->world.err.text;
}

static void use_web(struct source *source, const char *token)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/token", source->world.home);
	world_write(&source->world, "token", token);
	world_set("AWS_WEB_IDENTITY_TOKEN_FILE", path);
	world_set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/scan er");
	world_set("AWS_ENDPOINT_URL_STS", source->url);
}

static void test_a_web_identity_is_exchanged_at_sts(void **state)
{
	static const struct world_answer answers[] = { { .status = "200 OK", .body = XML_KEYS } };
	struct orch_aws_credentials *credentials;
	struct source source;
	const char *request;

	(void)state;
	source_init(&source, answers, 1);
	use_web(&source, "canary.jwt+token");
	world_set("AWS_ROLE_SESSION_NAME", "pod-1");
	search(&source);
	world_expect_key(&source.world, "ASIAWEB", "the web identity");
	assert_int_equal(
		orch_aws_keeper_take(source.world.aws->keeper, 0, &credentials, &source.world.err),
		ORCH_OK);
	assert_text(orch_secret_text(credentials->secret_access_key), "canary-web");
	assert_text(orch_secret_text(credentials->session_token), "canary/web+token==");
	assert_int_equal(credentials->expires_ms, 4071006245000);
	orch_aws_credentials_unref(credentials);
	request = world_service_request(&source.service, 0);
	assert_contains(request, "POST / HTTP/1.1\r\n");
	assert_contains(request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n");
	assert_contains(request,
		"\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15"
		"&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fscan%20er"
		"&RoleSessionName=pod-1&WebIdentityToken=canary.jwt%2Btoken");
	assert_lacks(request, "Authorization");
	source_fini(&source);
}

static void test_a_refused_web_identity_is_told_by_its_code(void **state)
{
	static const struct world_answer answers[] = { { .status = "400 Bad Request",
		.body = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken"
			"</Code><Message>canary in words</Message></Error></ErrorResponse>" } };
	struct source source;

	(void)state;
	source_init(&source, answers, 1);
	use_web(&source, "canary.jwt");
	assert_string_equal(search_in_vain(&source),
		"the web identity: STS answers status 400, InvalidIdentityToken");
	assert_int_equal(world_service_asked(&source.service), 1);
	source_fini(&source);
}

static void test_what_sts_says_oddly_is_not_believed(void **state)
{
	static const struct {
		struct world_answer answer;
		const char *said;
	} rows[] = {
		{ { .status = "200 OK", .body = "" }, "holds no credentials" },
		{ { .status = "200 OK", .body = "<Credentials><AccessKeyId>A" },
			"holds no credentials" },
		{ { .status = "200 OK",
			  .body = "<AccessKeyId>A</AccessKeyId><SecretAccessKey>canary</"
				  "SecretAccessKey>"
				  "<SessionToken>canary</SessionToken><Expiration>" EXPIRES
				  "</Expiration>" },
			"holds no credentials" },
		{ { .status = "200 OK",
			  .body = "<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>can "
				  "ary"
				  "</SecretAccessKey><SessionToken>c</"
				  "SessionToken><Expiration>" EXPIRES "</Expiration>" },
			"white space" },
		{ { .status = "500 Oops", .body = "canary" }, "the answer is status 500" },
		{ { .status = "403 No", .body = "<Code>canary canary</Code>" },
			"STS answers status 403" },
		{ { .status = "302 Found", .headers = "Location: http://127.0.0.1:1/\r\n" },
			"STS answers status 302" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct source source;

		source_init(&source, &rows[i].answer, 1);
		use_web(&source, "canary.jwt");
		assert_contains(search_in_vain(&source), rows[i].said);
		source_fini(&source);
	}
}

static void test_a_web_identity_needs_role_and_token(void **state)
{
	static const struct world_answer answers[] = { { .status = "200 OK", .body = XML_KEYS } };
	struct source source;

	(void)state;
	source_init(&source, answers, 1);
	use_web(&source, "");
	assert_contains(search_in_vain(&source), "the token is empty");
	world_write(&source.world, "token", "canary\nRoleArn=evil");
	assert_contains(search_in_vain(&source), "a token is one line");
	world_set("AWS_ROLE_ARN", NULL);
	assert_contains(search_in_vain(&source), "AWS_ROLE_ARN is not");
	assert_int_equal(world_service_asked(&source.service), 0);
	source_fini(&source);
}

static void use_container(struct source *source, const char *path)
{
	char url[128];

	(void)snprintf(url, sizeof(url), "%s%s", source->url, path);
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
}

static void test_a_container_asks_what_runs_beside_it(void **state)
{
	static const struct world_answer answers[] = { { .status = "200 OK", .body = JSON_KEYS } };
	struct source source;

	(void)state;
	source_init(&source, answers, 1);
	use_container(&source, "/v1/credentials?id=1");
	world_write(&source.world, "token", "canary-of-the-file");
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-of-the-environment");
	search(&source);
	world_expect_key(&source.world, "AKIDNEAR", "the container");
	assert_contains(
		world_service_request(&source.service, 0), "GET /v1/credentials?id=1 HTTP/1.1\r\n");
	assert_contains(world_service_request(&source.service, 0),
		"\r\nAuthorization: canary-of-the-environment\r\n");
	source_fini(&source);
}

static void use_token_file(struct source *source, const char *token)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/token", source->world.home);
	world_write(&source->world, "token", token);
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
}

static void test_a_containers_token_file_wins(void **state)
{
	static const struct world_answer answers[] = { { .status = "200 OK", .body = JSON_KEYS } };
	struct source source;

	(void)state;
	source_init(&source, answers, 1);
	use_container(&source, "/");
	use_token_file(&source, "canary-of-the-file");
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-of-the-environment");
	search(&source);
	assert_contains(world_service_request(&source.service, 0),
		"\r\nAuthorization: canary-of-the-file\r\n");
	source_fini(&source);
}

static void test_a_token_cannot_bring_headers_of_its_own(void **state)
{
	static const struct world_answer answers[] = { { .status = "200 OK", .body = JSON_KEYS } };
	static const char *const tokens[] = { "canary\r\nHost: evil", "canary\n", "canary\rX: y" };

	(void)state;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		struct source source;

		source_init(&source, answers, 1);
		use_container(&source, "/");
		use_token_file(&source, tokens[i]);
		(void)search_in_vain(&source);
		assert_int_equal(world_service_asked(&source.service), 0);
		world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", NULL);
		world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", tokens[i]);
		(void)search_in_vain(&source);
		assert_int_equal(world_service_asked(&source.service), 0);
		source_fini(&source);
	}
	/* What was taken out of the environment is kept; the next tests want none like it. */
	world_set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "harmless");
}

static void test_clear_text_goes_only_to_where_nobody_else_is(void **state)
{
	static const struct {
		const char *url;
		bool is_allowed;
	} rows[] = {
		{ "http://169.254.170.2/x", true },
		{ "http://169.254.170.23/x", true },
		{ "http://[fd00:ec2::23]/x", true },
		{ "http://127.0.0.9:1/x", true },
		{ "http://localhost/x", true },
		{ "https://credentials.example/x", true },
		{ "http://169.254.169.254/x", false },
		{ "http://credentials.example/x", false },
		{ "http://10.0.0.1/x", false },
		{ "http://169.254.170.2.evil.example/x", false },
		{ "http://127.0.0.1@evil.example/x", false },
		{ "ftp://127.0.0.1/x", false },
		{ "nonsense", false },
	};
	struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code;

		world_init(&world);
		world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", rows[i].url);
		code = world_create(&world);
		if (code != (rows[i].is_allowed ? ORCH_OK : ORCH_E_INVALID))
			fail_msg("%s: %d %s", rows[i].url, code, world.err.text);
		world_fini(&world);
	}
}

static void test_a_relative_uri_is_of_the_containers_host(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "evil.example/x");
	world_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x");
	assert_int_equal(world_create(&world), ORCH_E_INVALID);
	assert_contains(world.err.text, "must begin with a slash");
	/* It wins over the other, and goes to an address that is not there. */
	world_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
	world_must_create(&world);
	world_wait(&world, world_has_searched);
	assert_false(orch_aws_is_ready(world.aws, &world.err));
	assert_contains(world.err.text, "the container's credentials: ");
	assert_lacks(world.err.text, "127.0.0.1");
	world_fini(&world);
}

#define TOKEN_ANSWER                                                \
	{                                                           \
		.status = "200 OK", .body = "canary-metadata-token" \
	}
#define ROLE_ANSWER                                          \
	{                                                    \
		.status = "200 OK", .body = "scanner-role\n" \
	}
#define KEYS_ANSWER                                   \
	{                                             \
		.status = "200 OK", .body = JSON_KEYS \
	}

static void use_instance(struct source *source)
{
	world_set("AWS_EC2_METADATA_DISABLED", "false");
	world_set("AWS_EC2_METADATA_SERVICE_ENDPOINT", source->url);
}

static void test_an_instance_is_asked_by_version_2(void **state)
{
	static const struct world_answer answers[] = { TOKEN_ANSWER, ROLE_ANSWER, KEYS_ANSWER };
	struct source source;

	(void)state;
	source_init(&source, answers, 3);
	use_instance(&source);
	search(&source);
	world_expect_key(&source.world, "AKIDNEAR", "the instance");
	assert_contains(
		world_service_request(&source.service, 0), "PUT /latest/api/token HTTP/1.1\r\n");
	assert_contains(world_service_request(&source.service, 0),
		"\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\n");
	assert_contains(world_service_request(&source.service, 1),
		"GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n");
	assert_contains(world_service_request(&source.service, 2),
		"GET /latest/meta-data/iam/security-credentials/scanner-role HTTP/1.1\r\n");
	for (size_t i = 1; i < 3; i++)
		assert_contains(world_service_request(&source.service, i),
			"\r\nx-aws-ec2-metadata-token: canary-metadata-token\r\n");
	source_fini(&source);
}

static void test_version_1_is_never_fallen_back_to(void **state)
{
	static const char *const statuses[] = { "403 Forbidden", "404 Not Found",
		"405 Method Not Allowed" };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const struct world_answer answers[] = { { .status = statuses[i] }, ROLE_ANSWER };
		struct source source;

		source_init(&source, answers, 2);
		use_instance(&source);
		assert_contains(search_in_vain(&source), "when asked for a token");
		assert_int_equal(world_service_asked(&source.service), 1);
		source_fini(&source);
	}
}

static void test_what_an_instance_says_oddly_is_not_believed(void **state)
{
	static const struct {
		struct world_answer answers[3];
		const char *said;
	} rows[] = {
		{ { { .status = "200 OK", .body = "" } }, "token is empty" },
		{ { { .status = "200 OK", .body = "canary\nX: y" } }, "token has white space" },
		{ { TOKEN_ANSWER, { .status = "404 Not Found" } }, "the instance has no role" },
		{ { TOKEN_ANSWER, { .status = "200 OK", .body = "../../api/token" } },
			"role has no such name" },
		{ { TOKEN_ANSWER, { .status = "200 OK", .body = "a b" } },
			"role has no such name" },
		{ { TOKEN_ANSWER, ROLE_ANSWER, { .status = "200 OK", .body = "{}" } },
			"the access key id is empty" },
		{ { TOKEN_ANSWER, ROLE_ANSWER, { .status = "200 OK", .body = "{\"canary" } },
			"not whole JSON" },
		{ { TOKEN_ANSWER, ROLE_ANSWER, { .status = "401 Unauthorized" } },
			"when asked for its credentials" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct source source;

		source_init(&source, rows[i].answers, 3);
		while (source.service.count > 1 &&
			!rows[i].answers[source.service.count - 1].status)
			source.service.count--;
		use_instance(&source);
		assert_contains(search_in_vain(&source), rows[i].said);
		source_fini(&source);
	}
}

/* "cccc…", LEN of them, lent until the next. */
static const char *repeat(size_t len)
{
	static char bytes[ORCH_AWS_FOUND_BYTES + 2];

	memset(bytes, 'c', len);
	bytes[len] = '\0';
	return bytes;
}

static void test_what_others_say_has_limits(void **state)
{
	static const struct {
		size_t len; /* of what is said for the first time, or in the file */
		bool is_file;
		const char *said;
	} rows[] = { { TOKEN_BYTES + 1, false, "longer than 1024 bytes" },
		{ ORCH_AWS_FOUND_BYTES + 1, false, "the answer is longer than 65536 bytes" },
		{ ORCH_AWS_IDENTITY_BYTES + 1, true, "larger than 20480 bytes" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct world_answer answer = { .status = "200 OK",
			.body = repeat(rows[i].len) };
		struct source source;

		source_init(&source, &answer, 1);
		if (rows[i].is_file)
			use_web(&source, answer.body);
		else
			use_instance(&source);
		assert_contains(search_in_vain(&source), rows[i].said);
		source_fini(&source);
	}
}

static void test_the_longest_that_others_may_say_is_taken(void **state)
{
	static const struct world_answer sts[] = { { .status = "200 OK", .body = XML_KEYS } };
	char token[TOKEN_BYTES + 1] = "", role[ORCH_AWS_ROLE_BYTES + 2] = "";
	struct world_answer answers[] = { { .status = "200 OK", .body = token },
		{ .status = "200 OK", .body = role }, KEYS_ANSWER };
	struct source source;

	(void)state;
	memset(token, 'c', TOKEN_BYTES);
	memset(role, 'c', ORCH_AWS_ROLE_BYTES);
	source_init(&source, answers, 3);
	use_instance(&source);
	search(&source);
	world_expect_key(&source.world, "AKIDNEAR", "the instance");
	role[ORCH_AWS_ROLE_BYTES] = 'c';
	role[ORCH_AWS_ROLE_BYTES + 1] = '\0';
	world_service_say(&source.service, answers, 3);
	assert_contains(search_in_vain(&source), "role has no such name");
	source_fini(&source);

	source_init(&source, sts, 1);
	use_web(&source, repeat(ORCH_AWS_IDENTITY_BYTES));
	search(&source);
	world_expect_key(&source.world, "ASIAWEB", "the web identity");
	source_fini(&source);
}

static void test_a_metadata_service_that_stumbles_is_asked_again(void **state)
{
	static const struct world_answer answers[] = { { .then = WORLD_RESET },
		{ .status = "503 Slow Down" }, TOKEN_ANSWER, { .status = "500 Oops" }, ROLE_ANSWER,
		KEYS_ANSWER };
	struct source source;

	(void)state;
	source_init(&source, answers, sizeof(answers) / sizeof(answers[0]));
	use_instance(&source);
	search(&source);
	world_expect_key(&source.world, "AKIDNEAR", "the instance");
	source_fini(&source);
}

static void test_a_metadata_service_that_is_not_there_is_given_up(void **state)
{
	static const struct world_answer answers[] = { { .then = WORLD_RESET } };
	struct source source;

	(void)state;
	source_init(&source, answers, 1);
	use_instance(&source);
	assert_contains(search_in_vain(&source),
		"no credentials elsewhere; the instance's metadata service: ");
	assert_int_equal(world_service_asked(&source.service), ORCH_AWS_TRIES);
	source_fini(&source);
}

static void test_an_account_may_go_while_it_asks(void **state)
{
	static const struct world_answer answers[] = { { .then = WORLD_HANG } };
	struct source source;

	(void)state;
	source_init(&source, answers, 1);
	use_instance(&source);
	world_must_create(&source.world);
	assert_false(orch_aws_is_ready(source.world.aws, &source.world.err));
	assert_string_equal(source.world.err.text, "AWS's credentials are being looked for");
	orch_aws_destroy(source.world.aws);
	source.world.aws = NULL;
	source_fini(&source);
}

/* Where the Nth allocation fails the search ends all the same; false: there were fewer. */
static bool search_without_memory(uint64_t n, const struct world_answer *answer, unsigned *failed)
{
	struct source source;
	uint64_t before;
	bool is_short;

	source_init(&source, answer, 1);
	use_web(&source, "canary.jwt");
	before = orch_alloc_count();
	orch_alloc_fail_at(n, 0);
	if (world_create_alone(&source.world) == ORCH_OK)
		world_wait(&source.world, world_has_searched);
	orch_alloc_fail_at(0, 0);
	is_short = orch_alloc_count() - before >= n;
	if (!source.world.aws || !orch_aws_is_ready(source.world.aws, &source.world.err))
		*failed += 1;
	source_fini(&source);
	return is_short;
}

static void test_any_allocation_may_fail_while_it_asks(void **state)
{
	static const struct world_answer answers[] = { { .status = "200 OK", .body = XML_KEYS } };
	unsigned failed = 0;
	uint64_t n = 1;

	(void)state;
	while (search_without_memory(n, answers, &failed))
		n++;
	assert_in_range(failed, 10, n - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_web_identity_is_exchanged_at_sts),
		cmocka_unit_test(test_a_refused_web_identity_is_told_by_its_code),
		cmocka_unit_test(test_what_sts_says_oddly_is_not_believed),
		cmocka_unit_test(test_a_web_identity_needs_role_and_token),
		cmocka_unit_test(test_a_container_asks_what_runs_beside_it),
		cmocka_unit_test(test_a_containers_token_file_wins),
		cmocka_unit_test(test_a_token_cannot_bring_headers_of_its_own),
		cmocka_unit_test(test_clear_text_goes_only_to_where_nobody_else_is),
		cmocka_unit_test(test_a_relative_uri_is_of_the_containers_host),
		cmocka_unit_test(test_an_instance_is_asked_by_version_2),
		cmocka_unit_test(test_version_1_is_never_fallen_back_to),
		cmocka_unit_test(test_what_an_instance_says_oddly_is_not_believed),
		cmocka_unit_test(test_what_others_say_has_limits),
		cmocka_unit_test(test_the_longest_that_others_may_say_is_taken),
		cmocka_unit_test(test_a_metadata_service_that_stumbles_is_asked_again),
		cmocka_unit_test(test_a_metadata_service_that_is_not_there_is_given_up),
		cmocka_unit_test(test_an_account_may_go_while_it_asks),
		cmocka_unit_test(test_any_allocation_may_fail_while_it_asks),
	};

	return cmocka_run_group_tests_name("aws_credentials_remote", tests, NULL, NULL);
}
