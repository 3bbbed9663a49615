/* SPDX-License-Identifier: Apache-2.0 */
#include "checks.h"

#include <string.h>

#include "kit/json.h"
#include "kit/text.h"

#define DIGITS_LEAST 12
#define DIGITS_MOST 19
#define IBAN_LEAST 15
#define IBAN_MOST 34
#define JWT_HEADER_BYTES 4096

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool passes_luhn(const char *digits, size_t count)
{
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned digit = (unsigned)(digits[count - 1 - i] - '0');

		if (i % 2 == 1)
			digit = digit < 5 ? digit * 2 : digit * 2 - 9;
		sum += digit;
	}
	return sum % 10 == 0;
}

/* Issuers' ranges: what a number begins with, and how many digits it then has. */
static bool has_card_length(const char *digits, size_t count)
{
	unsigned four = (unsigned)(digits[0] - '0') * 1000u + (unsigned)(digits[1] - '0') * 100u +
		(unsigned)(digits[2] - '0') * 10u + (unsigned)(digits[3] - '0');

	switch (digits[0]) {
	case '2':
		return count == 16 && four >= 2221 && four <= 2720;
	case '3':
		if (four / 100 == 34 || four / 100 == 37)
			return count == 15;
		if (four >= 3528 && four <= 3589)
			return count >= 16;
		return count >= 14 &&
			((four >= 3000 && four <= 3059) || four / 100 == 36 || four / 100 == 38);
	case '4':
		return count == 13 || count == 16 || count == 19;
	case '5':
		return (four / 100 >= 51 && four / 100 <= 55) ? count == 16 : count >= 12;
	case '6': /* Discover and UnionPay; the rest is Maestro */
		return count >=
			(four == 6011 || four / 100 == 62 || four / 100 == 64 || four / 100 == 65
					? 16u
					: 12u);
	default:
		return false;
	}
}

static bool is_card(const char *digits, size_t count)
{
	bool same = true;

	for (size_t i = 1; i < count; i++)
		same = same && digits[i] == digits[0];
	return !same && has_card_length(digits, count) && passes_luhn(digits, count);
}

/* Does any run of digits, single blanks and hyphens between them left out, pass? */
static bool any_run(struct orch_text text, bool (*passes)(const char *digits, size_t count))
{
	char digits[DIGITS_MOST];
	size_t count = 0;

	for (size_t i = 0; i <= text.len; i++) {
		char c = i < text.len ? text.ptr[i] : '\0';
		bool joins = (c == ' ' || c == '-') && i > 0 && is_digit(text.ptr[i - 1]);

		if (is_digit(c)) {
			if (count < DIGITS_MOST)
				digits[count] = c;
			count++;
		} else if (!joins) {
			if (count >= DIGITS_LEAST && count <= DIGITS_MOST && passes(digits, count))
				return true;
			count = 0;
		}
	}
	return false;
}

static bool check_luhn(struct orch_text text)
{
	return any_run(text, passes_luhn);
}

static bool check_card(struct orch_text text)
{
	return any_run(text, is_card);
}

/* Countries and the length of their IBANs, in order of the letters. */
static size_t iban_length(const char *country)
{
	static const char lengths[] =
		"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29"
		"ES24FI18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20"
		"LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30NL18NO15PK24PL28PS29PT25"
		"QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20";

	for (const char *at = lengths; *at != '\0'; at += 4) {
		if (at[0] == country[0] && at[1] == country[1])
			return (size_t)(at[2] - '0') * 10u + (size_t)(at[3] - '0');
	}
	return 0;
}

static unsigned add_to_remainder(unsigned remainder, char c)
{
	unsigned value = is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10u;

	return (remainder * (value < 10 ? 10u : 100u) + value) % 97u;
}

static bool check_iban(struct orch_text text)
{
	char iban[IBAN_MOST];
	size_t len = 0;
	unsigned remainder = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == ' ' || c == '-')
			continue;
		if (len == IBAN_MOST || (!is_digit(c) && !is_upper(c)))
			return false;
		iban[len++] = c;
	}
	if (len < IBAN_LEAST || iban_length(iban) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		remainder = add_to_remainder(remainder, iban[(i + 4) % len]);
	return remainder == 1;
}

static bool check_aba(struct orch_text text)
{
	static const unsigned weights[] = { 3, 7, 1 };
	unsigned sum = 0;
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.ptr[i]))
			continue;
		sum += (unsigned)(text.ptr[i] - '0') * weights[count % 3];
		count++;
	}
	return count == 9 && sum > 0 && sum % 10 == 0;
}

static int base64url(char c)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *found = c == '\0' ? NULL : strchr(letters, c);

	return found == NULL ? -1 : (int)(found - letters);
}

static size_t decode(struct orch_text text, char *bytes)
{
	unsigned bits = 0;
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++) {
		int value = base64url(text.ptr[i]);

		if (value < 0)
			return 0;
		bits = (bits << 6 | (unsigned)value) & 0xffffffu;
		if (i % 4 != 0)
			bytes[count++] = (char)(unsigned char)(bits >> (6 - 2 * (i % 4)) & 0xffu);
	}
	return count;
}

/* A token's header is a JSON object that names an algorithm. */
static bool check_jwt(struct orch_text text)
{
	char bytes[JWT_HEADER_BYTES];
	struct orch_text header;
	struct json_object *object = NULL;
	struct orch_err ignored;
	bool names_algorithm;

	if (!kit_split(&text, '.', &header) || text.len == 0 || header.len > sizeof(bytes))
		return false;
	header = (struct orch_text){ bytes, decode(header, bytes) };
	if (kit_json_parse(header, &object, &ignored) != ORCH_OK)
		return false;
	names_algorithm = kit_json_text(object, "alg").len > 0;
	json_object_put(object);
	return names_algorithm;
}

/* Words that stand where a secret would, in examples and in code that reads it from elsewhere. */
static bool is_placeholder(struct orch_text text)
{
	static const char *const words[] = { "example", "changeme", "change_me", "placeholder",
		"xxxx", "****", "....", "your", "password", "passwort", "secret", "dummy",
		"redacted", "getenv", "process.env", "os.environ", "${", "{{", "<", "null", "none",
		"true", "false" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);

		for (size_t at = 0; at + len <= text.len; at++) {
			struct orch_text piece = { text.ptr + at, len };

			if (kit_equal_caseless(piece, kit_text(words[i])))
				return true;
		}
	}
	return false;
}

/* Enough different characters, of at least two kinds, and no word that only stands for a secret. */
static bool check_secret(struct orch_text text)
{
	bool seen[256] = { false };
	unsigned different = 0, kinds = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		different += seen[c] ? 0 : 1;
		seen[c] = true;
		if (c >= '0' && c <= '9')
			kinds |= 1u;
		else
			kinds |= (c >= 'a' && c <= 'z') ? 2u : (c >= 'A' && c <= 'Z') ? 4u : 8u;
	}
	return different >= 6 && (kinds & (kinds - 1u)) != 0 && !is_placeholder(text);
}

static const struct {
	const char *name;
	dlp_check *check;
} checks[] = {
	{ "luhn", check_luhn },
	{ "card", check_card },
	{ "iban", check_iban },
	{ "aba", check_aba },
	{ "jwt", check_jwt },
	{ "secret", check_secret },
};

const char checks_names[] = "luhn, card, iban, aba, jwt, secret";

dlp_check *checks_find(struct orch_text name)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (kit_is(name, checks[i].name))
			return checks[i].check;
	}
	return NULL;
}
