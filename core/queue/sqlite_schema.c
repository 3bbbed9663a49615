/* SPDX-License-Identifier: Apache-2.0 */
/*
 * item    what is in flight.  STATE is 0 ready, 1 delayed, 2 leased, 3 blocked
 *         behind the head of its order key; AT is the rank of a ready one (its
 *         VISIBLE less a minute for each grade of priority), else the time at
 *         which the delay or the lease ends.  ROW grows, hence the order of a
 *         key is the order of its rows.
 * body    apart, so that leasing does not write it anew.
 * dead    set aside, with the reason; DAMAGED ones as they were found.
 * seen    ids and aliases of the arrivals of the last day, by their hash alone: whatever
 *         else a repeat says of itself, its name tells that it is one.  Likewise what
 *         is to be recalled by name within a day.
 * ledger, dropped   what has ended, counted.
 */
#include "queue/backend.h"

const struct orch_db_migration orch_queue_sqlite_migrations[] = {
	{ .part = "queue",
		.number = 1,
		.sql = /* Not STRICT: a damaged row must not make the statements that come across it fail. */
		"CREATE TABLE item ("
		" row INTEGER PRIMARY KEY,"
		" queue INTEGER,"
		" state INTEGER,"
		" at INTEGER,"
		" visible INTEGER,"
		" time INTEGER,"
		" id TEXT,"
		" sequence TEXT,"
		" pipeline TEXT,"
		" tenant TEXT,"
		" trace TEXT,"
		" priority INTEGER,"
		" put INTEGER,"
		" receives INTEGER DEFAULT 0,"
		" attempts INTEGER DEFAULT 0,"
		" token INTEGER DEFAULT 0,"
		" step INTEGER DEFAULT 0,"
		" step_sent INTEGER DEFAULT 0,"
		" memo BLOB"
		");"
		"CREATE UNIQUE INDEX item_id ON item (queue, time, id);"
		"CREATE INDEX item_at ON item (queue, state, at);"
		"CREATE INDEX item_sequence ON item (queue, sequence)"
		" WHERE sequence IS NOT NULL;"
		"CREATE TABLE body (row INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;"
		/* Nor this: such a row must find room here whatever it holds. */
		"CREATE TABLE dead ("
		" row INTEGER PRIMARY KEY,"
		" queue INTEGER,"
		" time INTEGER,"
		" id TEXT,"
		" sequence TEXT,"
		" pipeline TEXT,"
		" tenant TEXT,"
		" trace TEXT,"
		" priority INTEGER,"
		" put INTEGER,"
		" ended INTEGER,"
		" receives INTEGER,"
		" attempts INTEGER,"
		" step INTEGER,"
		" step_sent INTEGER,"
		" memo BLOB,"
		" reason TEXT,"
		" detail TEXT,"
		" damaged INTEGER,"
		" sealed BLOB"
		");"
		"CREATE INDEX dead_queue ON dead (queue, damaged);"
		"CREATE TABLE seen ("
		" hash BLOB PRIMARY KEY NOT NULL,"
		" at INTEGER NOT NULL"
		") STRICT, WITHOUT ROWID;"
		"CREATE TABLE ledger ("
		" queue INTEGER PRIMARY KEY,"
		" name TEXT NOT NULL UNIQUE,"
		" accepted INTEGER NOT NULL DEFAULT 0,"
		" done INTEGER NOT NULL DEFAULT 0,"
		" duplicates INTEGER NOT NULL DEFAULT 0"
		") STRICT;"
		"CREATE TABLE dropped ("
		" queue INTEGER NOT NULL,"
		" reason TEXT NOT NULL,"
		" count INTEGER NOT NULL,"
		" PRIMARY KEY (queue, reason)"
		") STRICT, WITHOUT ROWID" },
};
const size_t orch_queue_sqlite_migration_count =
	sizeof(orch_queue_sqlite_migrations) / sizeof(orch_queue_sqlite_migrations[0]);
