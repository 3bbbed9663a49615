/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that others have computed: AWS's published vectors, and two of ours. */
#include <stdlib.h>
#include <string.h>

#include "aws/sign.h"
#include "base/alloc.h"
#include "base/text.h"
#include "support/text_assert.h"

#define HEADERS 6

struct vector {
	const char *name, *method, *path, *query;
	struct {
		const char *name, *value;
	} headers[HEADERS]; /* besides host and x-amz-date */
	const char *body;
	const char *signed_headers, *signature;
};

#define TOKEN                                                                              \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwA" \
	"eMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8p" \
	"hUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT" \
	"38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabI" \
	"Qwj2ICCR/oLxBA=="
#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define FORM_HASH "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
#define DATED "host;x-amz-date"

/* Of AWS's suite "aws-sig-v4-test-suite", with the names that it gives them. */
static const struct vector published[] = {
	{ .name = "get-vanilla",
		.signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ .name = "get-header-key-duplicate",
		.headers = { { "My-Header1", "value2" }, { "My-Header1", "value2" },
			{ "My-Header1", "value1" } },
		.signed_headers = "host;my-header1;x-amz-date",
		.signature = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
	{ .name = "get-header-value-order",
		.headers = { { "My-Header1", "value4" }, { "My-Header1", "value1" },
			{ "My-Header1", "value3" }, { "My-Header1", "value2" } },
		.signed_headers = "host;my-header1;x-amz-date",
		.signature = "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
	{ .name = "get-header-value-trim",
		.headers = { { "My-Header1", " value1" }, { "My-Header2", " \"a   b   c\"" } },
		.signed_headers = "host;my-header1;my-header2;x-amz-date",
		.signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ .name = "get-relative-relative",
		.path = "/example1/example2/../..",
		.signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ .name = "get-slash-pointless-dot",
		.path = "/./example",
		.signature = "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5" },
	{ .name = "get-slashes",
		.path = "//example//",
		.signature = "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84" },
	{ .name = "get-space",
		.path = "/example space/",
		.signature = "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
	{ .name = "get-unreserved",
		.path = "/" UNRESERVED,
		.signature = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
	{ .name = "get-utf8",
		.path = "/\xe1\x88\xb4",
		.signature = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ .name = "get-vanilla-empty-query-key",
		.query = "Param1=value1",
		.signature = "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
	{ .name = "get-vanilla-query-order-key-case",
		.query = "Param2=value2&Param1=value1",
		.signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ .name = "get-vanilla-query-order-encoded",
		.query = "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
		.signature = "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac" },
	{ .name = "get-vanilla-query-unreserved",
		.query = UNRESERVED "=" UNRESERVED,
		.signature = "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
	{ .name = "get-vanilla-utf8-query",
		.query = "\xe1\x88\xb4=bar",
		.signature = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
	{ .name = "get-vanilla-with-session-token",
		.headers = { { "X-Amz-Security-Token",
			"6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267" } },
		.signed_headers = "host;x-amz-date;x-amz-security-token",
		.signature = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8" },
	{ .name = "post-vanilla",
		.method = "POST",
		.signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ .name = "post-vanilla-query",
		.method = "POST",
		.query = "Param1=value1",
		.signature = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
	{ .name = "post-header-key-sort",
		.method = "POST",
		.headers = { { "My-Header1", "value1" } },
		.signed_headers = "host;my-header1;x-amz-date",
		.signature = "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },
	{ .name = "post-header-value-case",
		.method = "POST",
		.headers = { { "My-Header1", "VALUE1" } },
		.signed_headers = "host;my-header1;x-amz-date",
		.signature = "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d" },
	{ .name = "post-sts-header-before",
		.method = "POST",
		.headers = { { "X-Amz-Security-Token", TOKEN } },
		.signed_headers = "host;x-amz-date;x-amz-security-token",
		.signature = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
	{ .name = "post-x-www-form-urlencoded",
		.method = "POST",
		.headers = { { "Content-Type", "application/x-www-form-urlencoded" },
			{ "Content-Length", "13" }, { "x-amz-content-sha256", FORM_HASH } },
		.body = "Param1=value1",
		.signed_headers =
			"content-length;content-type;host;x-amz-content-sha256;x-amz-date",
		.signature = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b" },
	{ .name = "post-x-www-form-urlencoded-parameters",
		.method = "POST",
		.headers = { { "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" },
			{ "Content-Length", "13" }, { "x-amz-content-sha256", FORM_HASH } },
		.body = "Param1=value1",
		.signed_headers =
			"content-length;content-type;host;x-amz-content-sha256;x-amz-date",
		.signature = "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422" },
};

/* The value of Authorization, for the caller to free. */
static char *sign(const struct orch_aws_signable *request, const struct orch_aws_scope *scope,
	const char *key_id, const char *secret)
{
	uint8_t key[ORCH_SHA256_BYTES];
	struct orch_err err = { "" };
	struct orch_buf value;
	char *copy;

	orch_buf_init(&value, ORCH_AWS_AUTHORIZATION_BYTES);
	orch_aws_signing_key(orch_text_from(secret), scope, key);
	if (orch_aws_sign(request, scope, orch_text_from(key_id), key, &value, &err) != ORCH_OK)
		fail_msg("%s", err.text);
	copy = strdup(value.ptr);
	orch_buf_fini(&value);
	return copy;
}

static void check_published(const struct vector *vector)
{
	struct orch_aws_scope scope = { "20150830T123600Z", ORCH_TEXT("us-east-1"),
		ORCH_TEXT("service") };
	struct orch_aws_header headers[HEADERS + 2] = {
		{ ORCH_TEXT("X-Amz-Date"), ORCH_TEXT("20150830T123600Z") },
		{ ORCH_TEXT("Host"), ORCH_TEXT("example.amazonaws.com") },
	};
	struct orch_aws_signable request = {
		.method = orch_text_from(vector->method ? vector->method : "GET"),
		.path = orch_text_from(vector->path ? vector->path : "/"),
		.query = orch_text_from(vector->query),
		.headers = headers,
		.header_count = 2,
		.body = orch_text_from(vector->body),
	};
	char wanted[512], *got;

	for (size_t i = 0; i < HEADERS && vector->headers[i].name; i++)
		headers[request.header_count++] =
			(struct orch_aws_header){ orch_text_from(vector->headers[i].name),
				orch_text_from(vector->headers[i].value) };
	(void)snprintf(wanted, sizeof(wanted),
		"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
		"SignedHeaders=%s, Signature=%s",
		vector->signed_headers ? vector->signed_headers : DATED, vector->signature);
	got = sign(&request, &scope, "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
	if (strcmp(got, wanted) != 0)
		fail_msg("%s: %s is not %s", vector->name, got, wanted);
	free(got);
}

static void test_the_published_vectors_come_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		check_published(&published[i]);
}

/* A call as we make it, with its five or four headers. */
struct ours {
	const char *host, *type, *target, *token, *service;
	struct orch_text body;
};

#define RECEIVE                                                                           \
	"{\"QueueUrl\":\"https://sqs.eu-west-1.amazonaws.com/000000000000/submissions\"," \
	"\"MaxNumberOfMessages\":10}"
#define PUT                                                                                        \
	"{\"StreamName\":\"events\",\"Records\":[{\"Data\":\"aGVsbG8=\",\"PartitionKey\":\"k1\"}]" \
	"}"

static const struct ours known[] = {
	{ .host = "sqs.eu-west-1.amazonaws.com",
		.type = "application/x-amz-json-1.0",
		.target = "AmazonSQS.ReceiveMessage",
		.service = "sqs",
		.body = { RECEIVE, sizeof(RECEIVE) - 1 } },
	{ .host = "127.0.0.1:14567",
		.type = "application/x-amz-json-1.1",
		.target = "Kinesis_20131202.PutRecords",
		.token = "example/token+with=chars",
		.service = "kinesis",
		.body = { PUT, sizeof(PUT) - 1 } },
};

static const char *const known_canonical[] = {
	"02cc1ec8a21a0832032c3f78e1357160c96fa250a3a0a5a8019b4cd083b2d900",
	"1175dd749c3b4f73f0253417c30b22a12145a9bb7f8f44b339110aa21d666db7",
};

static const char *const known_body[] = {
	"053c32328b763ab1892e6c126d9208b24353f1e07c460452ce2f1b6fe44593a0",
	"7c3a1b0f10f6a81701684fc5488798c8a1f838f4b6ffabfab9994a30aa9afad7",
};

static const char *const known_signature[] = {
	"e8698f4942cdc43bbb2d48ecb45ab0eb8fcbfdb1a31afd8aa6e9fd7a39ae8a17",
	"0cf4c02313ed115aca21ba1d4463bac5faa6dfdea9877e2b5b4de9407ca01489",
};

static struct orch_aws_signable make(const struct ours *ours, struct orch_aws_header headers[5])
{
	size_t count = 0;

	headers[count++] =
		(struct orch_aws_header){ ORCH_TEXT("Content-Type"), orch_text_from(ours->type) };
	headers[count++] =
		(struct orch_aws_header){ ORCH_TEXT("Host"), orch_text_from(ours->host) };
	headers[count++] =
		(struct orch_aws_header){ ORCH_TEXT("X-Amz-Date"), ORCH_TEXT("20261121T030000Z") };
	if (ours->token)
		headers[count++] = (struct orch_aws_header){ ORCH_TEXT("X-Amz-Security-Token"),
			orch_text_from(ours->token) };
	headers[count++] =
		(struct orch_aws_header){ ORCH_TEXT("X-Amz-Target"), orch_text_from(ours->target) };
	return (struct orch_aws_signable){ .method = ORCH_TEXT("POST"),
		.path = ORCH_TEXT("/"),
		.query = ORCH_TEXT_NONE,
		.headers = headers,
		.header_count = count,
		.body = ours->body };
}

/* The signature alone, in RET of 65 bytes. */
static void sign_ours(const struct ours *ours, char *ret)
{
	struct orch_aws_scope scope = { "20261121T030000Z", ORCH_TEXT("eu-west-1"),
		orch_text_from(ours->service) };
	struct orch_aws_header headers[5];
	struct orch_aws_signable request = make(ours, headers);
	char *value = sign(&request, &scope, "AKIDEXAMPLE", "example-secret-for-tests-only");
	const char *signature = strstr(value, "Signature=");

	assert_non_null(signature);
	(void)snprintf(ret, 65, "%s", signature + strlen("Signature="));
	free(value);
}

static void canonicalise_ours(const struct ours *ours, struct orch_buf *canonical)
{
	struct orch_err err = { "" };
	struct orch_aws_header headers[5];
	struct orch_aws_signable request = make(ours, headers);
	struct orch_buf names;

	orch_buf_init(canonical, ORCH_AWS_CANONICAL_BYTES);
	orch_buf_init(&names, 1000);
	assert_int_equal(orch_aws_canonicalise(&request, canonical, &names, &err), ORCH_OK);
	orch_buf_fini(&names);
}

static void test_calls_of_both_services_are_signed_as_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint8_t digest[ORCH_SHA256_BYTES];
		struct orch_buf canonical;
		char hex[65];

		canonicalise_ours(&known[i], &canonical);
		assert_string_equal(canonical.ptr + canonical.len - 64, known_body[i]);
		orch_sha256(orch_buf_text(&canonical), digest);
		orch_hex_encode(digest, sizeof(digest), hex);
		assert_string_equal(hex, known_canonical[i]);
		sign_ours(&known[i], hex);
		assert_string_equal(hex, known_signature[i]);
		orch_buf_fini(&canonical);
	}
}

/* The SHA-256 of an empty body, as everybody knows it. */
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_every_byte_of_the_body_counts(void **state)
{
	static char large[2 * 1024 * 1024];
	struct ours ours = known[0];
	struct orch_buf canonical;
	char before[65], after[65];

	(void)state;
	ours.body = ORCH_TEXT_NONE;
	canonicalise_ours(&ours, &canonical);
	assert_string_equal(canonical.ptr + canonical.len - 64, EMPTY_HASH);
	orch_buf_fini(&canonical);

	ours.body = ORCH_TEXT("a\0b");
	sign_ours(&ours, before);
	ours.body = ORCH_TEXT("a\0c");
	sign_ours(&ours, after);
	assert_string_not_equal(before, after);

	ours.body = (struct orch_text){ large, sizeof(large) };
	sign_ours(&ours, before);
	large[sizeof(large) - 1] = 1;
	sign_ours(&ours, after);
	assert_string_not_equal(before, after);
}

static void test_white_space_around_and_within_values_is_one_space(void **state)
{
	struct ours plain = known[0], odd = known[0];
	char wanted[65], got[65];

	(void)state;
	plain.type = "application/x-amz-json-1.0; charset=utf-8";
	odd.type = " \t application/x-amz-json-1.0; \t  charset=utf-8\t";
	sign_ours(&plain, wanted);
	sign_ours(&odd, got);
	assert_string_equal(got, wanted);
}

static void test_a_value_that_could_be_two_headers_is_refused(void **state)
{
	static const struct orch_text bad[] = { { "a\nhost:evil", 11 }, { "a\rb", 3 },
		{ "a\0b", 3 }, { "\x7f", 1 } };
	struct orch_buf canonical, names;

	(void)state;
	orch_buf_init(&canonical, ORCH_AWS_CANONICAL_BYTES);
	orch_buf_init(&names, 1000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct orch_aws_header headers[5];
		struct orch_aws_signable request = make(&known[0], headers);
		struct orch_err err = { "" };

		headers[1].value = bad[i];
		assert_int_equal(
			orch_aws_canonicalise(&request, &canonical, &names, &err), ORCH_E_INVALID);
		assert_string_equal(err.text, "the header Host has a control character");
	}
	orch_buf_fini(&canonical);
	orch_buf_fini(&names);
}

static int canonicalise(const struct orch_aws_signable *request)
{
	struct orch_err err = { "" };
	struct orch_buf canonical, names;
	int code;

	orch_buf_init(&canonical, ORCH_AWS_CANONICAL_BYTES);
	orch_buf_init(&names, 1000);
	code = orch_aws_canonicalise(request, &canonical, &names, &err);
	orch_buf_fini(&canonical);
	orch_buf_fini(&names);
	return code;
}

static void test_headers_parameters_and_bytes_have_limits(void **state)
{
	struct orch_aws_header headers[ORCH_AWS_SIGNED_HEADERS + 1];
	struct orch_aws_signable request = make(&known[0], headers);
	static char query[2 * (ORCH_AWS_QUERY_PARAMETERS + 1)];
	static char path[ORCH_AWS_CANONICAL_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		headers[i] = (struct orch_aws_header){ ORCH_TEXT("a"), ORCH_TEXT("b") };
	request.header_count = ORCH_AWS_SIGNED_HEADERS;
	assert_int_equal(canonicalise(&request), ORCH_OK);
	request.header_count++;
	assert_int_equal(canonicalise(&request), ORCH_E_LIMIT);

	request.header_count = 1;
	for (size_t i = 0; i < sizeof(query); i += 2)
		memcpy(query + i, "a&", 2);
	request.query = (struct orch_text){ query, sizeof(query) - 2 };
	assert_int_equal(canonicalise(&request), ORCH_OK);
	request.query.len = sizeof(query);
	assert_int_equal(canonicalise(&request), ORCH_E_LIMIT);

	memset(path, 'a', sizeof(path));
	request.query = ORCH_TEXT_NONE;
	request.path = (struct orch_text){ path, sizeof(path) };
	assert_int_equal(canonicalise(&request), ORCH_E_LIMIT);
}

static void test_a_path_never_leads_out_of_itself(void **state)
{
	static const struct {
		const char *path, *canonical;
	} rows[] = { { "/..", "/" }, { "/../..", "/" }, { "/a/../../b", "/b" },
		{ "/a/b/", "/a/b/" }, { "", "/" }, { "/a%2Fb", "/a%252Fb" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_aws_header headers[5];
		struct orch_aws_signable request = make(&known[0], headers);
		struct orch_err err = { "" };
		struct orch_buf canonical, names;
		char wanted[64];

		orch_buf_init(&canonical, ORCH_AWS_CANONICAL_BYTES);
		orch_buf_init(&names, 1000);
		request.path = orch_text_from(rows[i].path);
		assert_int_equal(
			orch_aws_canonicalise(&request, &canonical, &names, &err), ORCH_OK);
		(void)snprintf(wanted, sizeof(wanted), "POST\n%s\n\n", rows[i].canonical);
		assert_memory_equal(canonical.ptr, wanted, strlen(wanted));
		orch_buf_fini(&canonical);
		orch_buf_fini(&names);
	}
}

static void test_the_date_is_written_in_utc(void **state)
{
	char text[ORCH_AWS_DATE_TIME_CHARS + 1];

	(void)state;
	orch_aws_date_time(1795230000000, text);
	assert_string_equal(text, "20261121T030000Z");
	orch_aws_date_time(UINT64_MAX, text);
	assert_int_equal(strlen(text), ORCH_AWS_DATE_TIME_CHARS);
}

static void test_memory_that_is_short_is_an_error(void **state)
{
	struct orch_aws_scope scope = { "20261121T030000Z", ORCH_TEXT("eu-west-1"),
		ORCH_TEXT("sqs") };
	const uint8_t key[ORCH_SHA256_BYTES] = { 0 };
	struct orch_aws_header headers[5];
	struct orch_aws_signable request = make(&known[1], headers);
	struct orch_err err = { "" };
	unsigned failed = 0;
	int code = ORCH_E_NOMEM;

	(void)state;
	for (uint64_t n = 1; code != ORCH_OK; n++) {
		struct orch_buf value;

		orch_buf_init(&value, ORCH_AWS_AUTHORIZATION_BYTES);
		orch_alloc_fail_at(n, 0);
		code = orch_aws_sign(&request, &scope, ORCH_TEXT("A"), key, &value, &err);
		orch_alloc_fail_at(0, 0);
		failed += code != ORCH_OK;
		orch_buf_fini(&value);
	}
	assert_true(failed >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_published_vectors_come_out),
		cmocka_unit_test(test_calls_of_both_services_are_signed_as_known),
		cmocka_unit_test(test_every_byte_of_the_body_counts),
		cmocka_unit_test(test_white_space_around_and_within_values_is_one_space),
		cmocka_unit_test(test_a_value_that_could_be_two_headers_is_refused),
		cmocka_unit_test(test_headers_parameters_and_bytes_have_limits),
		cmocka_unit_test(test_a_path_never_leads_out_of_itself),
		cmocka_unit_test(test_the_date_is_written_in_utc),
		cmocka_unit_test(test_memory_that_is_short_is_an_error),
	};

	return cmocka_run_group_tests_name("aws_sign", tests, NULL, NULL);
}
