/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slack's mrkdwn in its two other views.
 *
 * Displayed is what the reader sees: labels in place of links, ids of users
 * and channels dropped so that their digits feed no detector, entities
 * decoded, markers of bold and the like gone, invisible characters removed.
 * Tokens are told apart before entities are decoded: a typed "&lt;" never
 * opens a link.
 */
#include "slack.h"

#include <string.h>

#define MARKERS "*_~"

struct scan {
	struct kit_builder *out;
	struct orch_text text;
	size_t at;
	size_t code_end; /* where code that was opened is closed; markers before it are text */
	size_t closer[sizeof(MARKERS)];  /* where an opened marker is closed; 0: none is open */
	size_t without[sizeof(MARKERS)]; /* up to here no closer was found */
};

/* The token that begins at AT, without its brackets; false: the bracket stands for itself. */
static bool find_token(struct orch_text text, size_t at, struct orch_text *ret_token)
{
	size_t end = at + 1;

	while (end < text.len && text.ptr[end] != '>' && text.ptr[end] != '<' &&
		text.ptr[end] != '\n')
		end++;
	if (end >= text.len || text.ptr[end] != '>' || end == at + 1 || text.ptr[at + 1] == ' ')
		return false;
	*ret_token = (struct orch_text){ text.ptr + at + 1, end - at - 1 };
	return true;
}

static void split_label(
	struct orch_text token, struct orch_text *ret_target, struct orch_text *ret_label)
{
	*ret_label = (struct orch_text){ "", 0 };
	*ret_target = token;
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] != '|')
			continue;
		*ret_target = (struct orch_text){ token.ptr, i };
		*ret_label = (struct orch_text){ token.ptr + i + 1, token.len - i - 1 };
		return;
	}
}

static struct orch_text after(struct orch_text text, size_t len)
{
	return (struct orch_text){ text.ptr + len, text.len - len };
}

/* How many bytes of TEXT's start are one of the three entities; *ret_byte is what it stands for. */
static size_t entity(struct orch_text text, char *ret_byte)
{
	static const struct {
		const char *name;
		char byte;
	} entities[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' } };

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		if (kit_starts(text, entities[i].name)) {
			*ret_byte = entities[i].byte;
			return strlen(entities[i].name);
		}
	}
	return 0;
}

static void put_decoded(struct kit_builder *out, struct orch_text text)
{
	while (text.len > 0) {
		char byte = *text.ptr;
		size_t len = entity(text, &byte);

		kit_putc(out, byte);
		text = after(text, len == 0 ? 1 : len);
	}
}

/* As it is displayed: decoded, and folded. */
static void put_seen(struct kit_builder *out, struct orch_text text)
{
	while (text.len > 0) {
		char byte = *text.ptr;
		size_t len = entity(text, &byte);

		if (len > 0)
			kit_putc(out, byte);
		text = after(text, len > 0 ? len : fold_put(out, text));
	}
}

/* How many bytes of TOKEN are the mark of an id: of a user, a channel or a group; 0: it has none. */
static size_t id_mark(struct orch_text token)
{
	if (kit_starts(token, "!subteam^"))
		return strlen("!subteam^");
	return kit_starts(token, "@") || kit_starts(token, "#") ? 1 : 0;
}

/* Blanks of the same length: places in the text stay what they are.  Labels are text. */
void mrkdwn_blank_ids(char *text, size_t len)
{
	struct orch_text all = { text, len }, token, target, label;

	for (size_t at = 0; at < len; at++) {
		size_t mark;

		if (text[at] != '<' || !find_token(all, at, &token))
			continue;
		split_label(token, &target, &label);
		mark = id_mark(target);
		if (mark > 0)
			memset(text + at + 1 + mark, ' ', target.len - mark);
		at += token.len + 1;
	}
}

static void put_token(struct kit_builder *out, struct orch_text token)
{
	struct orch_text target, label;

	split_label(token, &target, &label);
	if (label.len > 0) {
		put_seen(out, label);
		return;
	}
	if (target.ptr[0] == '!') {
		if (kit_is(target, "!here") || kit_is(target, "!channel") ||
			kit_is(target, "!everyone")) {
			kit_putc(out, '@');
			kit_put(out, after(target, 1));
		}
		return;
	}
	if (target.ptr[0] == '@' || target.ptr[0] == '#')
		return;
	if (kit_starts(target, "mailto:"))
		target = after(target, 7);
	else if (kit_starts(target, "tel:"))
		target = after(target, 4);
	put_seen(out, target);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/*
 * Where the marker at scan->at is closed on its line, or 0.  A search that
 * fails is remembered to its end, so that a line full of markers costs one pass.
 */
static size_t find_closer(struct scan *scan, size_t kind)
{
	struct orch_text text = scan->text;
	char marker = text.ptr[scan->at];
	size_t i = scan->at + 1;

	if (scan->at < scan->without[kind] || i >= text.len || is_blank(text.ptr[i]) ||
		text.ptr[i] == marker)
		return 0;
	for (; i < text.len && text.ptr[i] != '\n'; i++) {
		if (text.ptr[i] == marker && !is_blank(text.ptr[i - 1]))
			return i;
	}
	scan->without[kind] = i;
	return 0;
}

/* Is the byte at scan->at a marker that opens or closes something? */
static bool is_markup(struct scan *scan)
{
	const char *found = strchr(MARKERS, scan->text.ptr[scan->at]);
	size_t kind;

	if (scan->at < scan->code_end || found == NULL || *found == '\0')
		return false;
	kind = (size_t)(found - MARKERS);
	if (scan->closer[kind] != 0 && scan->at == scan->closer[kind]) {
		scan->closer[kind] = 0;
		return true;
	}
	if (scan->closer[kind] > scan->at)
		return false;
	scan->closer[kind] = find_closer(scan, kind);
	return scan->closer[kind] != 0;
}

/* How many backticks at scan->at open or close code; 0: they are text. */
static size_t code_mark(struct scan *scan)
{
	struct orch_text rest = after(scan->text, scan->at), inside;
	size_t len = kit_starts(rest, "```") ? 3 : 1;
	size_t end;

	if (scan->at == scan->code_end && scan->at != 0) {
		scan->code_end = 0;
		return len;
	}
	if (scan->at < scan->code_end)
		return 0;
	inside = after(rest, len);
	end = kit_find(inside, len == 3 ? kit_text("```") : kit_text("`"));
	if (end == inside.len || (len == 1 && kit_find(inside, kit_text("\n")) < end))
		return 0;
	scan->code_end = scan->at + len + end;
	return len;
}

static void step(struct scan *scan)
{
	struct orch_text rest = after(scan->text, scan->at), token;
	char byte = *rest.ptr;
	size_t len;

	if (byte == '<' && find_token(scan->text, scan->at, &token)) {
		put_token(scan->out, token);
		scan->at += token.len + 2;
		return;
	}
	len = byte == '`' ? code_mark(scan) : (size_t)is_markup(scan);
	if (len > 0) {
		scan->at += len;
		return;
	}
	len = entity(rest, &byte);
	if (len > 0)
		kit_putc(scan->out, byte);
	scan->at += len > 0 ? len : fold_put(scan->out, rest);
}

void mrkdwn_display(struct kit_builder *displayed, struct orch_text text)
{
	struct scan scan = { .out = displayed, .text = text };

	while (scan.at < text.len && !displayed->cut && !displayed->failed)
		step(&scan);
}

static bool is_punctuation(char c)
{
	return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
		(c >= '{' && c <= '~');
}

void mrkdwn_plain(struct kit_builder *plain, struct orch_text text)
{
	struct orch_text piece = { text.ptr, 0 };

	for (size_t at = 0; at < text.len; at++) {
		char c = text.ptr[at];
		bool is_escape = c == '\\' && at + 1 < text.len && is_punctuation(text.ptr[at + 1]);

		piece.len = (size_t)(text.ptr + at - piece.ptr);
		if (!is_escape && strchr("*_~`", c) == NULL)
			continue;
		put_seen(plain, piece);
		if (is_escape)
			at++;
		piece.ptr = text.ptr + at + (is_escape ? 0 : 1);
	}
	piece.len = (size_t)(text.ptr + text.len - piece.ptr);
	put_seen(plain, piece);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void put_percent_decoded(struct kit_builder *out, struct orch_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = i + 2 < text.len && text.ptr[i] == '%' ? hex(text.ptr[i + 1]) : -1;
		int low = high >= 0 ? hex(text.ptr[i + 2]) : -1;

		if (low < 0) {
			kit_putc(out, text.ptr[i]);
			continue;
		}
		kit_putc(out, (char)(unsigned char)(high * 16 + low));
		i += 2;
	}
}

void link_put(struct kit_builder *links, struct orch_text target)
{
	struct kit_builder plain;

	if (target.len == 0)
		return;
	kit_builder_init(&plain, links->arena, TEXT_BYTES);
	put_decoded(&plain, target);
	if (!kit_is_whole(&plain))
		links->cut = true;
	kit_put(links, kit_built(&plain));
	kit_putc(links, '\n');
	if (memchr(target.ptr, '%', target.len) == NULL)
		return;
	put_percent_decoded(links, kit_built(&plain));
	kit_putc(links, '\n');
}

void mrkdwn_links(struct kit_builder *links, struct orch_text text)
{
	struct orch_text token, target, label;

	for (size_t at = 0; at < text.len; at++) {
		if (text.ptr[at] != '<' || !find_token(text, at, &token))
			continue;
		split_label(token, &target, &label);
		if (target.len > 0 && strchr("@#!", target.ptr[0]) == NULL)
			link_put(links, target);
		at += token.len + 1;
	}
}
