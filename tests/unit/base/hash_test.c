/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/text_assert.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_digest(const uint8_t *digest, const char *expected)
{
	char hex[2 * ORCH_SHA256_BYTES + 1];

	orch_hex_encode(digest, ORCH_SHA256_BYTES, hex);
	assert_string_equal(hex, expected);
}

/* FIPS 180-4's examples. */
static void check_sha256(void)
{
	uint8_t digest[ORCH_SHA256_BYTES];
	char *million = malloc(1000000);

	assert_non_null(million);
	memset(million, 'a', 1000000);
	orch_sha256(ORCH_TEXT(""), digest);
	assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	orch_sha256((struct orch_text){ NULL, 0 }, digest);
	assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	orch_sha256(ORCH_TEXT("abc"), digest);
	assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	orch_sha256(ORCH_TEXT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
	assert_digest(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	orch_sha256((struct orch_text){ million, 1000000 }, digest);
	assert_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

static void test_sha256_gives_the_published_digests(void **state)
{
	(void)state;
	check_sha256();
	check_sha256();
}

struct hmac_case {
	int key_filler;  /* if KEY is NULL */
	int data_filler; /* fifty of them, if DATA is NULL */
	size_t key_len;
	const char *key, *data, *mac;
};

/* RFC 4231's test cases 1 to 4, 6 and 7; and one with an empty key. */
static const struct hmac_case hmac_cases[] = {
	{ .key_filler = 0x0b,
		.key_len = 20,
		.data = "Hi There",
		.mac = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ .key_len = 4,
		.key = "Jefe",
		.data = "what do ya want for nothing?",
		.mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ .key_filler = 0xaa,
		.key_len = 20,
		.data_filler = 0xdd,
		.mac = "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ .key_len = 25,
		.key = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11"
		       "\x12\x13\x14\x15\x16\x17\x18\x19",
		.data_filler = 0xcd,
		.mac = "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	{ .key_filler = 0xaa,
		.key_len = 131,
		.data = "Test Using Larger Than Block-Size Key - Hash Key First",
		.mac = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ .key_filler = 0xaa,
		.key_len = 131,
		.data = "This is a test using a larger than block-size key and a larger than "
			"block-size data. The key needs to be hashed before being used by the "
			"HMAC algorithm.",
		.mac = "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
	{ .key = "",
		.data = "",
		.mac = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
};

static void check_hmac_case(const struct hmac_case *one)
{
	uint8_t mac[ORCH_SHA256_BYTES];
	char key[200];
	char fifty[50];
	struct orch_text key_text = { key, one->key_len };
	struct orch_text data = { fifty, sizeof(fifty) };

	memset(key, one->key_filler, sizeof(key));
	memset(fifty, one->data_filler, sizeof(fifty));
	if (one->key)
		key_text.ptr = one->key;
	if (one->data)
		data = orch_text_from(one->data);
	orch_hmac_sha256(key_text, &data, 1, mac);
	assert_digest(mac, one->mac);
}

static void check_hmac(void)
{
	for (size_t i = 0; i < COUNT(hmac_cases); i++)
		check_hmac_case(&hmac_cases[i]);
}

static void test_hmac_gives_the_published_macs(void **state)
{
	(void)state;
	check_hmac();
	check_hmac();
}

static void test_pieces_are_hashed_as_one(void **state)
{
	const struct orch_text pieces[] = { ORCH_TEXT("what do "), ORCH_TEXT(""), { NULL, 0 },
		ORCH_TEXT("ya want for nothing?") };
	uint8_t mac[ORCH_SHA256_BYTES];

	(void)state;
	orch_hmac_sha256(ORCH_TEXT("Jefe"), pieces, COUNT(pieces), mac);
	assert_digest(mac, hmac_cases[1].mac);
	orch_hmac_sha256(ORCH_TEXT(""), NULL, 0, mac);
	assert_digest(mac, hmac_cases[6].mac);
}

static void test_slacks_published_signature_is_ours(void **state)
{
	const struct orch_text pieces[] = { ORCH_TEXT("v0:"), ORCH_TEXT("1531420618"),
		ORCH_TEXT(":"),
		ORCH_TEXT("token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain="
			  "testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&"
			  "user_name=roadrunner&command=%2Fwebhook-collect&"
			  "text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%"
			  "2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015."
			  "47445629121.803a0bc887a14d10d2c447fce8b6703c") };
	uint8_t mac[ORCH_SHA256_BYTES];

	(void)state;
	assert_int_equal(pieces[3].len, 362);
	orch_hmac_sha256(ORCH_TEXT("8f742231b10e8888abcd99yyyzzz85a5"), pieces, 4, mac);
	assert_digest(mac, "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
}

static void *hash_in_thread(void *arg)
{
	check_sha256();
	check_hmac();
	return arg;
}

static void *hash_without_memory(void *arg)
{
	orch_alloc_fail_at(1, 1);
	check_sha256();
	check_hmac();
	orch_alloc_fail_at(0, 0);
	return arg;
}

static void run_thread(void *(*run)(void *arg))
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_each_thread_hashes_for_itself(void **state)
{
	(void)state;
	run_thread(hash_in_thread);
	run_thread(hash_in_thread);
}

static void test_hashing_never_fails_for_memory(void **state)
{
	(void)state;
	run_thread(hash_without_memory);
	check_hmac();
}

static void test_hex_goes_there_and_back(void **state)
{
	const uint8_t bytes[] = { 0x00, 0x01, 0x7f, 0x80, 0xab, 0xff };
	uint8_t back[sizeof(bytes)] = { 0 };
	char hex[2 * sizeof(bytes) + 1];

	(void)state;
	orch_hex_encode(bytes, sizeof(bytes), hex);
	assert_string_equal(hex, "00017f80abff");
	assert_int_equal(orch_hex_decode(orch_text_from(hex), back, sizeof(back)), ORCH_OK);
	assert_memory_equal(back, bytes, sizeof(bytes));
	assert_int_equal(orch_hex_decode(ORCH_TEXT("00017F80ABFF"), back, 6), ORCH_OK);
	assert_memory_equal(back, bytes, sizeof(bytes));
	assert_int_equal(orch_hex_decode(ORCH_TEXT(""), back, 0), ORCH_OK);
}

static void test_what_is_not_hex_of_that_length_is_refused(void **state)
{
	static const struct orch_text bad[] = { ORCH_TEXT(""), ORCH_TEXT("0"), ORCH_TEXT("000"),
		ORCH_TEXT("00010"), ORCH_TEXT("000g"), ORCH_TEXT("00 1"), ORCH_TEXT("0x01"),
		ORCH_TEXT("00\0001"), ORCH_TEXT("000102") };
	uint8_t back[4];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(orch_hex_decode(bad[i], back, 2), ORCH_E_INVALID);
}

/* RFC 4648, section 10. */
static void test_base64_gives_the_published_codes_and_back(void **state)
{
	static const struct {
		struct orch_text plain;
		const char *code;
	} cases[] = { { ORCH_TEXT(""), "" }, { ORCH_TEXT("f"), "Zg==" },
		{ ORCH_TEXT("fo"), "Zm8=" }, { ORCH_TEXT("foo"), "Zm9v" },
		{ ORCH_TEXT("foob"), "Zm9vYg==" }, { ORCH_TEXT("fooba"), "Zm9vYmE=" },
		{ ORCH_TEXT("foobar"), "Zm9vYmFy" }, { ORCH_TEXT("\xfb\xff\xfe\0"), "+//+AA==" } };
	char code[16];
	char back[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		len = orch_base64_encode(cases[i].plain.ptr, cases[i].plain.len, code);
		assert_string_equal(code, cases[i].code);
		assert_int_equal(len, strlen(code));
		assert_int_equal(orch_base64_decode(orch_text_from(code), back, &len), ORCH_OK);
		assert_int_equal(len, cases[i].plain.len);
		assert_memory_equal(back, cases[i].plain.ptr, len);
	}
}

static void test_what_is_not_base64_is_refused(void **state)
{
	static const struct orch_text bad[] = { ORCH_TEXT("Z"), ORCH_TEXT("Zg"), ORCH_TEXT("Zg="),
		ORCH_TEXT("Zg==="), ORCH_TEXT("Zh=="), ORCH_TEXT("Zm9v "), ORCH_TEXT("Zm9v\n"),
		ORCH_TEXT("-_-_"), ORCH_TEXT("===="), ORCH_TEXT("Zg==Zg=="), ORCH_TEXT("Zm\0v"),
		ORCH_TEXT("Zm9v    "), ORCH_TEXT("    Zm9v"), ORCH_TEXT("Zm9=") };
	char back[16];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(orch_base64_decode(bad[i], back, &len), ORCH_E_INVALID);
}

static void test_equality_looks_at_every_byte(void **state)
{
	char a[64] = { 0 };
	char b[64] = { 0 };

	(void)state;
	assert_true(orch_equal_constant_time(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] = 1;
		assert_false(orch_equal_constant_time(a, b, sizeof(a)));
		b[i] = 0;
	}
	assert_true(orch_equal_constant_time(NULL, NULL, 0));
}

/* Computed by another implementation of RFC 9562 in the same namespace. */
static void test_uuids_are_those_of_rfc_9562(void **state)
{
	const struct orch_text one[] = { ORCH_TEXT("ab"), ORCH_TEXT("c") };
	const struct orch_text other[] = { ORCH_TEXT("a"), ORCH_TEXT("bc") };
	char uuid[ORCH_UUID_CHARS + 1];

	(void)state;
	orch_uuid5(NULL, 0, uuid);
	assert_string_equal(uuid, "2efc294b-b67c-5c87-beed-991a8f3833a2");
	orch_uuid5(one, 2, uuid);
	assert_string_equal(uuid, "ab25ed9e-664d-5608-b96e-aa6160dd53f4");
	orch_uuid5(other, 2, uuid);
	assert_string_equal(uuid, "90a19294-24cd-5800-b800-8fc39efe3581");
}

static void test_random_numbers_stay_below_their_bound(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t value = orch_random_below(3);

		assert_true(value < 3);
		seen |= 1u << value;
		assert_int_equal(orch_random_below(1), 0);
		assert_true(orch_random_below(UINT64_MAX / 2 + 2) <= UINT64_MAX / 2 + 1);
	}
	assert_int_equal(seen, 7);
}

static void test_random_bytes_differ(void **state)
{
	uint8_t a[16] = { 0 };
	uint8_t b[16] = { 0 };

	(void)state;
	orch_random_bytes(a, sizeof(a));
	orch_random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void test_siphash_depends_on_every_byte(void **state)
{
	(void)state;
	assert_true(orch_siphash(ORCH_TEXT("abc")) == orch_siphash(ORCH_TEXT("abc")));
	assert_true(orch_siphash(ORCH_TEXT("abc")) != orch_siphash(ORCH_TEXT("abd")));
	assert_true(orch_siphash(ORCH_TEXT("abc")) != orch_siphash(ORCH_TEXT("abc\0")));
	assert_true(orch_siphash(ORCH_TEXT("")) == orch_siphash((struct orch_text){ NULL, 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_gives_the_published_digests),
		cmocka_unit_test(test_hmac_gives_the_published_macs),
		cmocka_unit_test(test_pieces_are_hashed_as_one),
		cmocka_unit_test(test_slacks_published_signature_is_ours),
		cmocka_unit_test(test_each_thread_hashes_for_itself),
		cmocka_unit_test(test_hashing_never_fails_for_memory),
		cmocka_unit_test(test_hex_goes_there_and_back),
		cmocka_unit_test(test_what_is_not_hex_of_that_length_is_refused),
		cmocka_unit_test(test_base64_gives_the_published_codes_and_back),
		cmocka_unit_test(test_what_is_not_base64_is_refused),
		cmocka_unit_test(test_equality_looks_at_every_byte),
		cmocka_unit_test(test_uuids_are_those_of_rfc_9562),
		cmocka_unit_test(test_random_numbers_stay_below_their_bound),
		cmocka_unit_test(test_random_bytes_differ),
		cmocka_unit_test(test_siphash_depends_on_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
