/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_task.h"

#include <string.h>

void fake_task_set(struct fake_task *world, const char *field, const char *value)
{
	for (size_t i = 0; i < world->event.field_count; i++) {
		if (strcmp(world->fields[i].name.ptr, field) == 0) {
			world->fields[i].value = fake_text(value);
			return;
		}
	}
	world->fields[world->event.field_count++] =
		(struct orch_field){ fake_text(field), fake_text(value) };
}

static void describe_event(struct fake_task *world)
{
	world->parts[0] = (struct orch_part){ .name = fake_text("file:F1/4111 1111.txt"),
		.media_type = { "", 0 },
		.bytes = { "", 0 },
		.note = { "", 0 } };
	world->event = (struct orch_event){ .size = sizeof(world->event),
		.id = fake_text("slack:T1:Ev1"),
		.source = fake_text("slack"),
		.type = fake_text("slack.message"),
		.tenant = fake_text("T1"),
		.actor = fake_text("U1"),
		.order = { "", 0 },
		.data = fake_text("{}"),
		.trace = fake_text("trace-1"),
		.fields = world->fields,
		.parts = world->parts,
		.part_count = 1 };
	fake_task_set(world, "slack.channel", "C1");
	fake_task_set(world, "slack.ts", "1.1");
	fake_task_set(world, "slack.user", "U1");
}

void fake_task_begin(struct fake_task *world, const char *plugin, const char *const *options)
{
	*world = (struct fake_task){ .fake = fake_open(plugin, options) };
	describe_event(world);
	world->finding = (struct orch_finding){ .size = sizeof(world->finding),
		.rule = fake_text("visa"),
		.rule_name = fake_text("Visa card"),
		.severity = ORCH_HIGH,
		.start = 3,
		.length = 16 };
	world->task = (struct orch_task){ .size = sizeof(world->task),
		.verdict = ORCH_BLOCK,
		.key = fake_text("key-1"),
		.event = &world->event,
		.findings = &world->finding,
		.finding_count = 1,
		.pipeline = fake_text("p1") };
}

void fake_task_end(struct fake_task *world)
{
	fake_close(world->fake);
}

int fake_task_act(struct fake_task *world, const struct fake_reply *script)
{
	fake_clear(world->fake);
	return fake_act(world->fake, &world->task, script);
}

const char *fake_task_outcome(const struct fake_task *world)
{
	return world->fake->sink.outcome == NULL ? "" : world->fake->sink.outcome;
}
