/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule, rule_history   the current version and every one that was.
 * revision             rises with every change of any rule.
 * event, finding       what was found, with content, fields and details sealed;
 *                      who, where and the masked excerpt in clear, to be searched.
 * seal                 of these four: by it a row is told that was changed.
 * result               what became of each task, by its event's time and its key:
 *                      the keys alone would put each result on a page of its own.
 * key_proof            a known text, sealed, by which a wrong key is told.
 */
#include "store/backend.h"

#define RULE_FIELDS                   \
	" version INTEGER NOT NULL,"  \
	" tool TEXT NOT NULL,"        \
	" name TEXT NOT NULL,"        \
	" description TEXT NOT NULL," \
	" expression TEXT NOT NULL,"  \
	" severity INTEGER NOT NULL," \
	" options TEXT NOT NULL,"     \
	" state INTEGER NOT NULL,"    \
	" matches TEXT NOT NULL,"     \
	" no_matches TEXT NOT NULL,"  \
	" created_by TEXT NOT NULL,"  \
	" changed_by TEXT NOT NULL,"  \
	" created INTEGER NOT NULL,"  \
	" changed INTEGER NOT NULL,"  \
	" removed INTEGER NOT NULL"

const struct orch_db_migration orch_store_sqlite_migrations[] = {
	{ .part = "store",
		.number = 1,
		.sql = "CREATE TABLE rule (n INTEGER PRIMARY KEY, id TEXT NOT NULL "
		       "UNIQUE," RULE_FIELDS ") STRICT;"
		       "CREATE TABLE rule_history (id TEXT NOT NULL," RULE_FIELDS
		       ", PRIMARY KEY (id, version)) STRICT, WITHOUT ROWID;"
		       "CREATE TABLE revision (one INTEGER PRIMARY KEY CHECK (one = 1),"
		       " number INTEGER NOT NULL) STRICT;"
		       "INSERT INTO revision (one, number) VALUES (1, 0);"
		       "CREATE TABLE event ("
		       " row INTEGER PRIMARY KEY,"
		       " id TEXT NOT NULL,"
		       " pipeline TEXT NOT NULL,"
		       " trace TEXT NOT NULL,"
		       " source TEXT NOT NULL,"
		       " type TEXT NOT NULL,"
		       " tenant TEXT NOT NULL,"
		       " actor TEXT NOT NULL,"
		       " time INTEGER NOT NULL,"
		       " stored INTEGER NOT NULL,"
		       " verdict INTEGER NOT NULL,"
		       " inspection INTEGER NOT NULL,"
		       " inspection_note TEXT NOT NULL,"
		       " enforced INTEGER NOT NULL,"
		       " fields BLOB NOT NULL,"
		       " content BLOB NOT NULL,"
		       " UNIQUE (id, pipeline)"
		       ") STRICT;"
		       "CREATE TABLE finding ("
		       " row INTEGER PRIMARY KEY,"
		       " event INTEGER NOT NULL REFERENCES event (row),"
		       " number INTEGER NOT NULL,"
		       " tool TEXT NOT NULL,"
		       " rule TEXT NOT NULL,"
		       " rule_name TEXT NOT NULL,"
		       " rule_version INTEGER NOT NULL,"
		       " expression TEXT NOT NULL,"
		       " severity INTEGER NOT NULL,"
		       " confidence INTEGER NOT NULL,"
		       " title TEXT NOT NULL,"
		       " advice TEXT NOT NULL,"
		       " part INTEGER NOT NULL,"
		       " part_name TEXT NOT NULL,"
		       " start INTEGER NOT NULL,"
		       " length INTEGER NOT NULL,"
		       " excerpt TEXT NOT NULL,"
		       " shadow INTEGER NOT NULL,"
		       " detail BLOB"
		       ") STRICT;"
		       "CREATE INDEX finding_event ON finding (event);"
		       "CREATE INDEX finding_rule ON finding (rule, event);"
		       "CREATE INDEX finding_rule_name ON finding (rule_name, event);"
		       "CREATE TABLE result ("
		       " time INTEGER NOT NULL,"
		       " key TEXT NOT NULL,"
		       " event_id TEXT NOT NULL,"
		       " pipeline TEXT NOT NULL,"
		       " action TEXT NOT NULL,"
		       " record_id TEXT NOT NULL,"
		       " state TEXT NOT NULL,"
		       " outcome TEXT NOT NULL,"
		       " detail TEXT NOT NULL,"
		       " attempts INTEGER NOT NULL,"
		       " at INTEGER NOT NULL,"
		       " PRIMARY KEY (time, key)"
		       ") STRICT, WITHOUT ROWID;"
		       "CREATE INDEX result_event ON result (event_id)" },
	{ .part = "store",
		.number = 2,
		.sql = "CREATE TABLE key_proof (number INTEGER PRIMARY KEY, sealed BLOB NOT NULL) "
		       "STRICT" },
	{ .part = "store",
		.number = 3,
		.sql = "ALTER TABLE rule ADD COLUMN seal BLOB;"
		       "ALTER TABLE rule_history ADD COLUMN seal BLOB;"
		       "ALTER TABLE event ADD COLUMN findings INTEGER NOT NULL DEFAULT 0;"
		       "ALTER TABLE event ADD COLUMN seal BLOB;"
		       "ALTER TABLE finding ADD COLUMN seal BLOB;"
		       "UPDATE event SET findings ="
		       " (SELECT count(*) FROM finding WHERE finding.event = event.row);"
		       "CREATE TABLE to_seal (one INTEGER PRIMARY KEY) STRICT;"
		       "INSERT INTO to_seal VALUES (1)" },
	{ .part = "store",
		.number = 4,
		.sql = "ALTER TABLE result ADD COLUMN seal BLOB;"
		       "INSERT INTO to_seal VALUES (2)" },
};
const size_t orch_store_sqlite_migration_count =
	sizeof(orch_store_sqlite_migrations) / sizeof(orch_store_sqlite_migrations[0]);
