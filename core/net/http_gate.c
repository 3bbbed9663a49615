/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"

struct orch_http_gate {
	_Atomic uint32_t taken;
	uint32_t connections, per_address;
	pthread_mutex_t lock;
	struct orch_map *addresses; /* connections by address, as numbers */
};

struct orch_http_gate *orch_http_gate_create(uint32_t connections, uint32_t per_address)
{
	struct orch_http_gate *gate = orch_alloc(sizeof(*gate));

	if (!gate)
		return NULL;
	(void)pthread_mutex_init(&gate->lock, NULL);
	gate->connections = connections;
	gate->per_address = per_address;
	gate->addresses = orch_map_create();
	if (!gate->addresses) {
		orch_http_gate_destroy(gate);
		return NULL;
	}
	return gate;
}

void orch_http_gate_destroy(struct orch_http_gate *gate)
{
	if (!gate)
		return;
	orch_map_destroy(gate->addresses, NULL);
	(void)pthread_mutex_destroy(&gate->lock);
	orch_free(gate);
}

bool orch_http_gate_take_place(struct orch_http_gate *gate)
{
	uint32_t taken = atomic_load(&gate->taken);

	do {
		if (taken >= gate->connections)
			return false;
	} while (!atomic_compare_exchange_weak(&gate->taken, &taken, taken + 1));
	return true;
}

void orch_http_gate_give_place(struct orch_http_gate *gate)
{
	uint32_t taken = atomic_fetch_sub(&gate->taken, 1);

	orch_assert(taken > 0);
}

static struct orch_text key_of(const uint8_t address[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct orch_text key = { (const char *)address, 16 };

	/* Who has one IPv6 address has a network of them. */
	if (memcmp(address, mapped, sizeof(mapped)) != 0)
		key.len = 8;
	return key;
}

int orch_http_gate_enter(struct orch_http_gate *gate, const uint8_t address[16])
{
	struct orch_text key = key_of(address);
	uintptr_t count;
	int code;

	if (gate->per_address == 0)
		return ORCH_OK;
	(void)pthread_mutex_lock(&gate->lock);
	count = (uintptr_t)orch_map_get(gate->addresses, key);
	code = count >= gate->per_address ? ORCH_E_LIMIT
					  : orch_map_set(gate->addresses, key, (void *)(count + 1));
	(void)pthread_mutex_unlock(&gate->lock);
	return code;
}

void orch_http_gate_leave(struct orch_http_gate *gate, const uint8_t address[16])
{
	struct orch_text key = key_of(address);
	uintptr_t count;
	int code = ORCH_OK;

	if (gate->per_address == 0)
		return;
	(void)pthread_mutex_lock(&gate->lock);
	count = (uintptr_t)orch_map_get(gate->addresses, key);
	if (count > 1)
		code = orch_map_set(gate->addresses, key, (void *)(count - 1));
	else
		(void)orch_map_remove(gate->addresses, key);
	(void)pthread_mutex_unlock(&gate->lock);
	/* Replacing a number that is there needs no memory. */
	orch_assert(code == ORCH_OK);
}
