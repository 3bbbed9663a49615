/* SPDX-License-Identifier: Apache-2.0 */
#include "config/source.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "config/value.h"

#define DECIMAL_DIGITS_32 9 /* so many always fit an int */
#define DECIMAL_DIGITS_64 18
#define HEX_DIGITS_32 7
#define HEX_DIGITS_64 15

enum place { IN_CODE, IN_STRING, IN_COMMENT };

struct reading {
	struct orch_arena *arena;
	struct orch_config_errors *errors;
	struct orch_buf text;  /* what libconfig will see */
	struct orch_buf bytes; /* of all files, for the digest */
	struct orch_where *lines;
	size_t line_count, line_size;
	size_t files, include_depth, nesting, values;
	struct orch_where here;
	enum place place;
};

static int read_file(struct reading *reading, const char *file, struct orch_where named_at);

ORCH_PRINTF(2, 3)
static int refuse(struct reading *reading, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	orch_config_errors_add(reading->errors, reading->here, ORCH_TEXT_NONE, "%s", text);
	return ORCH_E_INVALID;
}

static int note_line(struct reading *reading)
{
	if (reading->line_count == reading->line_size) {
		size_t size = reading->line_size == 0 ? 256 : reading->line_size * 2;
		struct orch_where *lines =
			orch_arena_alloc_array(reading->arena, size, sizeof(*lines));

		if (lines == NULL)
			return refuse(reading, "no memory to read it");
		if (reading->line_count > 0)
			memcpy(lines, reading->lines, reading->line_count * sizeof(*lines));
		reading->lines = lines;
		reading->line_size = size;
	}
	reading->lines[reading->line_count++] = reading->here;
	return ORCH_OK;
}

static size_t name_length(struct orch_text line, size_t at)
{
	size_t end = at;

	while (end < line.len &&
		(isalnum((unsigned char)line.ptr[end]) || strchr("-_*", line.ptr[end]) != NULL))
		end++;
	return end - at;
}

static size_t digits_length(struct orch_text line, size_t at, bool hex)
{
	size_t end = at;

	while (end < line.len &&
		(hex ? isxdigit((unsigned char)line.ptr[end])
		     : isdigit((unsigned char)line.ptr[end])))
		end++;
	return end - at;
}

/* Copies the number at *AT.  One that may not fit an int gets the L without which libconfig would cut it. */
static int take_number(struct reading *reading, struct orch_text line, size_t *at)
{
	size_t start = *at, end = start + (isdigit((unsigned char)line.ptr[start]) ? 0 : 1);
	bool hex = end + 1 < line.len && line.ptr[end] == '0' &&
		(line.ptr[end + 1] == 'x' || line.ptr[end + 1] == 'X');
	size_t digits;
	char next;

	end += hex ? 2 : 0;
	digits = digits_length(line, end, hex);
	end += digits;
	next = end < line.len ? line.ptr[end] : '\0';
	orch_buf_add(&reading->text, line.ptr + start, end - start);
	*at = end;
	if (next == '.' || next == 'e' || next == 'E')
		return ORCH_OK;
	if (digits > (hex ? HEX_DIGITS_64 : DECIMAL_DIGITS_64))
		return refuse(reading, "the number %.*s… is too large; at most %d digits",
			(int)(digits < 24 ? end - start : 24), line.ptr + start,
			hex ? HEX_DIGITS_64 : DECIMAL_DIGITS_64);
	if (digits > (hex ? HEX_DIGITS_32 : DECIMAL_DIGITS_32) && next != 'L')
		orch_buf_add_char(&reading->text, 'L');
	return ORCH_OK;
}

static int take_bracket(struct reading *reading, char c)
{
	if (strchr("{([", c) != NULL && ++reading->nesting > ORCH_CONFIG_DEPTH_MAX)
		return refuse(reading, "nested too deeply; at most %d levels of brackets",
			ORCH_CONFIG_DEPTH_MAX);
	if (strchr("})]", c) != NULL && reading->nesting > 0)
		reading->nesting--;
	if (strchr("=:,", c) != NULL && ++reading->values > ORCH_CONFIG_VALUES_MAX)
		return refuse(reading, "too many values; at most %d", ORCH_CONFIG_VALUES_MAX);
	orch_buf_add_char(&reading->text, c);
	return ORCH_OK;
}

/* Copies one token of code, or enters a string or comment. */
static int take_code(struct reading *reading, struct orch_text line, size_t *at)
{
	char c = line.ptr[*at], next = *at + 1 < line.len ? line.ptr[*at + 1] : '\0';
	size_t length = name_length(line, *at);

	if (c == '#' || (c == '/' && next == '/')) {
		*at = line.len;
		return ORCH_OK;
	}
	if (isdigit((unsigned char)c) || (strchr("+-.", c) != NULL && isdigit((unsigned char)next)))
		return take_number(reading, line, at);
	if (length > 0 && c != '-') {
		orch_buf_add(&reading->text, line.ptr + *at, length);
		*at += length;
		return ORCH_OK;
	}
	if (c == '/' && next == '*') {
		reading->place = IN_COMMENT;
		*at += 2;
		return ORCH_OK;
	}
	if (c == '"')
		reading->place = IN_STRING;
	*at += 1;
	return take_bracket(reading, c);
}

static int take_string(struct reading *reading, struct orch_text line, size_t *at)
{
	char c = line.ptr[*at];

	if (c == '"')
		reading->place = IN_CODE;
	orch_buf_add_char(&reading->text, c);
	*at += 1;
	if (c != '\\' || *at >= line.len)
		return ORCH_OK;
	if (line.len - *at >= 3 && strncasecmp(line.ptr + *at, "x00", 3) == 0)
		return refuse(reading, "\\x00 in a string; a string cannot hold a NUL");
	orch_buf_add_char(&reading->text, line.ptr[*at]);
	*at += 1;
	return ORCH_OK;
}

static void skip_comment(struct reading *reading, struct orch_text line, size_t *at)
{
	if (line.ptr[*at] == '*' && *at + 1 < line.len && line.ptr[*at + 1] == '/') {
		reading->place = IN_CODE;
		orch_buf_add_char(&reading->text, ' ');
		*at += 1;
	}
	*at += 1;
}

static int take_line(struct reading *reading, struct orch_text line)
{
	size_t at = 0;
	int rc = note_line(reading);

	while (rc == ORCH_OK && at < line.len) {
		if (reading->place == IN_CODE)
			rc = take_code(reading, line, &at);
		else if (reading->place == IN_STRING)
			rc = take_string(reading, line, &at);
		else
			skip_comment(reading, line, &at);
	}
	orch_buf_add_char(&reading->text, '\n');
	return rc;
}

static bool climbs(struct orch_text name)
{
	struct orch_text piece;

	while (orch_text_split(&name, '/', &piece))
		if (orch_text_is(piece, ".."))
			return true;
	return false;
}

/* The folder of FILE with its slash; empty for the current one. */
static struct orch_text folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return (struct orch_text){ file, slash == NULL ? 0 : (size_t)(slash - file) + 1 };
}

/* Does PATH, links followed, lie in the folder of FILE?  True also if it is not there: reading it says so better. */
static bool lies_beside(struct reading *reading, const char *path, const char *file)
{
	struct orch_text folder = folder_of(file);
	const char *dir = folder.len == 0 ? "." : orch_arena_string(reading->arena, folder);
	char real_path[PATH_MAX], real_dir[PATH_MAX];
	size_t length;

	if (realpath(path, real_path) == NULL || realpath(dir, real_dir) == NULL)
		return true;
	length = strlen(real_dir);
	return strcmp(real_dir, "/") == 0 ||
		(strncmp(real_path, real_dir, length) == 0 && real_path[length] == '/');
}

static int include(struct reading *reading, struct orch_text name)
{
	struct orch_where here = reading->here;
	struct orch_text folder = folder_of(here.file);
	struct orch_text path = orch_arena_printf(
		reading->arena, "%.*s%.*s", ORCH_TEXT_ARG(folder), ORCH_TEXT_ARG(name));
	int rc;

	if (name.len == 0 || name.ptr[0] == '/' || climbs(name) ||
		!lies_beside(reading, path.ptr, here.file))
		return refuse(reading,
			"@include \"%.*s\" leaves the folder of this file; name a file in it or "
			"below it",
			ORCH_TEXT_ARG(name));
	if (reading->include_depth >= ORCH_CONFIG_INCLUDE_DEPTH_MAX)
		return refuse(reading, "@include \"%.*s\" is nested too deeply; at most %d levels",
			ORCH_TEXT_ARG(name), ORCH_CONFIG_INCLUDE_DEPTH_MAX);
	reading->include_depth++;
	rc = read_file(reading, path.ptr, here);
	reading->include_depth--;
	reading->here = here;
	return rc;
}

/* Is LINE an @include?  Then gives the name; a malformed one gives a name whose ptr is NULL. */
static bool find_include(struct orch_text line, struct orch_text *ret_name)
{
	struct orch_text rest = orch_text_trim(line);
	const char *quote;

	if (!orch_text_starts_with(rest, ORCH_TEXT("@include")))
		return false;
	rest = orch_text_trim((struct orch_text){ rest.ptr + 8, rest.len - 8 });
	*ret_name = (struct orch_text){ NULL, 0 };
	if (rest.len < 2 || rest.ptr[0] != '"')
		return true;
	quote = memchr(rest.ptr + 1, '"', rest.len - 1);
	if (quote == NULL || memchr(rest.ptr, '\\', rest.len) != NULL)
		return true;
	*ret_name = (struct orch_text){ rest.ptr + 1, (size_t)(quote - rest.ptr) - 1 };
	rest = orch_text_trim(
		(struct orch_text){ quote + 1, (size_t)(rest.ptr + rest.len - quote) - 1 });
	if (rest.len > 0 && rest.ptr[0] != '#' && !orch_text_starts_with(rest, ORCH_TEXT("//")))
		*ret_name = (struct orch_text){ NULL, 0 };
	return true;
}

static int take_lines(struct reading *reading, struct orch_text bytes)
{
	struct orch_text line, name;
	int rc = ORCH_OK;

	reading->place = IN_CODE;
	while (rc == ORCH_OK && orch_text_split(&bytes, '\n', &line)) {
		reading->here.line++;
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (reading->place != IN_CODE || !find_include(line, &name))
			rc = take_line(reading, line);
		else if (name.ptr == NULL)
			rc = refuse(reading,
				"the @include is not understood; must be alone on its line, such "
				"as @include \"more.cfg\"");
		else
			rc = include(reading, name);
	}
	if (rc == ORCH_OK && reading->place != IN_CODE)
		rc = refuse(reading, "the file ends within a %s; close it with %s",
			reading->place == IN_STRING ? "string" : "comment",
			reading->place == IN_STRING ? "a quote" : "*/");
	return rc;
}

/* What is wrong with the first file need not name it twice. */
static const char *without_name(
	const struct orch_err *err, const char *file, struct orch_where named_at)
{
	size_t length = strlen(file);

	if (named_at.line == 0 && strncmp(err->text, file, length) == 0 &&
		strncmp(err->text + length, ": ", 2) == 0)
		return err->text + length + 2;
	return err->text;
}

/* What is named by hand may be a pipe (`-c <(…)`); what another file names may not. */
static int read_bytes(struct reading *reading, const char *file, struct orch_where named_at,
	struct orch_text *ret_bytes, struct orch_err *err)
{
	size_t limit = ORCH_CONFIG_FILE_BYTES - reading->bytes.len;

	if (named_at.line == 0)
		return orch_file_read(file, limit, reading->arena, ret_bytes, err);
	return orch_file_read_regular(file, limit, reading->arena, ret_bytes, err);
}

static int read_file(struct reading *reading, const char *file, struct orch_where named_at)
{
	struct orch_text bytes;
	struct orch_err err;
	int rc;

	reading->here = named_at;
	if (++reading->files > ORCH_CONFIG_FILES_MAX)
		return refuse(reading, "too many files; at most %d", ORCH_CONFIG_FILES_MAX);
	rc = read_bytes(reading, file, named_at, &bytes, &err);
	if (rc == ORCH_E_LIMIT)
		return refuse(reading,
			"too large; a configuration, with all that it includes, has at most %d "
			"bytes",
			ORCH_CONFIG_FILE_BYTES);
	if (rc != ORCH_OK)
		return refuse(reading, "%s; must be a text file that is there and readable",
			without_name(&err, file, named_at));
	if (memchr(bytes.ptr, '\0', bytes.len) != NULL)
		return refuse(reading, "%s holds a NUL; a configuration is plain text", file);
	orch_buf_add_text(&reading->bytes, bytes);
	reading->here = (struct orch_where){
		.file = orch_arena_string(reading->arena, orch_text_from(file)),
	};
	if (orch_text_starts_with(bytes, ORCH_TEXT("\xef\xbb\xbf")))
		return refuse(reading,
			"begins with a byte order mark (BOM); save it as UTF-8 without one");
	return take_lines(reading, bytes);
}

static void digest(struct orch_text bytes, char ret_digest[17])
{
	uint8_t hash[ORCH_SHA256_BYTES];

	orch_sha256(bytes, hash);
	orch_hex_encode(hash, 8, ret_digest);
}

int orch_source_read(const char *file, struct orch_arena *arena, struct orch_config_errors *errors,
	struct orch_source *ret_source)
{
	struct reading reading = { .arena = arena, .errors = errors };
	int rc;

	orch_buf_init(&reading.text, 3 * ORCH_CONFIG_FILE_BYTES);
	orch_buf_init(&reading.bytes, ORCH_CONFIG_FILE_BYTES);
	rc = read_file(&reading, file,
		(struct orch_where){ orch_arena_string(arena, orch_text_from(file)), 0 });
	if (rc == ORCH_OK) {
		ret_source->text = orch_arena_text(arena, orch_buf_text(&reading.text));
		ret_source->lines = reading.lines;
		ret_source->line_count = reading.line_count;
		digest(orch_buf_text(&reading.bytes), ret_source->digest);
		if (reading.text.failed || reading.bytes.failed || orch_arena_failed(arena))
			rc = refuse(&reading, "no memory to read it");
	}
	orch_buf_fini(&reading.text);
	orch_buf_fini(&reading.bytes);
	return rc;
}
