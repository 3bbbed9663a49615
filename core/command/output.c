/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "command/cli.h"

#define COLUMNS_MAX 16
#define FOLD_MIN 24   /* a column narrower than that gets lines of its own … */
#define FOLD_INDENT 4 /* … that begin here */
#define PROGRESS_FIRST_MS 500
#define PROGRESS_EVERY_MS 200

void orch_cli_print(struct orch_buf *buf)
{
	if (buf->failed || (buf->len > 0 && fwrite(buf->ptr, 1, buf->len, stdout) != buf->len) ||
		fflush(stdout) != 0) {
		fprintf(stderr, "orchestrator: the output could not be written\n");
		exit(ORCH_EXIT_OUTPUT);
	}
	orch_buf_reset(buf);
}

void orch_cli_add_styled(
	const struct orch_cli *cli, struct orch_buf *buf, const char *style, struct orch_text text)
{
	if (cli->color && style != NULL)
		orch_buf_printf(buf, "\033[%sm", style);
	orch_buf_add_printable(buf, text);
	if (cli->color && style != NULL)
		orch_buf_add_string(buf, "\033[0m");
}

void orch_cli_add_pair(const struct orch_cli *cli, struct orch_buf *buf, size_t width,
	struct orch_text name, struct orch_text value)
{
	size_t before = buf->len;

	orch_cli_add_styled(cli, buf, NULL, name);
	do
		orch_buf_add_char(buf, ' ');
	while (!buf->failed && buf->len - before < width);
	orch_cli_add_styled(cli, buf, NULL, value);
	orch_buf_add_char(buf, '\n');
}

void orch_cli_add_line(
	const struct orch_cli *cli, struct orch_buf *buf, const char *name, struct orch_text value)
{
	orch_cli_add_pair(cli, buf, ORCH_CLI_NAME_COLUMN, orch_text_from(name), value);
}

void orch_cli_add_filled_line(
	const struct orch_cli *cli, struct orch_buf *buf, const char *name, struct orch_text value)
{
	if (value.len > 0)
		orch_cli_add_line(cli, buf, name, value);
}

void orch_cli_add_json(struct orch_buf *buf, const char *key, struct orch_text text)
{
	orch_buf_printf(buf, ",\"%s\":", key);
	orch_buf_add_json(buf, text);
}

/* Characters as a terminal shows them: not the colours, not the rest of a UTF-8 sequence. */
static size_t width_of(struct orch_text cell)
{
	size_t width = 0;

	for (size_t i = 0; i < cell.len; i++) {
		if (cell.ptr[i] == '\033') {
			while (i < cell.len && cell.ptr[i] != 'm')
				i++;
			continue;
		}
		width += ((unsigned char)cell.ptr[i] & 0xC0) != 0x80;
	}
	return width;
}

static void measure(struct orch_text cells, size_t widths[COLUMNS_MAX])
{
	struct orch_text row, cell;

	while (orch_text_split(&cells, '\n', &row)) {
		size_t column = 0;

		while (column < COLUMNS_MAX && orch_text_split(&row, '\t', &cell)) {
			size_t width = width_of(cell);

			if (width > widths[column])
				widths[column] = width;
			column++;
		}
	}
}

static void add_spaces(struct orch_buf *buf, size_t count)
{
	while (count-- > 0)
		orch_buf_add_char(buf, ' ');
}

/* CELL from column AT on in lines that end before COLUMNS, broken at spaces. */
static void add_folded(struct orch_buf *buf, struct orch_text cell, size_t at, size_t columns)
{
	size_t used = at;
	struct orch_text word;
	bool is_first = true;

	while (orch_text_split(&cell, ' ', &word)) {
		size_t width = width_of(word);

		if (!is_first && used + 1 + width > columns) {
			orch_buf_add_char(buf, '\n');
			add_spaces(buf, at);
			used = at;
		} else if (!is_first) {
			orch_buf_add_char(buf, ' ');
			used++;
		}
		orch_buf_add_text(buf, word);
		used += width;
		is_first = false;
	}
}

static void add_last(const struct orch_cli *cli, struct orch_buf *buf, struct orch_text cell,
	size_t at, size_t spaces)
{
	if (cli->columns == 0 || at + width_of(cell) <= cli->columns) {
		add_spaces(buf, spaces);
		orch_buf_add_text(buf, cell);
	} else if (at + FOLD_MIN <= cli->columns) {
		add_spaces(buf, spaces);
		add_folded(buf, cell, at, cli->columns);
	} else {
		orch_buf_add_char(buf, '\n');
		add_spaces(buf, FOLD_INDENT);
		add_folded(buf, cell, FOLD_INDENT, cli->columns);
	}
}

/* Spaces come only before something: none end a line. */
static void add_row(const struct orch_cli *cli, struct orch_buf *buf, struct orch_text row,
	const size_t widths[COLUMNS_MAX], bool is_head)
{
	struct orch_text cell;
	size_t column = 0, spaces = 0, at = 0;

	if (is_head && cli->color)
		orch_buf_add_string(buf, "\033[" ORCH_CLI_BOLD "m");
	for (; column < COLUMNS_MAX && orch_text_split(&row, '\t', &cell); column++) {
		size_t width = width_of(cell);

		if (width > 0 && row.len == 0) {
			add_last(cli, buf, cell, at, spaces);
		} else if (width > 0) {
			add_spaces(buf, spaces);
			orch_buf_add_text(buf, cell);
			spaces = 0;
		}
		spaces += (widths[column] > width ? widths[column] - width : 0) + 2;
		at += widths[column] + 2;
	}
	if (is_head && cli->color)
		orch_buf_add_string(buf, "\033[0m");
	orch_buf_add_char(buf, '\n');
}

void orch_cli_add_table(const struct orch_cli *cli, struct orch_buf *buf, struct orch_text cells)
{
	size_t widths[COLUMNS_MAX] = { 0 };
	struct orch_text rest = cells, row;
	bool is_head = true;

	measure(cells, widths);
	while (orch_text_split(&rest, '\n', &row)) {
		if (row.len == 0)
			continue;
		add_row(cli, buf, row, widths, is_head);
		is_head = false;
	}
}

struct orch_text orch_cli_time(struct orch_cli *cli, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm parts;
	char text[32];

	if (ms == 0 || localtime_r(&seconds, &parts) == NULL ||
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) == 0)
		return ORCH_TEXT("-");
	return orch_arena_text(cli->arena, orch_text_from(text));
}

struct orch_text orch_cli_age(struct orch_cli *cli, uint64_t ms)
{
	uint64_t seconds = ms / 1000;

	if (seconds < 60)
		return orch_arena_printf(cli->arena, "%llus", (unsigned long long)seconds);
	if (seconds < 3600)
		return orch_arena_printf(cli->arena, "%llum", (unsigned long long)(seconds / 60));
	if (seconds < 86400)
		return orch_arena_printf(cli->arena, "%lluh", (unsigned long long)(seconds / 3600));
	return orch_arena_printf(cli->arena, "%llud", (unsigned long long)(seconds / 86400));
}

void orch_cli_progress(struct orch_cli *cli, const char *what, uint64_t done, uint64_t total)
{
	uint64_t now_ms = orch_clock_boot_ms();

	if (isatty(STDERR_FILENO) != 1)
		return;
	if (cli->progress_ms == 0)
		cli->progress_ms = now_ms;
	if (now_ms - cli->progress_ms < PROGRESS_FIRST_MS ||
		now_ms - cli->shown_ms < PROGRESS_EVERY_MS)
		return;
	cli->shown_ms = now_ms;
	if (total > 0)
		fprintf(stderr, "\r\033[K%s: %llu of %llu", what, (unsigned long long)done,
			(unsigned long long)total);
	else
		fprintf(stderr, "\r\033[K%s: %llu", what, (unsigned long long)done);
}

void orch_cli_progress_end(struct orch_cli *cli)
{
	if (cli->shown_ms > 0)
		fprintf(stderr, "\r\033[K");
	cli->shown_ms = 0;
}
