/* SPDX-License-Identifier: Apache-2.0 */
/* dlp: what nobody could read is never clean, and text in another encoding is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CARD "4111111111111111"
#define BYTES(string) string, sizeof(string) - 1

static int open_plugin(void **state)
{
	const struct orch_rule rule = { .size = sizeof(rule),
		.severity = ORCH_HIGH,
		.id = { "card", 4 },
		.name = { "card", 4 },
		.expression = fake_text("(?<!\\d)4\\d{15}(?!\\d)|ünïcode"),
		.options = { "", 0 },
		.version = 1 };
	struct fake *fake = fake_open("dlp", NULL);
	size_t bad;

	assert_int_equal(fake_compile(fake, &rule, 1, &bad), ORCH_OK);
	*state = fake;
	return 0;
}

static int close_plugin(void **state)
{
	fake_close(*state);
	return 0;
}

static void scan(struct fake *fake, const char *bytes, size_t len)
{
	fake_clear(fake);
	assert_int_equal(fake_scan(fake, (struct orch_text){ bytes, len }), ORCH_OK);
}

static void test_what_cannot_be_read_is_marked_and_searched_all_the_same(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t state;
		const char *says;
	} rows[] = {
		{ BYTES("PK\3\4\24\0 " CARD), ORCH_PART_UNAVAILABLE, "zip" },
		{ BYTES("PK\5\6\0\0 " CARD), ORCH_PART_UNAVAILABLE, "zip" },
		{ BYTES("\x1f\x8b\10\0 " CARD), ORCH_PART_UNAVAILABLE, "packed" },
		{ BYTES("BZh91AY&SY " CARD), ORCH_PART_UNAVAILABLE, "packed" },
		{ BYTES("\xfd\x37zXZ\0 " CARD), ORCH_PART_UNAVAILABLE, "packed" },
		{ BYTES("\x28\xb5\x2f\xfd " CARD), ORCH_PART_UNAVAILABLE, "packed" },
		{ BYTES("7z\xbc\xaf\x27\x1c " CARD), ORCH_PART_UNAVAILABLE, "archive" },
		{ BYTES("Rar!\x1a\7\1\0 " CARD), ORCH_PART_UNAVAILABLE, "archive" },
		{ BYTES("\x89PNG\r\n\x1a\n " CARD), ORCH_PART_UNAVAILABLE, "image" },
		{ BYTES("\xff\xd8\xff\xe0 " CARD), ORCH_PART_UNAVAILABLE, "image" },
		{ BYTES("GIF89a " CARD), ORCH_PART_UNAVAILABLE, "image" },
		{ BYTES("RIFF\1\2\3\4WEBPVP8 " CARD), ORCH_PART_UNAVAILABLE, "image" },
		{ BYTES("\0\0\0\x18"
			"ftypmp42 " CARD),
			ORCH_PART_UNAVAILABLE, "film" },
		{ BYTES("-----BEGIN PGP MESSAGE-----\n" CARD), ORCH_PART_UNAVAILABLE, "encrypted" },
		{ BYTES("%PDF-1.4 " CARD), ORCH_PART_TRUNCATED, "PDF" },
		{ BYTES("\n\n%PDF-1.4 " CARD), ORCH_PART_TRUNCATED, "PDF" },
		{ BYTES("{\\rtf1 " CARD "}"), ORCH_PART_TRUNCATED, "RTF" },
		{ BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 " CARD), ORCH_PART_TRUNCATED, "Office" },
		{ BYTES("\x7f\x45LF\2\1\1 " CARD), ORCH_PART_TRUNCATED, "program" },
		{ BYTES("MZ\x90\0\3\0\0\0\4 " CARD), ORCH_PART_TRUNCATED, "binary" },
		{ BYTES("SQLite format 3\0 " CARD), ORCH_PART_TRUNCATED, "database" },
		{ BYTES("\1\2\3\4\5\6 " CARD), ORCH_PART_TRUNCATED, "binary" },
		{ BYTES("\0\0\0\0\0\0\0\0 " CARD), ORCH_PART_TRUNCATED, "binary" },
		{ BYTES("From: a@b.org\r\nContent-Transfer-Encoding: base64\r\n\r\nNDExMQ " CARD),
			ORCH_PART_TRUNCATED, "mail" },
		{ BYTES("content-transfer-encoding:\n quoted-printable\n\n411=\n1 " CARD),
			ORCH_PART_TRUNCATED, "mail" },
		{ BYTES("--x\nContent-Type: text/csv\nContent-Transfer-Encoding: BASE64\n\n " CARD),
			ORCH_PART_TRUNCATED, "mail" },
		{ BYTES("<html>4&#49;11 or &#x34; " CARD), ORCH_PART_TRUNCATED, "references" },
		{ BYTES(CARD " and much more clear text, and much more clear text, and much more "
			     "clear text, and much more clear text PK\5\6"),
			ORCH_PART_TRUNCATED, "zip" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *note;

		scan(fake, rows[i].bytes, rows[i].len);
		note = fake_note(fake, "text", rows[i].state);
		if (note == NULL || strstr(note, rows[i].says) == NULL)
			fail_msg("row %zu is marked \"%s\" and not \"%s\"", i, note, rows[i].says);
		assert_int_equal(fake->sink.mark_count, 1);
		assert_int_equal(fake->sink.finding_count, 1);
	}
}

static void test_a_tar_archive_is_known_by_its_head(void **state)
{
	char bytes[1024] = "notes.txt";

	memcpy(bytes + 257, "ustar", 5);
	memcpy(bytes + 512, CARD, 16);
	scan(*state, bytes, sizeof(bytes));
	assert_non_null(strstr(fake_note(*state, "text", ORCH_PART_TRUNCATED), "tar"));
	assert_int_equal(((struct fake *)*state)->sink.finding_count, 1);
}

static void test_clear_text_is_not_marked(void **state)
{
	static const char *const texts[] = { "", "a", "PKs and BZhs", "MZ is a name",
		"Convert WEBP to PNG", "From the desk of", "Subject: hello\n\nnothing encoded",
		"From: a\nContent-Transfer-Encoding: 8bit\n\nhi",
		"see Content-Transfer-Encoding: base64", "\x1b[31mred\x1b[0m\tcolumn\r\n\f",
		"<p>&#39;Tom &amp; Jerry&#8217;s&#x2019;&#;</p>", "this &#52; is no page",
		"\xef\xbb\xbfit,amount\n2025-11-28,12", "caf\xe9 \xfc\xdf latin-1",
		"\xe5\x8d\xa1\xe5\x8f\xb7 \xf0\x9f\x92\xb3", "{\"a\":[1,2,3]}", "--\nregards" };

	for (size_t i = 0; i < COUNT(texts); i++) {
		scan(*state, texts[i], strlen(texts[i]));
		if (((struct fake *)*state)->sink.mark_count != 0)
			fail_msg("\"%s\" is marked", texts[i]);
	}
}

/* As they are in UTF-16 and UTF-32; those above U+FFFF are given by their halves. */
static size_t encode(const uint16_t *units, size_t count, size_t size, bool little, char *out)
{
	for (size_t i = 0; i < count; i++) {
		memset(out + i * size, 0, size);
		out[i * size + (little ? 0 : size - 1)] = (char)(unsigned char)(units[i] & 0xff);
		out[i * size + (little ? 1 : size - 2)] = (char)(unsigned char)(units[i] >> 8);
	}
	return count * size;
}

static const struct {
	size_t size;
	bool little, mark;
} encodings[] = { { 2, true, true }, { 2, true, false }, { 2, false, true }, { 2, false, false },
	{ 4, true, true }, { 4, true, false }, { 4, false, true }, { 4, false, false } };

static void test_text_in_wide_encodings_is_read(void **state)
{
	static const uint16_t units[] = { 0xfeff, 'a', 0xe9, 0x5361, ' ', '4', '1', '1', '1', '1',
		'1', '1', '1', '1', '1', '1', '1', '1', '1', '1', '1', ',', 0xfc, 'n', 0xef, 'c',
		'o', 'd', 'e' };
	struct fake *fake = *state;
	char bytes[4 * COUNT(units)];

	for (size_t i = 0; i < COUNT(encodings); i++) {
		size_t size = encodings[i].size, skip = encodings[i].mark ? 0 : 1;
		size_t len =
			encode(units + skip, COUNT(units) - skip, size, encodings[i].little, bytes);

		scan(fake, bytes, len);
		assert_int_equal(fake->sink.finding_count, 2);
		assert_int_equal(fake->sink.findings[0].start, (5 - skip) * size);
		assert_int_equal(fake->sink.findings[0].length, 16 * size);
		assert_int_equal(fake->sink.findings[1].start, (22 - skip) * size);
		assert_int_equal(fake->sink.findings[1].length, 7 * size);
		assert_int_equal(fake->sink.mark_count, 0);
	}
}

/* Characters of each length in front, and as many as it takes for each place to be counted anew. */
static void test_places_are_right_in_large_wide_texts(void **state)
{
	static const uint16_t fillers[][2] = { { 'x', 'y' }, { 0xe9, ' ' }, { 0x5361, ' ' },
		{ 0xd83d, 0xdcb3 } };
	struct fake *fake = *state;
	size_t count = 40000;
	uint16_t *units = calloc(count, sizeof(*units));
	char *bytes = calloc(count, 2);

	assert_non_null(units);
	assert_non_null(bytes);
	for (size_t i = 0; i < COUNT(fillers); i++) {
		for (size_t at = 0; at < count; at += 2)
			memcpy(units + at, fillers[i], sizeof(fillers[i]));
		units[0] = 0xfeff;
		units[1] = ' ';
		for (size_t at = 2000; at + 2000 < count; at += 1998)
			for (size_t digit = 0; digit < 16; digit++)
				units[at + digit] = digit == 0 ? '4' : '1';
		scan(fake, bytes, encode(units, count, 2, true, bytes));
		assert_int_equal(fake->sink.finding_count, 19);
		for (size_t hit = 0; hit < fake->sink.finding_count; hit++) {
			assert_int_equal(fake->sink.findings[hit].start, 2 * (2000 + 1998 * hit));
			assert_int_equal(fake->sink.findings[hit].length, 32);
		}
		assert_int_equal(fake->sink.mark_count, 0);
	}
	free(units);
	free(bytes);
}

static void test_wide_texts_that_are_broken_or_lie_hide_nothing(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, findings;
		bool marked;
	} rows[] = {
		/* the mark of UTF-16, and then none */
		{ BYTES("\xff\xfe" CARD), 1, false },
		{ BYTES("\xfe\xff " CARD), 1, false },
		/* the last digit without its zero */
		{ BYTES("4\0001\0001\0001\0001\0001\0001\0001\0001\0001\0001\0001\0001\0001\0001"
			"\0001"),
			1, false },
		/* halves of characters */
		{ BYTES("\xff\xfe\0\xd8\0\xdc\0\xdc\0\xd8\0\xd8 " CARD), 1, true },
		/* what would not be clear in UTF-8 either */
		{ BYTES("\xff\xfe\1\0\2\0\3\0\4\0"), 0, true },
		{ BYTES("\xff\xfe<\0&\0#\0005\0002\0;\0"), 0, true },
		/* UTF-32 behind the mark of UTF-16 */
		{ BYTES("\xff\xfe \0\0\0004\0\0\0001\0\0\0001\0\0\0"), 0, true },
		{ BYTES("\xff\xfe"), 0, false },
		{ BYTES("\xff\xfe\0\0"), 0, false },
		{ BYTES("\xff\xfe\0\0\0\0\x11\0"), 0, true },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		scan(fake, rows[i].bytes, rows[i].len);
		if (fake->sink.finding_count != rows[i].findings ||
			(fake->sink.mark_count > 0) != rows[i].marked)
			fail_msg("row %zu has %zu findings and %zu marks", i,
				fake->sink.finding_count, fake->sink.mark_count);
	}
}

/* Of a part with several marks the last counts. */
static void test_the_gravest_mark_of_a_part_comes_last(void **state)
{
	const struct orch_part part = { .name = { "half", 4 },
		.media_type = { "text/plain", 10 },
		.state = ORCH_PART_TRUNCATED,
		.bytes = { "PK\3\4" CARD, 20 },
		.note = { "too large", 9 } };
	struct fake *fake = *state;

	fake_clear(fake);
	assert_int_equal(fake_scan_parts(fake, &part, 1), ORCH_OK);
	assert_int_equal(fake->sink.mark_count, 2);
	assert_int_equal(fake->sink.marks[0].state, ORCH_PART_TRUNCATED);
	assert_int_equal(fake->sink.marks[1].state, ORCH_PART_UNAVAILABLE);
	assert_true(fake_counted(fake, "part_not_readable"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_cannot_be_read_is_marked_and_searched_all_the_same),
		cmocka_unit_test(test_a_tar_archive_is_known_by_its_head),
		cmocka_unit_test(test_clear_text_is_not_marked),
		cmocka_unit_test(test_text_in_wide_encodings_is_read),
		cmocka_unit_test(test_places_are_right_in_large_wide_texts),
		cmocka_unit_test(test_wide_texts_that_are_broken_or_lie_hide_nothing),
		cmocka_unit_test(test_the_gravest_mark_of_a_part_comes_last),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
