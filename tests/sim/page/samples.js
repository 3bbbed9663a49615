/* SPDX-License-Identifier: Apache-2.0 */
/* What the buttons say.  None of it is a secret of anybody. */
import { post } from "./net.js";

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

export const texts = {
	clean: "Lunch at half past twelve?",
	card: "The guest's card is 4111 1111 1111 1111, valid to 12/29.",
	aws: "Deploy with AKIAIOSFODNN7EXAMPLE please",
};

const keyFile = [
	"-----BEGIN RSA PRIVATE KEY-----",
	"bm90IGEga2V5LCBvbmx5IHRleHQgdGhhdCBsb29rcyBsaWtlIG9uZQ==",
	"-----END RSA PRIVATE KEY-----",
	"",
].join("\n");

/* A harmless message that becomes a leak a moment later. */
export async function editIntoLeak(channel, user) {
	const posted = await post("message", { channel, user, text: "I'll send you the card in a second" });

	await wait(1500);
	await post("edit", { channel, ts: posted.ts, text: "The card: 5555 5555 5555 4444" });
}

export const sendKeyFile = (channel, user) => post("file", {
	channel, user, name: "server.pem", mimetype: "text/plain", content: keyFile,
	text: "here is the key for the new server",
});
