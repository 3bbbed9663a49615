/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "command/cli.h"

#define COLUMNS_MAX 16

void orch_cli_print(struct orch_buf *buf)
{
	if (buf->failed || (buf->len > 0 && fwrite(buf->ptr, 1, buf->len, stdout) != buf->len) ||
		fflush(stdout) != 0) {
		fprintf(stderr, "orchestrator: the output could not be written\n");
		exit(ORCH_EXIT_FAILED);
	}
	orch_buf_reset(buf);
}

void orch_cli_add_styled(
	const struct orch_cli *cli, struct orch_buf *buf, const char *style, struct orch_text text)
{
	if (cli->color && style != NULL)
		orch_buf_printf(buf, "\033[%sm", style);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		orch_buf_add_char(buf, c < ' ' || c == 0x7f ? '?' : (char)c);
	}
	if (cli->color && style != NULL)
		orch_buf_add_string(buf, "\033[0m");
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

static void add_row(const struct orch_cli *cli, struct orch_buf *buf, struct orch_text row,
	const size_t widths[COLUMNS_MAX], bool is_head)
{
	struct orch_text cell;
	size_t column = 0;

	if (is_head && cli->color)
		orch_buf_add_string(buf, "\033[" ORCH_CLI_BOLD "m");
	while (column < COLUMNS_MAX && orch_text_split(&row, '\t', &cell)) {
		if (column > 0)
			orch_buf_add_string(buf, "  ");
		orch_buf_add_text(buf, cell);
		for (size_t i = width_of(cell); row.len > 0 && i < widths[column]; i++)
			orch_buf_add_char(buf, ' ');
		column++;
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

void orch_cli_progress(const struct orch_cli *cli, const char *what, uint64_t done, uint64_t total)
{
	(void)cli;
	if (isatty(STDERR_FILENO) != 1)
		return;
	if (total > 0)
		fprintf(stderr, "\r\033[K%s: %llu of %llu", what, (unsigned long long)done,
			(unsigned long long)total);
	else
		fprintf(stderr, "\r\033[K%s: %llu", what, (unsigned long long)done);
}

void orch_cli_progress_end(const struct orch_cli *cli)
{
	(void)cli;
	if (isatty(STDERR_FILENO) == 1)
		fprintf(stderr, "\r\033[K");
}
