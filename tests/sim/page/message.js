/* SPDX-License-Identifier: Apache-2.0 */
/* One message, with everything that has happened to it. */
import { clock, make } from "./dom.js";

const entities = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

function readable(text, people) {
	return text
		.replace(/<@([A-Z0-9]+)(?:\|[^>]*)?>/g, (all, id) => "@" + (people.get(id)?.name || id))
		.replace(/<(?:mailto:|tel:)?([^|>]+)\|([^>]*)>/g, "$2")
		.replace(/<(https?:[^>]+)>/g, "$1")
		.replace(/&(?:amp|lt|gt);/g, (entity) => entities[entity]);
}

function textOfBlocks(value) {
	if (Array.isArray(value))
		return value.map(textOfBlocks).filter(Boolean).join(" ");
	if (!value || typeof value !== "object")
		return "";
	const own = typeof value.text === "string" ? value.text : "";
	const below = Object.entries(value)
		.filter(([key, part]) => key !== "text" || typeof part === "object")
		.map(([, part]) => textOfBlocks(part));
	return [own, ...below].filter(Boolean).join(" ");
}

const bodyText = (body, people) => readable(body.text || textOfBlocks(body.blocks), people);

function fate(message, people) {
	const after = message.changed_ms - message.posted_ms;
	const by = people.get(message.deleted_by)?.name || message.deleted_by;

	if (message.state === "deleted")
		return `taken down by ${by} after ${after < 10000 ? after + " ms" : Math.round(after / 1000) + " s"}`;
	if (message.state === "tombstone")
		return by ? `taken down by ${by}; the thread stays` : "tombstone";
	if (message.state === "ephemeral")
		return `only ${people.get(message.seen_by)?.name || "one person"} sees this`;
	return "";
}

function badges(message, author, fallback) {
	const list = [];

	if (author?.is_bot || message.body.bot_id)
		list.push("app");
	if (author?.is_admin)
		list.push("admin");
	if (author?.is_foreign)
		list.push("other organisation");
	if (message.body.subtype)
		list.push(message.body.subtype);
	if (message.body.edited)
		list.push("edited");
	if (fallback)
		list.push(fallback);
	return list.map((text) => make("span", { class: "badge" }, text));
}

function file(entry) {
	const gone = entry.mode === "tombstone";

	return make("li", { class: gone ? "file gone" : "file" },
		make("span", { "aria-hidden": "true" }, gone ? "✕ " : "▤ "),
		gone ? "file deleted" : entry.title || entry.name || entry.id,
		entry.size ? make("small", {}, ` ${entry.size} bytes`) : null);
}

function versions(message, people) {
	const earlier = message.earlier || [];

	if (!earlier.length)
		return null;
	return make("details", { class: "earlier" },
		make("summary", {}, earlier.length === 1 ? "what it said before" : `${earlier.length} earlier versions`),
		...earlier.map((body) => make("p", { class: "struck" }, bodyText(body, people))));
}

export function drawMessage(item, people, onReply) {
	const message = item.message, author = people.get(message.user);
	const name = author?.name || message.body.username || message.body.user || "app";
	const said = bodyText(message.body, people), what = fate(message, people);
	const hue = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 6;

	return make("li", {
		class: ["message", `is-${message.state}`, item.isReply ? "reply" : ""].join(" ").trim(),
	},
	make("span", { class: `face hue${hue}`, "aria-hidden": "true" }, name[0].toUpperCase()),
	make("div", { class: "content" },
		make("p", { class: "who" }, make("b", {}, name), " ", ...badges(message, author), " ",
			make("time", {}, clock(message.posted_ms))),
		said ? make("p", { class: message.state === "deleted" ? "said struck" : "said" }, said) : null,
		(message.body.attachments || []).length
			? make("p", { class: "attached" }, textOfBlocks(message.body.attachments)) : null,
		message.body.files ? make("ul", { class: "files" }, ...message.body.files.map(file)) : null,
		what ? make("p", { class: "fate" }, what) : null,
		versions(message, people)),
	item.canReply
		? make("button", {
			type: "button", class: "quiet answer", "aria-label": `Reply to ${name}`,
			onclick: () => onReply(message),
		}, "reply") : null);
}
