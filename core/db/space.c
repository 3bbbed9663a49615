/* SPDX-License-Identifier: Apache-2.0 */
/* The reserve: below it nothing new is taken in, so that what is there can still be finished. */
#include "db/internal.h"

#include "base/clock.h"
#include "base/file.h"

bool orch_db_space_is_low(struct orch_db_space *space)
{
	uint64_t now = orch_clock_mono_ms();
	uint64_t looked = atomic_load(&space->looked_ms);
	uint64_t free_bytes = 0;
	struct orch_err err;

	if (space->reserve_bytes == 0)
		return false;
	if (looked != 0 && now - looked < ORCH_DB_SPACE_MS)
		return atomic_load(&space->is_low);
	if (!atomic_compare_exchange_strong(&space->looked_ms, &looked, now))
		return atomic_load(&space->is_low); /* another thread is looking */
	if (orch_file_free_bytes(space->path, &free_bytes, &err) == ORCH_OK)
		atomic_store(&space->is_low, free_bytes < space->reserve_bytes);
	return atomic_load(&space->is_low);
}

bool orch_db_is_full(const struct orch_db *db)
{
	return orch_db_space_is_low(db->space_ref);
}
