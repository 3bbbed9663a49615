/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/message.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"

#define TRAITS_BYTES_MAX (2 * 1024 * 1024)

struct aws_message *aws_message_create(struct aws_digest *digest, struct orch_text body)
{
	struct aws_message *message = orch_alloc(sizeof(*message));

	if (!message)
		return NULL;
	message->body = orch_alloc(body.len + 1);
	if (!message->body) {
		orch_free(message);
		return NULL;
	}
	memcpy(message->body, body.ptr, body.len);
	message->body_len = body.len;
	aws_digest_md5_text(digest, body, message->md5);
	return message;
}

static void free_traits(struct aws_message *message)
{
	for (size_t i = 0; i < message->trait_count; i++) {
		orch_free(message->traits[i].name);
		orch_free(message->traits[i].type);
		orch_free(message->traits[i].value);
	}
	orch_free(message->traits);
}

void aws_message_destroy(struct aws_message *message)
{
	if (!message)
		return;
	free_traits(message);
	orch_free(message->body);
	orch_free(message->trace);
	orch_free(message->dedup);
	orch_free(message->source);
	orch_free(message);
}

static uint32_t decode(const unsigned char *at, size_t len)
{
	uint32_t value = len == 1 ? at[0] : at[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		value = value << 6 | (at[i] & 0x3f);
	return value;
}

static bool is_allowed(uint32_t character)
{
	if (character < 0x20)
		return character == 0x9 || character == 0xa || character == 0xd;
	return character != 0xfffe && character != 0xffff;
}

#define NO_CHARACTER 0xffff /* what is no UTF-8, and NUL, are shown as this */

static uint32_t bad_first(struct orch_text body, size_t *ret_len)
{
	uint32_t character;

	*ret_len = orch_text_utf8_len(body);
	if (!*ret_len)
		return NO_CHARACTER;
	character = decode((const unsigned char *)body.ptr, *ret_len);
	if (is_allowed(character))
		return 0;
	return character ? character : NO_CHARACTER;
}

uint32_t aws_message_bad_character(struct orch_text body)
{
	while (body.len) {
		unsigned char byte = (unsigned char)*body.ptr;
		size_t len = 1;
		uint32_t bad = byte < 0x20 || byte >= 0x80 ? bad_first(body, &len) : 0;

		if (bad)
			return bad;
		body = (struct orch_text){ body.ptr + len, body.len - len };
	}
	return 0;
}

size_t aws_message_bytes(const struct aws_message *message)
{
	size_t bytes = message->body_len;

	for (size_t i = 0; i < message->trait_count; i++)
		bytes += strlen(message->traits[i].name) + strlen(message->traits[i].type) +
			message->traits[i].value_len;
	return bytes;
}

static void add_sized(struct orch_buf *buf, const char *bytes, size_t len)
{
	const unsigned char size[4] = { (unsigned char)(len >> 24), (unsigned char)(len >> 16),
		(unsigned char)(len >> 8), (unsigned char)len };

	orch_buf_add(buf, size, sizeof(size));
	orch_buf_add(buf, bytes, len);
}

/* The next one by name behind BEFORE; NULL: that was the last. */
static const struct aws_trait *next_by_name(
	const struct aws_message *message, const bool *named, const struct aws_trait *before)
{
	const struct aws_trait *next = NULL;

	for (size_t i = 0; i < message->trait_count; i++) {
		const struct aws_trait *trait = &message->traits[i];

		if (named && !named[i])
			continue;
		if (before && strcmp(trait->name, before->name) <= 0)
			continue;
		if (!next || strcmp(trait->name, next->name) < 0)
			next = trait;
	}
	return next;
}

void aws_traits_md5(struct aws_digest *digest, const struct aws_message *message, const bool *named,
	char ret[AWS_MD5_SIZE])
{
	const struct aws_trait *trait = NULL;
	struct orch_buf buf;

	orch_buf_init(&buf, TRAITS_BYTES_MAX);
	while ((trait = next_by_name(message, named, trait))) {
		add_sized(&buf, trait->name, strlen(trait->name));
		add_sized(&buf, trait->type, strlen(trait->type));
		orch_buf_add_char(&buf, trait->is_binary ? 2 : 1);
		add_sized(&buf, trait->value, trait->value_len);
	}
	aws_digest_md5_text(digest, orch_buf_text(&buf), ret);
	orch_buf_fini(&buf);
}

void aws_id_format(const uint8_t id[16], char ret[AWS_ID_SIZE])
{
	static const uint8_t dashes[] = { 4, 6, 8, 10 };
	char hex[33], *at = ret;
	size_t next = 0;

	orch_hex_encode(id, 16, hex);
	for (size_t i = 0; i < 16; i++) {
		if (next < sizeof(dashes) && dashes[next] == i) {
			*at++ = '-';
			next++;
		}
		*at++ = hex[2 * i];
		*at++ = hex[2 * i + 1];
	}
	*at = '\0';
}
