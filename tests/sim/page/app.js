/* SPDX-License-Identifier: Apache-2.0 */
import { clock, find, make, sync } from "./dom.js";
import { drawMessage } from "./message.js";
import { post, remove, state } from "./net.js";
import { editIntoLeak, sendKeyFile, texts } from "./samples.js";

const methods = ["chat.delete", "chat.update", "chat.postMessage", "chat.postEphemeral", "files.info",
	"files.delete", "events", "files", "*"];
const kinds = ["status", "ratelimited", "error", "reset", "reset_after", "slow", "truncate", "garbage",
	"hold", "duplicate", "drop", "login"];

let workspace = null, people = new Map(), chosen = "", thread = "";
let isBusy = false, isStale = false;

function title(channel) {
	if (channel.kind === "im") {
		return channel.members.filter((id) => people.get(id)).map((id) => people.get(id).name)
			.sort().join(", ");
	}
	return channel.name.replace(/^mpdm-/, "").replace(/-/g, channel.kind === "mpim" ? ", " : "-");
}

const isDirect = (channel) => channel.kind === "im" || channel.kind === "mpim";
const sign = (channel) => ({ channel: "#", group: "◆", im: "•", mpim: "•" })[channel.kind];
const current = () => workspace.channels.find((channel) => channel.id === chosen) || workspace.channels[0];

function about(channel) {
	const notes = [`${channel.members.length} people`];

	if (channel.kind === "group")
		notes.push("private");
	if (channel.is_shared)
		notes.push("shared with another organisation");
	if (channel.is_archived)
		notes.push("archived");
	if (!channel.members.includes(workspace.bot))
		notes.push("the bot is not here");
	return notes.join(" · ");
}

function choose(id) {
	chosen = id;
	thread = "";
	draw();
	find("messages").scrollTop = find("messages").scrollHeight;
	find("text").focus();
}

function drawChannel(item) {
	return make("li", {}, make("button", {
		type: "button", "aria-current": item.isChosen ? "page" : null, onclick: () => choose(item.id),
	}, make("span", { class: "sign", "aria-hidden": "true" }, item.sign), item.title,
	item.down ? make("span", { class: "count", title: `${item.down} taken down` }, String(item.down)) : null));
}

function drawChannels() {
	const items = workspace.channels.map((channel) => ({
		id: channel.id, title: title(channel), sign: sign(channel), isDirect: isDirect(channel),
		isChosen: channel === current(),
		down: channel.messages.filter((one) => one.state === "deleted" || one.state === "tombstone").length,
	}));

	sync(find("channel-list"), items.filter((item) => !item.isDirect), (item) => item.id, drawChannel);
	sync(find("im-list"), items.filter((item) => item.isDirect), (item) => item.id, drawChannel);
}

/* Replies stand behind their parent. */
function inThreads(channel) {
	const replies = new Map();
	const known = new Set(channel.messages.map((message) => message.ts));
	const isReply = (message) => message.thread_ts && known.has(message.thread_ts);

	for (const message of channel.messages.filter(isReply))
		replies.set(message.thread_ts, [...(replies.get(message.thread_ts) || []), message]);
	return channel.messages.filter((message) => !isReply(message)).flatMap((message) => [
		{ message, isReply: false, canReply: message.state === "live" || message.state === "tombstone" },
		...(replies.get(message.ts) || []).map((reply) => ({ message: reply, isReply: true })),
	]);
}

function drawMessages() {
	const channel = current(), list = find("messages");
	const wasAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;

	find("channel-name").textContent = `${sign(channel)} ${title(channel)}`;
	find("channel-about").textContent = about(channel);
	sync(list, inThreads(channel), (item) => channel.id + item.message.ts,
		(item) => drawMessage(item, people, replyTo));
	if (wasAtEnd)
		list.scrollTop = list.scrollHeight;
}

function verdict(ok, text) {
	return make("span", { class: ok ? "good" : "bad" }, text);
}

function drawCall(call) {
	const answer = call.answer || {}, ok = call.status === 200 && answer.ok === true;
	const result = ok ? "ok" : [call.status !== 200 ? call.status : "", answer.error].join(" ").trim();

	return make("li", { class: "call" }, make("time", {}, clock(call.at_ms)), " ",
		make("span", { class: "way", title: "call of the Web API" }, "← "), make("b", {}, call.method), " ",
		verdict(ok, result), " ", make("small", {},
			`${call.token} token${call.fault === "none" ? "" : ", fault: " + call.fault}`));
}

function drawDelivery(delivery) {
	const last = delivery.tries.at(-1), isOpen = !["accepted", "failed", "dropped"].includes(delivery.state);
	const tries = delivery.tries.length > 1 ? `, ${delivery.tries.length} tries` : "";
	const result = last && !isOpen ? String(last.status || last.reason) : delivery.state;

	return make("li", { class: "delivery" }, make("time", {}, last ? clock(last.at_ms) : ""), " ",
		make("span", { class: "way", title: "event delivered" }, "→ "), make("b", {}, delivery.what), " ",
		isOpen ? make("span", { class: "open" }, result) : verdict(delivery.state === "accepted", result), " ", make("small", {},
			`${last ? last.took_ms + " ms" : ""}${tries}${delivery.fault === "none" ? "" : ", fault: " + delivery.fault}`));
}

function drawHappenings() {
	const items = [
		...workspace.calls.map((call) => ({ key: "c" + call.number, at: call.at_ms, call })),
		...workspace.deliveries.map((delivery) => ({
			key: "d" + delivery.number, at: delivery.tries[0]?.at_ms || Infinity, delivery,
		})),
	].sort((a, b) => b.at - a.at || (a.key < b.key ? 1 : -1)).slice(0, 60);

	sync(find("happenings"), items, (item) => item.key,
		(item) => (item.call ? drawCall(item.call) : drawDelivery(item.delivery)));
}

function drawNumbers() {
	const messages = workspace.channels.flatMap((channel) => channel.messages);
	const down = messages.filter((one) => one.deleted_by);
	const times = down.map((one) => one.changed_ms - one.posted_ms).sort((a, b) => a - b);
	const figures = [
		["messages", messages.length], ["taken down", down.length],
		["median time", times.length ? `${times[times.length >> 1]} ms` : "–"],
		["answered", workspace.deliveries_answered], ["waiting", workspace.deliveries_pending],
		["held", workspace.held],
	].map(([name, value]) => ({ name, value }));

	sync(find("numbers"), figures, (figure) => figure.name, (figure) => make("div", {},
		make("dt", {}, figure.name), make("dd", {}, String(figure.value))));
}

function fill(select, options, chosenValue) {
	const face = JSON.stringify(options);

	if (select.dataset.face === face)
		return;
	select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
	select.dataset.face = face;
	if (chosenValue)
		select.value = chosenValue;
}

function draw() {
	if (!workspace)
		return;
	people = new Map(workspace.users.map((user) => [user.id, user]));
	find("events-url").textContent = workspace.events_url;
	fill(find("user"), workspace.users.filter((user) => user.name !== "slackbot")
		.map((user) => [user.name, user.name]), find("user").value || "alice");
	find("reply-to").hidden = !thread;
	drawChannels();
	drawMessages();
	drawHappenings();
	drawNumbers();
	sync(find("fault-list"), workspace.faults.map((fault, index) => ({ index, ...fault })),
		(fault) => String(fault.index), (fault) => make("li", {},
			`${fault.method}: ${fault.kind}, ${fault.count < 0 ? "always" : "still " + fault.count}`));
}

/* One request at a time; what comes meanwhile is one more request afterwards. */
async function refresh() {
	if (isBusy) {
		isStale = true;
		return;
	}
	isBusy = true;
	try {
		workspace = await state();
		draw();
	} catch (error) {
		problem(error);
	}
	isBusy = false;
	if (isStale) {
		isStale = false;
		refresh();
	}
}

function problem(error) {
	find("problem").textContent = error ? String(error.message || error) : "";
}

async function attempt(work) {
	problem("");
	try {
		await work();
	} catch (error) {
		problem(error);
	}
}

function replyTo(message) {
	thread = message.ts;
	find("reply-to").hidden = false;
	find("text").focus();
}

async function send() {
	const box = find("text"), text = box.value.trim();

	if (!text)
		return;
	await post("message", {
		channel: current().id, user: find("user").value, text, ...(thread ? { thread_ts: thread } : {}),
	});
	box.value = "";
}

function useSample(name) {
	const box = find("text"), channel = current().id, user = find("user").value;

	if (name === "edit") {
		attempt(() => editIntoLeak(channel, user));
	} else if (name === "file") {
		attempt(() => sendKeyFile(channel, user));
	} else {
		box.value = box.value ? `${box.value} ${texts[name]}` : texts[name];
		box.focus();
	}
}

function listen() {
	const news = new EventSource("/sim/stream"), live = find("live");

	news.onopen = () => {
		live.textContent = "live";
		live.classList.add("on");
	};
	news.onmessage = refresh;
	news.onerror = () => {
		live.textContent = "not connected";
		live.classList.remove("on");
	};
}

function switchTheme() {
	const root = document.documentElement;
	const isDark = (root.dataset.theme ||
		(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

	root.dataset.theme = isDark ? "light" : "dark";
}

function start() {
	const wanted = new URLSearchParams(location.search);

	if (wanted.get("theme"))
		document.documentElement.dataset.theme = wanted.get("theme");
	find("live").hidden = wanted.has("still");
	fill(find("fault-method"), methods.map((name) => [name, name]));
	fill(find("fault-kind"), kinds.map((name) => [name, name]));
	find("composer").addEventListener("submit", (event) => {
		event.preventDefault();
		attempt(send);
	});
	find("text").addEventListener("keydown", (event) => {
		if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
			event.preventDefault();
			attempt(send);
		}
	});
	for (const button of document.querySelectorAll("[data-sample]"))
		button.addEventListener("click", () => useSample(button.dataset.sample));
	find("no-reply").addEventListener("click", () => {
		thread = "";
		draw();
	});
	find("fault-form").addEventListener("submit", (event) => {
		event.preventDefault();
		attempt(() => post("fault", {
			method: find("fault-method").value, kind: find("fault-kind").value,
			count: Number(find("fault-count").value),
		}));
	});
	find("release").addEventListener("click", () => attempt(() => post("release", {})));
	find("clear-faults").addEventListener("click", () => attempt(() => remove("fault")));
	find("theme").addEventListener("click", switchTheme);
	/* "still": one look, for a picture. */
	refresh().then(wanted.has("still") ? undefined : listen).then(() => setTimeout(() => find("messages").classList.add("moving"), 500));
}

start();
