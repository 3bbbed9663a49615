/* SPDX-License-Identifier: Apache-2.0 */
#include "checks.h"

#include <string.h>

#include "kit/json.h"
#include "kit/text.h"
#include "number.h"

#define IBAN_LEAST 15
#define IBAN_MOST 34
#define JWT_HEADER_BYTES 4096

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

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The length of what may stand between two groups of an account number; 0: nothing of that kind. */
static size_t iban_separator(struct orch_text text, size_t at)
{
	if (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '-'))
		return 1;
	return text.len - at >= 2 && memcmp(text.ptr + at, "\xc2\xa0", 2) == 0 ? 2 : 0;
}

/* Reads as many letters and digits as the country's accounts have; gives their number. */
static size_t read_iban(struct orch_text text, struct span *span, char *iban)
{
	size_t len = 0, length = 0, at = span->start, separated = 0;

	while (at < span->end && (len < 2 || len < length)) {
		separated = iban_separator(text, at);
		if (separated == 0 && !is_word(text.ptr[at]))
			return 0;
		if (separated == 0)
			iban[len++] = upper(text.ptr[at]);
		if (separated != 0 && len == 0)
			span->start = at + separated;
		else if (len == 2)
			length = iban_length(iban);
		at += separated == 0 ? 1 : separated;
	}
	span->end = at;
	return len == length ? len : 0;
}

/* What follows in the match, a code or another word, is none of it. */
static bool check_iban(const struct sighting *seen, struct span *span)
{
	char iban[IBAN_MOST];
	struct span found = *span;
	size_t len = read_iban(seen->text, &found, iban);
	unsigned remainder = 0;

	if (len < IBAN_LEAST || (found.end < span->end && is_word(seen->text.ptr[found.end])))
		return false;
	for (size_t i = 0; i < len; i++)
		remainder = add_to_remainder(remainder, iban[(i + 4) % len]);
	if (remainder != 1)
		return false;
	*span = found;
	return true;
}

static bool passes_aba(struct orch_text text)
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
static bool passes_jwt(struct orch_text text)
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
static bool passes_secret(struct orch_text text)
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

static struct orch_text piece_of(const struct sighting *seen, struct span span)
{
	return (struct orch_text){ seen->text.ptr + span.start, span.end - span.start };
}

static bool check_aba(const struct sighting *seen, struct span *span)
{
	return passes_aba(piece_of(seen, *span));
}

static bool check_jwt(const struct sighting *seen, struct span *span)
{
	return passes_jwt(piece_of(seen, *span));
}

static bool check_secret(const struct sighting *seen, struct span *span)
{
	return passes_secret(piece_of(seen, *span));
}

/* The first word from FROM on, up to TO. */
static size_t next_word(struct orch_text text, size_t from, size_t to)
{
	while (from < to && !(is_word(text.ptr[from]) && !is_word(text.ptr[from - 1])))
		from++;
	return from;
}

static size_t again_at_word(const struct sighting *seen, struct span rest)
{
	size_t from = rest.start > seen->match.start ? rest.start : seen->match.start + 1;

	return next_word(seen->text, from, seen->match.end);
}

/* A piece of a placeholder is no secret: the words in front of it, and it as one of them, at most. */
static size_t again_up_to_value(const struct sighting *seen, struct span rest)
{
	size_t word = next_word(seen->text, seen->match.start + 1, rest.start + 1);

	return word <= rest.start ? word : seen->match.end;
}

static const struct check checks[] = {
	{ "luhn", number_has_luhn, number_again },
	{ "card", number_is_card, number_again },
	{ "iban", check_iban, again_at_word },
	{ "aba", check_aba, again_at_word },
	{ "jwt", check_jwt, again_at_word },
	{ "secret", check_secret, again_up_to_value },
};

const char checks_names[] = "luhn, card, iban, aba, jwt, secret";

const struct check *checks_find(struct orch_text name)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (kit_is(name, checks[i].name))
			return &checks[i];
	}
	return NULL;
}
