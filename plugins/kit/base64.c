/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/base64.h"

#define GROUPS 64 /* of three bytes, put together */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* COUNT of three bytes are there; the others are zero, and stand as padding. */
static void encode(const char bytes[3], size_t count, char ret[4])
{
	unsigned long bits = (unsigned long)(unsigned char)bytes[0] << 16 |
		(unsigned long)(count > 1 ? (unsigned char)bytes[1] : 0) << 8 |
		(count > 2 ? (unsigned char)bytes[2] : 0);

	for (size_t i = 0; i < 4; i++)
		ret[i] = i > count ? '=' : alphabet[bits >> (18 - 6 * i) & 63];
}

void kit_put_base64(struct kit_builder *builder, struct orch_text bytes)
{
	char text[4 * GROUPS];
	size_t len = 0;

	for (size_t at = 0; at < bytes.len; at += 3) {
		encode(bytes.ptr + at, bytes.len - at, text + len);
		len += 4;
		if (len == sizeof(text) || at + 3 >= bytes.len) {
			kit_put(builder, (struct orch_text){ text, len });
			len = 0;
		}
	}
}
