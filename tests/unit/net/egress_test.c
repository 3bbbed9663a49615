/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/text.h"
#include "net/address.h"

struct judged {
	const char *ip;
	const char *kind; /* NULL: public */
};

static const struct judged addresses[] = {
	{ "0.0.0.0", "unspecified" },
	{ "0.255.255.255", "unspecified" },
	{ "1.0.0.0", NULL },
	{ "9.255.255.255", NULL },
	{ "10.0.0.0", "private" },
	{ "10.255.255.255", "private" },
	{ "11.0.0.0", NULL },
	{ "100.63.255.255", NULL },
	{ "100.64.0.0", "carrier-private" },
	{ "100.127.255.255", "carrier-private" },
	{ "100.128.0.0", NULL },
	{ "126.255.255.255", NULL },
	{ "127.0.0.1", "loopback" },
	{ "127.255.255.255", "loopback" },
	{ "128.0.0.0", NULL },
	{ "169.253.255.255", NULL },
	{ "169.254.169.254", "link-local" },
	{ "169.255.0.0", NULL },
	{ "172.15.255.255", NULL },
	{ "172.16.0.0", "private" },
	{ "172.31.255.255", "private" },
	{ "172.32.0.0", NULL },
	{ "191.255.255.255", NULL },
	{ "192.0.0.0", "reserved" },
	{ "192.0.0.255", "reserved" },
	{ "192.0.1.0", NULL },
	{ "192.0.2.1", "reserved" },
	{ "192.0.3.0", NULL },
	{ "192.167.255.255", NULL },
	{ "192.168.0.1", "private" },
	{ "192.169.0.0", NULL },
	{ "198.17.255.255", NULL },
	{ "198.18.0.0", "reserved" },
	{ "198.19.255.255", "reserved" },
	{ "198.20.0.0", NULL },
	{ "198.51.99.255", NULL },
	{ "198.51.100.7", "reserved" },
	{ "198.51.101.0", NULL },
	{ "203.0.113.255", "reserved" },
	{ "203.0.114.0", NULL },
	{ "223.255.255.255", NULL },
	{ "224.0.0.1", "multicast" },
	{ "239.255.255.255", "multicast" },
	{ "240.0.0.0", "reserved" },
	{ "255.255.255.255", "reserved" },
	{ "::", "unspecified" },
	{ "::1", "loopback" },
	{ "::2", "reserved" },
	{ "::127.0.0.1", "reserved" },
	{ "::ffff:8.8.8.8", NULL },
	{ "::ffff:127.0.0.1", "loopback" },
	{ "::ffff:169.254.169.254", "link-local" },
	{ "::ffff:0:127.0.0.1", "reserved" },
	{ "64:ff9b::8.8.8.8", NULL },
	{ "64:ff9b::10.0.0.1", "private" },
	{ "64:ff9b::127.0.0.1", "loopback" },
	{ "64:ff9b:1::8.8.8.8", "reserved" },
	{ "100::1", "reserved" },
	{ "2001:db8::1", "reserved" },
	{ "2001::1", "reserved" },
	{ "2001:4860:4860::8888", NULL },
	{ "2002:0808:0808::1", NULL },
	{ "2002:0a00:0001::1", "private" },
	{ "2002:7f00:0001::1", "loopback" },
	{ "2606:4700::1111", NULL },
	{ "3fff::1", "reserved" },
	{ "3fff:1000::1", NULL },
	{ "4000::1", "reserved" },
	{ "fbff::1", "reserved" },
	{ "fc00::1", "private" },
	{ "fdff::1", "private" },
	{ "fe80::1", "link-local" },
	{ "febf::1", "link-local" },
	{ "fec0::1", "reserved" },
	{ "ff02::1", "multicast" },
};

static const char *judge(const struct orch_egress *egress, const char *ip)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	const char *refusal;

	assert_true(orch_address_parse(ip, 443, &address));
	refusal = orch_egress_refusal(egress, (const struct sockaddr *)&address);
	assert_int_equal(
		orch_egress_allows(egress, (const struct sockaddr *)&address), refusal == NULL);
	return refusal;
}

static void test_only_public_addresses_are_let_out(void **state)
{
	const struct orch_egress egress = { .allowed_count = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const char *kind = judge(&egress, addresses[i].ip);

		if (!kind != !addresses[i].kind)
			fail_msg("%s is %s", addresses[i].ip, kind ? kind : "public");
		if (kind)
			assert_string_equal(kind, addresses[i].kind);
	}
}

static void test_an_address_of_another_family_is_refused(void **state)
{
	const struct sockaddr_un path = { .sun_family = AF_UNIX, .sun_path = "/run/x" };
	const struct orch_egress egress = { .allowed_count = 0 };

	(void)state;
	assert_false(orch_egress_allows(&egress, (const struct sockaddr *)&path));
}

static void allow(struct orch_egress *egress, struct orch_network *network, const char *text)
{
	struct orch_err err = { "" };

	if (orch_network_parse(orch_text_from(text), network, &err) != ORCH_OK)
		fail_msg("%s: %s", text, err.text);
	egress->allowed = network;
	egress->allowed_count = 1;
}

static void test_a_named_network_is_let_out_and_its_neighbour_is_not(void **state)
{
	static const struct {
		const char *network, *in, *out;
	} rows[] = {
		{ "127.0.0.1/32", "127.0.0.1", "127.0.0.2" },
		{ "127.0.0.1", "127.0.0.1", "127.0.0.2" },
		{ "127.0.0.1/32", "::ffff:127.0.0.1", "::1" },
		{ "10.0.0.0/8", "10.255.0.1", "172.16.0.1" },
		{ "10.0.0.0/9", "10.127.255.255", "10.128.0.0" },
		{ "172.16.0.0/12", "172.31.0.1", "192.168.0.1" },
		{ "192.168.4.0/23", "192.168.5.255", "192.168.6.0" },
		{ "0.0.0.0/0", "169.254.169.254", "::1" },
		{ "::1", "::1", "127.0.0.1" },
		{ "::1/128", "::1", "::" },
		{ "fd00::/8", "fd12::1", "fc00::1" },
		{ "fd00:1234::/31", "fd00:1235::1", "fd00:1236::1" },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", "192.168.0.1" },
		{ "10.0.0.1/32", "64:ff9b::10.0.0.1", "64:ff9b::10.0.0.2" },
		{ "10.0.0.1/32", "2002:0a00:0001::5", "2002:0a00:0002::5" },
		{ "64:ff9b::/96", "64:ff9b::10.0.0.1", "10.0.0.1" },
		{ "::/0", "fe80::1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_egress egress = { .allowed_count = 0 };
		struct orch_network network;

		allow(&egress, &network, rows[i].network);
		if (judge(&egress, rows[i].in))
			fail_msg("%s does not let out %s", rows[i].network, rows[i].in);
		if (rows[i].out && !judge(&egress, rows[i].out))
			fail_msg("%s lets out %s", rows[i].network, rows[i].out);
	}
}

static void test_what_is_no_network_is_refused(void **state)
{
	static const char *const rows[] = { "", "/", "/8", "10", "10.0.0", "10.0.0.0/",
		"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/8/8", "10.0.0.1/8",
		"010.0.0.0/8", "10.0.0.0.0/8", "0x0a.0.0.0/8", "::1/129", "::1/64", "fe80::1%eth0",
		"localhost", "10.0.0.0 /8", " 10.0.0.0/8", "fd00::/8,::1",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/8" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_network network;
		struct orch_err err = { "" };

		if (orch_network_parse(orch_text_from(rows[i]), &network, &err) != ORCH_E_INVALID)
			fail_msg("accepted: %s", rows[i]);
		assert_true(err.text[0] != '\0');
	}
}

static void test_addresses_are_shown_as_people_write_them(void **state)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	char text[ORCH_ADDRESS_CHARS];

	(void)state;
	assert_true(orch_address_parse("127.0.0.1", 9000, &address));
	orch_address_format((const struct sockaddr *)&address, text);
	assert_string_equal(text, "127.0.0.1");
	orch_address_format_port((const struct sockaddr *)&address, text);
	assert_string_equal(text, "127.0.0.1:9000");
	assert_true(orch_address_parse("::1", 80, &address));
	orch_address_format_port((const struct sockaddr *)&address, text);
	assert_string_equal(text, "[::1]:80");
	assert_false(orch_address_parse("localhost", 80, &address));
}

struct patterned {
	const char *pattern, *name;
	bool wildcard;
	unsigned port;
};

static void test_patterns_of_hosts(void **state)
{
	static const struct patterned rows[] = {
		{ "slack.com", "slack.com", false, 0 },
		{ "Slack.COM", "slack.com", false, 0 },
		{ "*.slack.com", "slack.com", true, 0 },
		{ "*.slack.com:8443", "slack.com", true, 8443 },
		{ "slack.com:443", "slack.com", false, 443 },
		{ "127.0.0.1:9000", "127.0.0.1", false, 9000 },
		{ "[::1]:9000", "::1", false, 9000 },
		{ "[0:0::1]", "::1", false, 0 },
		{ "localhost", "localhost", false, 0 },
	};
	struct orch_arena *arena = orch_arena_create(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_host_pattern pattern;
		struct orch_err err = { "" };

		if (orch_host_pattern_parse(
			    arena, orch_text_from(rows[i].pattern), &pattern, &err) != ORCH_OK)
			fail_msg("%s: %s", rows[i].pattern, err.text);
		assert_string_equal(pattern.name.ptr, rows[i].name);
		assert_int_equal(pattern.wildcard, rows[i].wildcard);
		assert_int_equal(pattern.port, rows[i].port);
	}
	orch_arena_destroy(arena);
}

static void test_what_is_no_pattern_is_refused(void **state)
{
	static const char *const rows[] = { "", "*", "*.", "*.com", "*.localhost", "*.127.0.0.1",
		"*.[::1]", "*slack.com", "a.*.com", "slack.*", "https://slack.com", "slack.com/",
		"slack.com/api", "slack.com?x", "slack.com#x", "me@slack.com", "slack.com:0",
		"slack.com:", "slack.com:65536", "127.1", "0x7f.1", "::1", "slack..com",
		"slack.com.", "slack com", "sl\303\244ck.com" };
	struct orch_arena *arena = orch_arena_create(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_host_pattern pattern;
		struct orch_err err = { "" };

		if (orch_host_pattern_parse(arena, orch_text_from(rows[i]), &pattern, &err) !=
			ORCH_E_INVALID)
			fail_msg("accepted: %s", rows[i]);
		assert_true(err.text[0] != '\0');
	}
	orch_arena_destroy(arena);
}

/* Credential 1 with the hosts of a real installation, and two configured origins. */
struct keys {
	struct orch_host_pattern hosts[4];
	struct orch_origin origins[3];
	struct orch_credential_entry entry;
	struct orch_egress egress;
};

static void keys_init(struct keys *keys)
{
	*keys = (struct keys){
		.hosts = { { ORCH_TEXT("slack.com"), false, 0 },
			{ ORCH_TEXT("slack.com"), true, 0 },
			{ ORCH_TEXT("api.example.com"), false, 8443 },
			{ ORCH_TEXT("127.0.0.1"), false, 0 } },
		.origins = { { ORCH_TEXT("https"), ORCH_TEXT("slack.com"), 9443 },
			{ ORCH_TEXT("http"), ORCH_TEXT("127.0.0.1"), 9000 },
			{ ORCH_TEXT("http"), ORCH_TEXT("other.example.com"), 80 } },
		.entry = { .name = ORCH_TEXT("slack-bot"), .scheme = ORCH_SCHEME_BEARER },
	};
	keys->entry.hosts = keys->hosts;
	keys->entry.host_count = 4;
	keys->egress = (struct orch_egress){ .credentials = &keys->entry,
		.credential_count = 1,
		.origins = keys->origins,
		.origin_count = 3 };
}

static int check(
	const struct keys *keys, orch_credential credential, const char *text, struct orch_err *err)
{
	struct orch_url url;

	assert_int_equal(orch_url_parse(orch_text_from(text), &url, err), ORCH_OK);
	return orch_egress_check_credential(&keys->egress, credential, &url, err);
}

static void test_a_credential_goes_to_its_own_hosts(void **state)
{
	static const char *const rows[] = { "https://slack.com/api/x", "https://SLACK.com/",
		"https://files.slack.com/x", "https://a.b.slack.com/", "https://slack.com:9443/",
		"https://api.example.com:8443/", "http://127.0.0.1:9000/api/", "https://127.0.0.1/",
		"smtps://slack.com" };
	struct orch_err err = { "" };
	struct keys keys;

	(void)state;
	keys_init(&keys);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (check(&keys, 1, rows[i], &err) != ORCH_OK)
			fail_msg("%s: %s", rows[i], err.text);
	}
}

static void test_a_credential_goes_nowhere_else(void **state)
{
	static const char *const rows[] = { "https://evil.com/", "https://slack.com.evil.com/",
		"https://evilslack.com/", "https://slack.co/", "https://slack.community/",
		"https://xslack.com/", "https://slackcom/", "https://com/", "http://slack.com/",
		"http://slack.com:9443/", "http://files.slack.com/", "https://slack.com:8443/",
		"https://files.slack.com:9443/", "https://api.example.com/",
		"https://x.api.example.com:8443/", "http://api.example.com:8443/",
		"http://127.0.0.1/", "http://127.0.0.1:9001/", "https://127.0.0.2/",
		"https://[::1]/", "https://[::ffff:127.0.0.1]/", "http://other.example.com/",
		"smtp://slack.com", "smtp://slack.com:9443", "https://slack.com:80/" };
	struct keys keys;

	(void)state;
	keys_init(&keys);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct orch_err err = { "" };

		if (check(&keys, 1, rows[i], &err) != ORCH_E_DENIED)
			fail_msg("let go to %s", rows[i]);
		assert_non_null(strstr(err.text, "slack-bot"));
	}
}

static void test_a_credential_that_does_not_exist_is_denied(void **state)
{
	struct orch_err err = { "" };
	struct keys keys;
	char line[64];

	(void)state;
	keys_init(&keys);
	assert_int_equal(check(&keys, 0, "http://evil.com/", &err), ORCH_OK);
	assert_int_equal(check(&keys, 2, "https://slack.com/", &err), ORCH_E_DENIED);
	assert_int_equal(check(&keys, UINT32_MAX, "https://slack.com/", &err), ORCH_E_DENIED);
	assert_int_equal(
		orch_egress_header(&keys.egress, 0, line, sizeof(line), &err), ORCH_E_DENIED);
	assert_int_equal(
		orch_egress_header(&keys.egress, 1, line, sizeof(line), &err), ORCH_E_DENIED);
}

static int header(enum orch_scheme scheme, const char *name, struct orch_text secret, char *ret,
	size_t size, struct orch_err *err)
{
	struct orch_secret *made = orch_secret_create(secret);
	const struct orch_credential_entry entry = { .name = ORCH_TEXT("key"),
		.scheme = scheme,
		.header = orch_text_from(name),
		.secret = made };
	const struct orch_egress egress = { .credentials = &entry, .credential_count = 1 };
	int code = orch_egress_header(&egress, 1, ret, size, err);

	orch_secret_destroy(made);
	return code;
}

static void test_headers_of_each_scheme(void **state)
{
	struct orch_err err = { "" };
	char line[64];

	(void)state;
	assert_int_equal(
		header(ORCH_SCHEME_BEARER, "", ORCH_TEXT("xoxb-1"), line, sizeof(line), &err),
		ORCH_OK);
	assert_string_equal(line, "Authorization: Bearer xoxb-1");
	assert_int_equal(header(ORCH_SCHEME_BASIC, "", ORCH_TEXT("Aladdin:open sesame"), line,
				 sizeof(line), &err),
		ORCH_OK);
	assert_string_equal(line, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	assert_int_equal(
		header(ORCH_SCHEME_HEADER, "X-Api-Key", ORCH_TEXT("k1"), line, sizeof(line), &err),
		ORCH_OK);
	assert_string_equal(line, "X-Api-Key: k1");
}

static void test_a_secret_cannot_break_out_of_its_header(void **state)
{
	static const struct orch_text secrets[] = { { "a\r\nX: y", 7 }, { "a\nb", 3 },
		{ "a\rb", 3 }, { "a\0b", 3 }, { "a\x7f", 2 }, { "", 0 } };
	static const enum orch_scheme schemes[] = { ORCH_SCHEME_BEARER, ORCH_SCHEME_BASIC,
		ORCH_SCHEME_HEADER };
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		for (size_t j = 0; j < 3; j++) {
			struct orch_err err = { "" };

			assert_int_equal(
				header(schemes[j], "X-Key", secrets[i], line, sizeof(line), &err),
				ORCH_E_INVALID);
			assert_non_null(strstr(err.text, "key"));
		}
	}
}

static void test_a_header_name_that_is_none_is_denied(void **state)
{
	static const char *const names[] = { "", "X Key", "X:Key", "X\r\nY", "X-K\xc3\xa9y" };
	struct orch_err err = { "" };
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(header(ORCH_SCHEME_HEADER, names[i], ORCH_TEXT("k"), line,
					 sizeof(line), &err),
			ORCH_E_DENIED);
	}
	assert_int_equal(header(ORCH_SCHEME_NONE, "", ORCH_TEXT("k"), line, sizeof(line), &err),
		ORCH_E_DENIED);
}

static void test_a_header_that_does_not_fit_is_not_cut(void **state)
{
	const size_t needed = sizeof("Authorization: Bearer xoxb-1");
	struct orch_err err = { "" };
	char line[64];

	(void)state;
	assert_int_equal(
		header(ORCH_SCHEME_BEARER, "", ORCH_TEXT("xoxb-1"), line, needed, &err), ORCH_OK);
	assert_int_equal(
		header(ORCH_SCHEME_BEARER, "", ORCH_TEXT("xoxb-1"), line, needed - 1, &err),
		ORCH_E_LIMIT);
	assert_int_equal(header(ORCH_SCHEME_BASIC, "", ORCH_TEXT("ab"), line,
				 sizeof("Authorization: Basic YWI=") - 1, &err),
		ORCH_E_LIMIT);
	assert_null(strstr(err.text, "xoxb"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_public_addresses_are_let_out),
		cmocka_unit_test(test_an_address_of_another_family_is_refused),
		cmocka_unit_test(test_a_named_network_is_let_out_and_its_neighbour_is_not),
		cmocka_unit_test(test_what_is_no_network_is_refused),
		cmocka_unit_test(test_addresses_are_shown_as_people_write_them),
		cmocka_unit_test(test_patterns_of_hosts),
		cmocka_unit_test(test_what_is_no_pattern_is_refused),
		cmocka_unit_test(test_a_credential_goes_to_its_own_hosts),
		cmocka_unit_test(test_a_credential_goes_nowhere_else),
		cmocka_unit_test(test_a_credential_that_does_not_exist_is_denied),
		cmocka_unit_test(test_headers_of_each_scheme),
		cmocka_unit_test(test_a_secret_cannot_break_out_of_its_header),
		cmocka_unit_test(test_a_header_name_that_is_none_is_denied),
		cmocka_unit_test(test_a_header_that_does_not_fit_is_not_cut),
	};

	return cmocka_run_group_tests_name("egress", tests, NULL, NULL);
}
