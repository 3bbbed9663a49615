/* SPDX-License-Identifier: Apache-2.0 */
/* Slack's signature v0: HMAC-SHA256 over "v0:", the time stamp, ":" and the raw bytes of the body. */
#include "slack.h"

#include "kit/http.h"

#define WINDOW_S 300 /* how far the time stamp may lie from our clock, either way */
#define TIMESTAMP_DIGITS 12
#define MAC_DIGITS 64

static bool is_mac(struct orch_text text)
{
	if (text.len != MAC_DIGITS)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

static bool is_recent(const struct slack *self, uint64_t time_s)
{
	uint64_t now_s = self->host->now_ms(self->host) / 1000u;
	uint64_t distance = now_s > time_s ? now_s - time_s : time_s - now_s;

	return distance <= WINDOW_S;
}

static bool is_signed(const struct slack *self, const struct orch_arrival *arrival,
	struct orch_text timestamp, struct orch_text mac)
{
	const struct orch_host *host = self->host;
	const struct orch_text pieces[] = { { "v0:", 3 }, timestamp, { ":", 1 }, arrival->body };
	const size_t count = sizeof(pieces) / sizeof(pieces[0]);
	orch_credential previous = self->settings->previous_signing_secret;

	if (host->verify_hmac(host, self->settings->signing_secret, pieces, count, mac))
		return true;
	/* While the secret is being changed, Slack may still sign with the old one. */
	return previous != 0 && host->verify_hmac(host, previous, pieces, count, mac);
}

int signature_check(
	const struct slack *self, const struct orch_arrival *arrival, struct orch_err *err)
{
	struct orch_text timestamp, mac;
	uint64_t time_s;

	if (!kit_header_once(arrival->headers, "X-Slack-Request-Timestamp", &timestamp) ||
		!kit_header_once(arrival->headers, "X-Slack-Signature", &mac))
		return orch_fail(
			err, ORCH_E_DENIED, "the signature's headers are missing or repeated");
	if (timestamp.len > TIMESTAMP_DIGITS || !kit_number(timestamp, &time_s))
		return orch_fail(err, ORCH_E_DENIED, "the time stamp is not a number");
	if (!is_recent(self, time_s))
		return orch_fail(
			err, ORCH_E_DENIED, "the time stamp is more than %d s off", WINDOW_S);
	if (!kit_starts(mac, "v0="))
		return orch_fail(err, ORCH_E_DENIED, "the signature is not of version v0");
	mac.ptr += 3;
	mac.len -= 3;
	if (!is_mac(mac) || !is_signed(self, arrival, timestamp, mac))
		return orch_fail(err, ORCH_E_DENIED, "the signature does not match");
	return ORCH_OK;
}
