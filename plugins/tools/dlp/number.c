/* SPDX-License-Identifier: Apache-2.0 */
#include "number.h"

#include <string.h>

#define DIGITS_LEAST 12
#define DIGITS_MOST 19

typedef bool number_test(const char *digits, size_t count);

/* Digits, read group by group. */
struct number {
	char digits[DIGITS_MOST];
	size_t count;
	size_t ends[DIGITS_MOST]; /* how many digits there are up to the end of each group */
	size_t groups;
};

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

/* What stands between groups, the longest first.  The plain ones also join groups of any size. */
static const struct {
	const char *bytes;
	bool is_plain;
} separators[] = {
	{ " - ", true },
	{ " ", true },
	{ "-", true },
	{ "\xc2\xa0", true },     /* no-break space */
	{ "\xe2\x80\x87", true }, /* figure space */
	{ "\xe2\x80\x89", true }, /* thin space */
	{ "\xe2\x80\xaf", true }, /* narrow no-break space */
	{ "\xe2\x80\x90", true }, /* hyphen */
	{ "\xe2\x80\x91", true }, /* no-break hyphen */
	{ "\xe2\x80\x92", true }, /* figure dash */
	{ "\xe2\x80\x93", true }, /* en dash */
	{ ".", false },
	{ "/", false },
	{ "_", false },
	{ "+", false },
};

/* Where the next group begins if AT ends one and a separator and a digit follow; else END. */
static size_t next_group(struct orch_text text, size_t at, size_t end, bool *ret_plain)
{
	for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++) {
		size_t len = strlen(separators[i].bytes);

		if (at + len >= end || memcmp(text.ptr + at, separators[i].bytes, len) != 0)
			continue;
		*ret_plain = separators[i].is_plain;
		return is_digit(text.ptr[at + len]) ? at + len : end;
	}
	return end;
}

static size_t skip_digits(struct orch_text text, size_t at, size_t end)
{
	while (at < end && is_digit(text.ptr[at]))
		at++;
	return at;
}

/* The end of the group at AT and of all that are joined to it. */
static size_t skip_groups(struct orch_text text, size_t at, size_t end)
{
	size_t next = at;
	bool ignored;

	do {
		at = skip_digits(text, next, end);
		next = next_group(text, at, end, &ignored);
	} while (next < end);
	return at;
}

/* Groups of four or of multiples, but for the last; or 4-6-5, 4-6-4 and 6-13. */
static bool has_card_groups(const struct number *number)
{
	bool fours = true;

	for (size_t i = 0; i + 1 < number->groups; i++)
		fours = fours && number->ends[i] % 4 == 0;
	if (number->groups == 3 && number->ends[0] == 4 && number->ends[1] == 10)
		return number->count == 14 || number->count == 15;
	return fours || (number->groups == 2 && number->ends[0] == 6 && number->count == 19);
}

static bool add_group(struct number *number, const char *digits, size_t count)
{
	if (count > DIGITS_MOST - number->count)
		return false;
	memcpy(number->digits + number->count, digits, count);
	number->count += count;
	number->ends[number->groups++] = number->count;
	return true;
}

/* All the digits that there are; or a number that no digit follows, in groups as on a card. */
static bool is_number(const struct number *number, bool is_all, bool is_apart)
{
	if (number->count < DIGITS_LEAST)
		return false;
	if (is_all && (is_apart || number->groups == 1))
		return true;
	return is_apart && has_card_groups(number);
}

/*
 * The longest number that begins with the group at RUN's start; gives its end,
 * or 0.  MAY_BE_ALL: nothing plain joins that group to others in front.
 */
static size_t read_number(
	struct orch_text text, struct span run, bool may_be_all, number_test *test)
{
	struct number number = { .count = 0 };
	size_t next = run.start;
	size_t found = 0;

	while (next < run.end) {
		size_t at = skip_digits(text, next, run.end);
		bool is_apart = at == text.len || !is_digit(text.ptr[at]);
		bool plain = false;

		if (!add_group(&number, text.ptr + next, at - next))
			break;
		next = next_group(text, at, run.end, &plain);
		if (is_number(&number, may_be_all && !plain, is_apart) &&
			test(number.digits, number.count))
			found = at;
		may_be_all = may_be_all && plain;
	}
	return found;
}

/* A number that begins with any group of RUN. */
static bool search_run(
	struct orch_text text, struct span run, number_test *test, struct span *ret_found)
{
	bool may_be_all = true;

	while (run.start < run.end) {
		size_t end = read_number(text, run, may_be_all, test);
		bool plain = false;

		if (end != 0) {
			*ret_found = (struct span){ run.start, end };
			return true;
		}
		run.start =
			next_group(text, skip_digits(text, run.start, run.end), run.end, &plain);
		may_be_all = !plain;
	}
	return false;
}

/* Where the groups end that are joined to the digit which the match begins with. */
static size_t own_end(const struct sighting *seen)
{
	size_t start = seen->match.start;

	if (seen->value.start != start || !is_digit(seen->text.ptr[start]))
		return start;
	return skip_groups(seen->text, start, seen->match.end);
}

/*
 * A match that begins with a digit says what the number begins with, so of the
 * groups joined to that digit no others are tried; number_again() has the
 * expression itself look at them.  Then it is not all the digits that there are.
 */
static bool search_own(
	const struct sighting *seen, struct span own, number_test *test, struct span *ret_found)
{
	size_t end = read_number(seen->text, own, !seen->is_again, test);

	*ret_found = (struct span){ own.start, end };
	return end != 0;
}

static bool find(const struct sighting *seen, struct span *span, number_test *test)
{
	struct orch_text text = seen->text;
	size_t start = seen->match.start, own = own_end(seen), at = span->start;

	while (at < span->end) {
		struct span run = { at, span->end };
		bool is_own;

		if (!is_digit(text.ptr[at])) {
			at++;
			continue;
		}
		run.end = skip_groups(text, at, span->end);
		is_own = at == start && own > start;
		if (is_own && search_own(seen, run, test, span))
			return true;
		if (!is_own && at >= own && search_run(text, run, test, span))
			return true;
		at = run.end;
	}
	return false;
}

bool number_has_luhn(const struct sighting *seen, struct span *span)
{
	return find(seen, span, passes_luhn);
}

bool number_is_card(const struct sighting *seen, struct span *span)
{
	return find(seen, span, is_card);
}

size_t number_again(const struct sighting *seen, struct span rest)
{
	size_t from = rest.start > seen->match.start ? rest.start : seen->match.start + 1;
	size_t end = own_end(seen), at = seen->match.start;
	bool ignored;

	while (at < from && at < end)
		at = next_group(seen->text, skip_digits(seen->text, at, end), end, &ignored);
	return at < end ? at : seen->match.end;
}
