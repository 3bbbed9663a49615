/* SPDX-License-Identifier: Apache-2.0 */
/* The memo: "rung file files_left pages flags why", short and without anything of the message. */
#include "block.h"

#include <stdlib.h>
#include <string.h>

enum {
	FLAG_LOOK = 1,
	FLAG_POSTED = 2,
	FLAG_WARNED = 4,
	FLAG_ALERTED = 8,
	FLAG_TOKEN = 16,
	FLAG_RULES = 32
};

static uint32_t number(const char **at)
{
	char *end;
	unsigned long value = strtoul(*at, &end, 10);

	*at = end;
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

void state_read(const char *memo, struct state *ret_state)
{
	const char *at = memo + 1;
	uint32_t flags;

	*ret_state = (struct state){ .rung = RUNG_NONE };
	if (memo[0] == '\0' || memo[1] != ' ')
		return;
	ret_state->rung = memo[0];
	ret_state->file = number(&at);
	ret_state->files_left = number(&at);
	ret_state->pages = number(&at);
	flags = number(&at);
	ret_state->look = (flags & FLAG_LOOK) != 0;
	ret_state->posted = (flags & FLAG_POSTED) != 0;
	ret_state->warned = (flags & FLAG_WARNED) != 0;
	ret_state->alerted = (flags & FLAG_ALERTED) != 0;
	ret_state->token = (flags & FLAG_TOKEN) != 0;
	ret_state->rules = (flags & FLAG_RULES) != 0;
	if (*at == ' ')
		(void)snprintf(ret_state->why, sizeof(ret_state->why), "%s", at + 1);
}

void state_write(const struct state *state, char *memo, size_t size)
{
	unsigned flags = (state->look ? FLAG_LOOK : 0u) | (state->posted ? FLAG_POSTED : 0u) |
		(state->warned ? FLAG_WARNED : 0u) | (state->alerted ? FLAG_ALERTED : 0u) |
		(state->token ? FLAG_TOKEN : 0u) | (state->rules ? FLAG_RULES : 0u);

	(void)snprintf(memo, size, "%c %u %u %u %u %s", state->rung, state->file, state->files_left,
		state->pages, flags, state->why);
}
