/* SPDX-License-Identifier: Apache-2.0 */
#include "kind.h"

#include <string.h>

#include "kit/text.h"
#include "span.h"

#define BINARY_SHARE 32 /* one byte of so many that no text has makes it none */
#define MARK_BYTES 24
#define ZIP_END "PK\5\6"
#define ZIP_END_BYTES ((size_t)22 + 65535) /* it lies within so many bytes of the end */

#define CLEAR_TEXT "only the clear text in it was searched"

enum {
	TEXT = WIDE_NONE,
	UTF_16LE = WIDE_16LE,
	UTF_16BE = WIDE_16BE,
	UTF_32LE = WIDE_32LE,
	UTF_32BE = WIDE_32BE,
	ZIP,
	PACKED,
	ARCHIVE,
	IMAGE,
	SOUND,
	ENCRYPTED,
	PDF,
	RTF,
	OFFICE,
	PROGRAM,
	DATABASE,
	TAR,
	BINARY,
	JOINED,
	MAIL,
	REFERENCES,
};

static const struct kind kinds[] = {
	[TEXT] = { ORCH_PART_HERE, "", WIDE_NONE },
	[UTF_16LE] = { ORCH_PART_HERE, "", WIDE_16LE },
	[UTF_16BE] = { ORCH_PART_HERE, "", WIDE_16BE },
	[UTF_32LE] = { ORCH_PART_HERE, "", WIDE_32LE },
	[UTF_32BE] = { ORCH_PART_HERE, "", WIDE_32BE },
	[ZIP] = { ORCH_PART_UNAVAILABLE, "a zip archive (or a document that is one) is not opened",
		WIDE_NONE },
	[PACKED] = { ORCH_PART_UNAVAILABLE, "a packed file is not unpacked", WIDE_NONE },
	[ARCHIVE] = { ORCH_PART_UNAVAILABLE, "an archive is not opened", WIDE_NONE },
	[IMAGE] = { ORCH_PART_UNAVAILABLE, "an image is not read", WIDE_NONE },
	[SOUND] = { ORCH_PART_UNAVAILABLE, "sound and film are not examined", WIDE_NONE },
	[ENCRYPTED] = { ORCH_PART_UNAVAILABLE, "it is encrypted", WIDE_NONE },
	[PDF] = { ORCH_PART_TRUNCATED, "a PDF document is not opened: " CLEAR_TEXT, WIDE_NONE },
	[RTF] = { ORCH_PART_TRUNCATED, "an RTF document is not decoded: " CLEAR_TEXT, WIDE_NONE },
	[OFFICE] = { ORCH_PART_TRUNCATED, "an older Office document is not opened: " CLEAR_TEXT,
		WIDE_NONE },
	[PROGRAM] = { ORCH_PART_TRUNCATED, "a program: " CLEAR_TEXT, WIDE_NONE },
	[DATABASE] = { ORCH_PART_TRUNCATED, "a database is not opened: " CLEAR_TEXT, WIDE_NONE },
	[TAR] = { ORCH_PART_TRUNCATED, "a tar or ar archive is not opened: " CLEAR_TEXT,
		WIDE_NONE },
	[BINARY] = { ORCH_PART_TRUNCATED, "binary data: " CLEAR_TEXT, WIDE_NONE },
	[JOINED] = { ORCH_PART_TRUNCATED, "the zip archive at its end is not opened", WIDE_NONE },
	[MAIL] = { ORCH_PART_TRUNCATED,
		"mail in base64 or quoted-printable is not decoded: " CLEAR_TEXT, WIDE_NONE },
	[REFERENCES] = { ORCH_PART_TRUNCATED,
		"letters and digits written as character references are not decoded", WIDE_NONE },
};

/* Where two marks fit, the first counts. */
#define MARK(bytes) sizeof(bytes) - 1, bytes
static const struct {
	size_t kind, at, len;
	char mark[MARK_BYTES];
} magics[] = {
	{ ZIP, 0, MARK("PK\3\4") },
	{ ZIP, 0, MARK("PK\5\6") },
	{ ZIP, 0, MARK("PK\7\10") },
	{ PACKED, 0, MARK("\x1f\x8b") },         /* gzip */
	{ PACKED, 0, MARK("\x1f\x9d") },         /* compress */
	{ PACKED, 4, MARK("1AY&SY") },           /* bzip2 */
	{ PACKED, 0, MARK("\xfd\x37zXZ") },      /* xz */
	{ PACKED, 0, MARK("\x28\xb5\x2f\xfd") }, /* zstd */
	{ PACKED, 0, MARK("\4\x22\x4d\x18") },   /* lz4 */
	{ ARCHIVE, 0, MARK("7z\xbc\xaf\x27\x1c") },
	{ ARCHIVE, 0, MARK("Rar!\x1a\7") },
	{ ARCHIVE, 0, MARK("MSCF\0\0\0\0") },
	{ IMAGE, 0, MARK("\x89PNG\r\n\x1a\n") },
	{ IMAGE, 0, MARK("\xff\xd8\xff") }, /* JPEG */
	{ IMAGE, 0, MARK("GIF87a") },
	{ IMAGE, 0, MARK("GIF89a") },
	{ IMAGE, 0, MARK("II*\0") }, /* TIFF */
	{ IMAGE, 0, MARK("MM\0*") },
	{ IMAGE, 8, MARK("WEBPVP8") },
	{ IMAGE, 0, MARK("\0\0\1\0") }, /* icon */
	{ IMAGE, 4, MARK("ftyphei") },
	{ IMAGE, 4, MARK("ftypavif") },
	{ SOUND, 4, MARK("ftyp") },
	{ SOUND, 0, MARK("OggS\0") },
	{ SOUND, 0, MARK("fLaC\0") },
	{ SOUND, 0, MARK("ID3\2") },
	{ SOUND, 0, MARK("ID3\3") },
	{ SOUND, 0, MARK("ID3\4") },
	{ SOUND, 8, MARK("WAVEfmt ") },
	{ SOUND, 8, MARK("AVI LIST") },
	{ SOUND, 0, MARK("\x1a\x45\xdf\xa3") }, /* Matroska */
	{ ENCRYPTED, 0, MARK("-----BEGIN PGP MESSAGE-") },
	{ ENCRYPTED, 0, MARK("age-encryption.org/v1\n") },
	{ ENCRYPTED, 0, MARK("Salted__") },
	{ PDF, 0, MARK("%PDF-") },
	{ RTF, 0, MARK("{\\rtf") },
	{ OFFICE, 0, MARK("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") },
	{ PROGRAM, 0, MARK("\x7f\x45LF") },
	{ DATABASE, 0, MARK("SQLite format 3\0") },
	{ TAR, 257, MARK("ustar") },
	{ TAR, 0, MARK("!<arch>\n") },
};

static const struct kind *by_magic(struct orch_text bytes)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		size_t end = magics[i].at + magics[i].len;

		if (bytes.len >= end && bytes.ptr[magics[i].at] == magics[i].mark[0] &&
			memcmp(bytes.ptr + magics[i].at, magics[i].mark, magics[i].len) == 0)
			return &kinds[magics[i].kind];
	}
	return NULL;
}

/* A control that neither parts lines and columns nor colours a terminal. */
static bool is_strange(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte < 0x20 && (byte < '\t' || byte > '\r') && byte != 0x1b;
}

/* Is one of the eight bytes less than 0x20? */
static bool has_control(const char *eight)
{
	uint64_t word;

	memcpy(&word, eight, sizeof(word));
	return ((word - 0x2020202020202020u) & ~word & 0x8080808080808080u) != 0;
}

static bool is_binary(struct orch_text bytes)
{
	size_t strange = 0;

	for (size_t at = 0; at < bytes.len; at += 8) {
		size_t len = bytes.len - at < 8 ? bytes.len - at : 8;

		if (len == 8 && !has_control(bytes.ptr + at))
			continue;
		for (size_t i = 0; i < len; i++)
			strange += is_strange(bytes.ptr[at + i]) ? 1 : 0;
	}
	return strange > 0 && strange * BINARY_SHARE >= bytes.len;
}

static bool has_zip_end(struct orch_text bytes)
{
	size_t len = bytes.len < ZIP_END_BYTES ? bytes.len : ZIP_END_BYTES;
	struct orch_text end = { bytes.ptr + bytes.len - len, len };

	return kit_find(end, kit_text(ZIP_END)) < len;
}

static bool begins(struct orch_text bytes, const char *word)
{
	struct orch_text start = { bytes.ptr, strlen(word) };

	return bytes.len >= start.len && kit_equal_caseless(start, kit_text(word));
}

static struct orch_text skip_blanks(struct orch_text rest)
{
	while (rest.len > 0 && (rest.ptr[0] == ' ' || (rest.ptr[0] >= '\t' && rest.ptr[0] <= '\r')))
		rest = (struct orch_text){ rest.ptr + 1, rest.len - 1 };
	return rest;
}

static bool is_encoding_field(struct orch_text line)
{
	static const char field[] = "content-transfer-encoding:";
	struct orch_text value;

	if (!begins(line, field))
		return false;
	value = skip_blanks(
		(struct orch_text){ line.ptr + sizeof(field) - 1, line.len - (sizeof(field) - 1) });
	return begins(value, "base64") || begins(value, "quoted-printable");
}

/* A field of a mail's head, the line in front of a mailbox's, or one between parts of a mail. */
static bool may_be_mail(struct orch_text bytes)
{
	size_t at = 0;

	if (kit_starts(bytes, "From ") || kit_starts(bytes, "--"))
		return true;
	while (at < bytes.len && (is_word(bytes.ptr[at]) || bytes.ptr[at] == '-'))
		at++;
	return at > 0 && at < bytes.len && bytes.ptr[at] == ':';
}

static bool is_encoded_mail(struct orch_text rest)
{
	if (!may_be_mail(rest))
		return false;
	while (rest.len > 0 && !is_encoding_field(rest)) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr) + 1;

		rest = (struct orch_text){ rest.ptr + len, rest.len - len };
	}
	return rest.len > 0;
}

/* "&#52;" or "&#x34;": a letter or a digit that need not be written like that. */
static bool is_reference(struct orch_text rest)
{
	bool is_hex = rest.len > 2 && (rest.ptr[2] == 'x' || rest.ptr[2] == 'X');
	unsigned value = 0;

	for (size_t i = is_hex ? 3 : 2; i < rest.len && value < 128; i++) {
		char c = rest.ptr[i];
		int digit = is_digit(c)        ? c - '0'
			: is_hex && is_word(c) ? (c | 0x20) - 'a' + 10
					       : -1;

		if (digit < 0)
			return is_word((char)value);
		value = value * (is_hex ? 16u : 10u) + (unsigned)digit;
	}
	return false;
}

static bool has_references(struct orch_text rest)
{
	const char *at;

	if (!kit_starts(rest, "<"))
		return false;
	while ((at = memchr(rest.ptr, '&', rest.len)) != NULL) {
		rest = (struct orch_text){ at, rest.len - (size_t)(at - rest.ptr) };
		if (kit_starts(rest, "&#") && is_reference(rest))
			return true;
		rest = (struct orch_text){ at + 1, rest.len - 1 };
	}
	return false;
}

static const struct kind *by_content(struct orch_text bytes)
{
	struct orch_text start = kit_starts(bytes, "\xef\xbb\xbf")
		? (struct orch_text){ bytes.ptr + 3, bytes.len - 3 }
		: bytes;
	const struct kind *kind;

	start = skip_blanks(start);
	kind = start.len < bytes.len ? by_magic(start) : NULL;
	if (kind != NULL)
		return kind;
	if (is_binary(bytes))
		return &kinds[BINARY];
	if (has_zip_end(bytes))
		return &kinds[JOINED];
	if (is_encoded_mail(start))
		return &kinds[MAIL];
	return &kinds[has_references(start) ? REFERENCES : TEXT];
}

const struct kind *kind_of(struct orch_text bytes)
{
	const struct kind *kind = by_magic(bytes);
	enum wide encoding;

	if (kind != NULL)
		return kind;
	encoding = wide_of(bytes);
	return encoding != WIDE_NONE ? &kinds[encoding] : by_content(bytes);
}

const struct kind *kind_of_decoded(struct orch_text text)
{
	const struct kind *kind = by_magic(text);

	return kind != NULL ? kind : by_content(text);
}
