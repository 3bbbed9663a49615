/* SPDX-License-Identifier: Apache-2.0 */
/* json-c does not tell where a value stood, and whoever mends a rule wants to know. */
#include "base/text.h"
#include "pipeline/rulefile.h"

struct walk {
	struct orch_text text;
	size_t at;
	unsigned line, depth;
	bool is_rules; /* the last string of the outermost object was "rules" */
	bool is_in;    /* within the list "rules" */
};

/* Over the string that begins here. */
static struct orch_text take_string(struct walk *walk)
{
	struct orch_text string = { walk->text.ptr + walk->at + 1, 0 };

	for (walk->at++; walk->at < walk->text.len && walk->text.ptr[walk->at] != '"'; walk->at++)
		walk->at += walk->text.ptr[walk->at] == '\\';
	string.len = (size_t)(walk->text.ptr + walk->at - string.ptr);
	return string;
}

static void take_bracket(struct walk *walk, char c)
{
	if (c == '{' || c == '[') {
		walk->is_in = walk->is_in || (c == '[' && walk->depth == 1 && walk->is_rules);
		walk->depth++;
	} else {
		walk->depth -= walk->depth > 0;
		walk->is_in = walk->is_in && walk->depth > 1;
	}
}

/* Is C the first of a rule, the walk being where the list's own values stand? */
static bool begins_rule(const struct walk *walk, char c)
{
	return walk->is_in && walk->depth == 2 && c != ',' && c != ' ' && c != '\t' && c != '\r' &&
		c != '\n' && c != ']';
}

void orch_rulefile_find_lines(struct orch_text text, unsigned *lines, size_t count)
{
	struct walk walk = { .text = text, .line = 1 };
	size_t found = 0;
	bool within = false; /* a value that is no object goes on until the comma */

	for (size_t i = 0; i < count; i++)
		lines[i] = 1;
	for (; walk.at < text.len; walk.at++) {
		char c = text.ptr[walk.at];

		walk.line += c == '\n';
		if (begins_rule(&walk, c) && !within && found < count) {
			lines[found++] = walk.line;
			within = true;
		}
		if (walk.depth == 2 && c == ',')
			within = false;
		if (c == '"') {
			struct orch_text string = take_string(&walk);

			walk.is_rules = walk.depth == 1 && orch_text_is(string, "rules");
		} else if (c == '{' || c == '[' || c == '}' || c == ']') {
			take_bracket(&walk, c);
		}
	}
}
