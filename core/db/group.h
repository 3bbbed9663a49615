/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every database that we keep things in is handed: groups of operations,
 * each of which takes effect as a whole or not at all, and the steps of its
 * schema.
 */
#ifndef ORCH_DB_GROUP_H
#define ORCH_DB_GROUP_H
#include <orch/abi.h>
#include "net/lane.h"

struct orch_db;

/* One numbered step of a part's schema, forward only, each in a transaction of its own. */
struct orch_db_migration {
	const char *part; /* "queue", "store": each counts its own steps */
	uint32_t number;  /* from 1, without gaps */
	const char *sql;
};

struct orch_db_op {
	struct orch_db_op *next; /* in its group; NULL ends it */
	/*
	 * On the embedded database's writer's thread, within the transaction.  A
	 * negative code undoes the group.  May run again (another group of the
	 * transaction failed): the last run is the one that counts, so it starts by
	 * resetting what it gives.  Other databases' ops begin with this struct and
	 * leave it NULL.
	 */
	int (*run)(struct orch_db_op *op, struct orch_db *db, struct orch_err *err);
};

struct orch_db_group {
	struct orch_db_op *first;
	bool adds; /* refused with ORCH_E_LIMIT while the disk's reserve is used up */
	/*
	 * While the database cannot be had (another process keeps it locked, or it
	 * is not connected) the group fails after so long, before its turn, with
	 * ORCH_E_AGAIN; 0: it waits as long as the database tries.
	 */
	uint64_t patience_ms;
	struct orch_lane *lane; /* where DONE runs */
	void (*done)(struct orch_db_group *group);
	int code; /* for DONE */
	struct orch_err err;
	struct orch_job job; /* the database's, as is what follows */
	struct orch_db_group *next;
	uint64_t until_ms; /* monotonic; 0: no end to its patience */
};

#endif
