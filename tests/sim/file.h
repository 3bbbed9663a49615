/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the workspace, and the events that tell of them. */
#ifndef SIM_FILE_H
#define SIM_FILE_H
#include "world.h"

/* Everything is lent. */
struct sim_upload {
	struct sim_user *user;
	struct orch_text name, title, media_type, bytes;
	struct orch_text external_url; /* not empty: the bytes lie with somebody else */
	struct json_object *extra;     /* members of the file object to add or to replace */
	bool is_hidden;
};

/* Emits file_created.  NULL: no memory or too much of it. */
struct sim_file *sim_file_add(struct sim_world *world, const struct sim_upload *upload);
/* Other bytes in the same file; emits file_change. */
ORCH_MUST_USE int sim_file_change(
	struct sim_world *world, struct sim_file *file, struct orch_text bytes);
/* Notes that the file is seen in CHANNEL; emits file_shared. */
void sim_file_share(struct sim_world *world, struct sim_file *file, struct sim_channel *channel);
/* Emits file_deleted and turns the file into a tombstone wherever it is shown. */
void sim_file_remove(struct sim_world *world, struct sim_file *file);
/* A public link was made: emits file_public. */
void sim_file_publish(struct sim_world *world, struct sim_file *file);
bool sim_file_is_visible(
	const struct sim_world *world, const struct sim_file *file, const struct sim_user *user);
/* Held by Slack in a form of its own: its text is had by canvases.getContent only. */
bool sim_file_is_canvas(const struct sim_file *file);
void sim_files_clear(struct sim_world *world);

#endif
