/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept across restarts: database, key, queue and store, opened as the configuration says. */
#ifndef ORCH_KEEP_H
#define ORCH_KEEP_H
#include "config/config.h"
#include "db/db.h"
#include "queue/queue.h"
#include "store/store.h"

struct orch_keep {
	struct orch_db *db;
	struct orch_secret *key;
	struct orch_queue *queue;
	struct orch_store *store;
	int hold_fd; /* held by every process that has the database open; -1: none */
};

/* Creates the state folder, the key and the schema if they are not there yet. */
ORCH_MUST_USE int orch_keep_open(
	const struct orch_config *config, struct orch_keep *ret_keep, struct orch_err *err);
/* Has anything been kept yet? */
bool orch_keep_is_there(const struct orch_config *config, struct orch_arena *arena);

/* Would they be opened?  Nothing is made or changed; not while this process has them open. */
ORCH_MUST_USE int orch_keep_check_key(const struct orch_config *config, struct orch_err *err);
ORCH_MUST_USE int orch_keep_check_database(const struct orch_config *config, struct orch_err *err);
void orch_keep_close(struct orch_keep *keep);

#endif
