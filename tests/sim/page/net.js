/* SPDX-License-Identifier: Apache-2.0 */

async function answer(response) {
	const value = await response.json();

	if (!response.ok)
		throw new Error(value.error || "the workspace refused");
	return value;
}

export const post = async (command, body) => answer(await fetch("/sim/" + command, {
	method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
}));

export const remove = async (command) => answer(await fetch("/sim/" + command, { method: "DELETE" }));

export const state = async () => answer(
	await fetch("/sim/state?messages=200&calls=60&deliveries=60"));
