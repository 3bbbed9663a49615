/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memo: a line of numbers and the direct message's channel, a line with the
 * file's refusal, the message's in what is left.  Short, and without anything of
 * the message.
 */
#include "block.h"

#include <stdlib.h>
#include <string.h>

enum {
	FLAG_LOOK = 1,
	FLAG_POSTED = 2,
	FLAG_WARNED = 4,
	FLAG_ALERTED = 8,
	FLAG_TOKEN = 16,
	FLAG_RULES = 32,
	FLAG_DIRECT = 64,
	FLAG_ASKED = 128,
	FLAG_AGAIN = 256,
};

static uint32_t number(const char **at)
{
	char *end;
	unsigned long value = strtoul(*at, &end, 10);

	*at = end;
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void read_flags(uint32_t flags, struct state *ret_state)
{
	ret_state->look = (flags & FLAG_LOOK) != 0;
	ret_state->posted = (flags & FLAG_POSTED) != 0;
	ret_state->warned = (flags & FLAG_WARNED) != 0;
	ret_state->alerted = (flags & FLAG_ALERTED) != 0;
	ret_state->token = (flags & FLAG_TOKEN) != 0;
	ret_state->rules = (flags & FLAG_RULES) != 0;
	ret_state->direct = (flags & FLAG_DIRECT) != 0;
	ret_state->asked = (flags & FLAG_ASKED) != 0;
	ret_state->again = (flags & FLAG_AGAIN) != 0;
}

static uint32_t flags_of(const struct state *state)
{
	return (state->look ? FLAG_LOOK : 0u) | (state->posted ? FLAG_POSTED : 0u) |
		(state->warned ? FLAG_WARNED : 0u) | (state->alerted ? FLAG_ALERTED : 0u) |
		(state->token ? FLAG_TOKEN : 0u) | (state->rules ? FLAG_RULES : 0u) |
		(state->direct ? FLAG_DIRECT : 0u) | (state->asked ? FLAG_ASKED : 0u) |
		(state->again ? FLAG_AGAIN : 0u);
}

static void read_text(struct orch_text *rest, char separator, char *text, size_t size)
{
	struct orch_text piece;

	if (kit_split(rest, separator, &piece))
		(void)snprintf(text, size, "%.*s", (int)piece.len, piece.ptr);
}

void state_read(const char *memo, struct state *ret_state)
{
	const char *at = memo + 3;
	struct orch_text rest;

	*ret_state = (struct state){ .rung = RUNG_NONE, .file_try = FILE_FIRST };
	if (memo[0] == '\0' || memo[1] == '\0' || memo[2] != ' ')
		return;
	ret_state->rung = memo[0];
	ret_state->file_try = memo[1];
	ret_state->file = number(&at);
	ret_state->files_left = number(&at);
	ret_state->file_calls = number(&at);
	ret_state->pages = number(&at);
	ret_state->last = number(&at);
	read_flags(number(&at), ret_state);
	rest = kit_text(*at == ' ' ? at + 1 : at);
	read_text(&rest, '\n', ret_state->channel, sizeof(ret_state->channel));
	read_text(&rest, '\n', ret_state->file_why, sizeof(ret_state->file_why));
	read_text(&rest, '\0', ret_state->why, sizeof(ret_state->why));
}

void state_write(const struct state *state, char *memo, size_t size)
{
	(void)snprintf(memo, size, "%c%c %u %u %u %u %u %u %s\n%s\n%s", state->rung,
		state->file_try, state->file, state->files_left, state->file_calls, state->pages,
		state->last, flags_of(state), state->channel, state->file_why, state->why);
}
