/* SPDX-License-Identifier: Apache-2.0 */
/* Elements made by hand: texts are always texts. */

export const find = (id) => document.getElementById(id);

/* make("p", { class: "x", title: "y" }, "text", child, null) */
export function make(name, attributes, ...children) {
	const element = document.createElement(name);

	for (const [key, value] of Object.entries(attributes || {})) {
		if (key.startsWith("on"))
			element.addEventListener(key.slice(2), value);
		else if (value === true)
			element.setAttribute(key, "");
		else if (value !== false && value !== null && value !== undefined)
			element.setAttribute(key, value);
	}
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

/* Redraws a list only where it differs, so that focus and scroll position stay. */
export function sync(list, items, keyOf, draw) {
	const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
	let place = list.firstElementChild;

	for (const item of items) {
		const key = keyOf(item), face = JSON.stringify(item);
		let child = old.get(key);

		old.delete(key);
		if (child && child.dataset.face !== face) {
			const fresh = draw(item);
			if (place === child)
				place = fresh;
			child.replaceWith(fresh);
			child = fresh;
		} else if (!child) {
			child = draw(item);
		}
		child.dataset.key = key;
		child.dataset.face = face;
		if (child === place)
			place = place.nextElementSibling;
		else
			list.insertBefore(child, place);
	}
	for (const child of old.values())
		child.remove();
}

export const clock = (ms) => new Date(ms).toLocaleTimeString([], {
	hour: "2-digit", minute: "2-digit", second: "2-digit",
});
