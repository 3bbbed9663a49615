/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/aws/stream.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sim/jsonx.h"

#define ALL_KEYS (~(aws_hash_key)0)
#define SEQUENCE_PREFIX "4959033827149025660855969253836157"
#define SEQUENCE_DIGITS 20

static struct aws_shard *add_shard(struct aws_stream *stream, aws_hash_key first, aws_hash_key last)
{
	struct aws_shard *shard = orch_alloc(sizeof(*shard));

	if (!shard)
		return NULL;
	(void)snprintf(shard->id, sizeof(shard->id), "shardId-%012zu", stream->shards.count);
	shard->first = first;
	shard->last = last;
	shard->parent = shard->other_parent = AWS_NO_SHARD;
	shard->opened = ++stream->last_sequence;
	if (aws_rows_add(&stream->shards, shard) != 0) {
		orch_free(shard);
		return NULL;
	}
	return shard;
}

/* The open ones anew, in order.  There are few, and this is rare. */
static int list_open(struct aws_stream *stream)
{
	stream->open.count = 0;
	for (size_t i = 0; i < stream->shards.count; i++) {
		const struct aws_shard *shard = aws_stream_shard(stream, (uint32_t)i);
		size_t at;

		if (shard->closed)
			continue;
		if (aws_numbers_add(&stream->open, i) != 0)
			return ORCH_E_NOMEM;
		for (at = stream->open.count - 1; at > 0; at--) {
			uint64_t before = stream->open.at[at - 1];

			if (aws_stream_shard(stream, (uint32_t)before)->first < shard->first)
				break;
			stream->open.at[at] = before;
		}
		stream->open.at[at] = i;
	}
	return ORCH_OK;
}

static int add_shards(struct aws_stream *stream, uint32_t count)
{
	aws_hash_key width = ALL_KEYS / count, first = 0;

	for (uint32_t i = 0; i < count; i++) {
		aws_hash_key last = i + 1 == count ? ALL_KEYS : first + width - 1;

		if (!add_shard(stream, first, last))
			return ORCH_E_NOMEM;
		first = last + 1;
	}
	return list_open(stream);
}

struct aws_stream *aws_stream_create(
	struct orch_text name, uint32_t shards, struct aws_ledger *ledger)
{
	struct aws_stream *stream = orch_alloc(sizeof(*stream));

	if (!stream)
		return NULL;
	stream->ledger = ledger;
	stream->keys = orch_map_create();
	sim_keep(stream->name, sizeof(stream->name), name);
	if (!stream->keys || add_shards(stream, shards) != 0) {
		aws_stream_destroy(stream);
		return NULL;
	}
	return stream;
}

static void free_shard(void *arg)
{
	struct aws_shard *shard = arg;

	aws_numbers_fini(&shard->puts);
	orch_free(shard);
}

static void free_key(void *arg)
{
	struct aws_key_of_stream *key = arg;

	aws_numbers_fini(&key->puts);
	orch_free(key->text);
	orch_free(key);
}

void aws_stream_destroy(struct aws_stream *stream)
{
	if (!stream)
		return;
	aws_rows_fini(&stream->shards, free_shard);
	aws_numbers_fini(&stream->open);
	orch_map_destroy(stream->keys, NULL);
	aws_rows_fini(&stream->key_list, free_key);
	aws_numbers_fini(&stream->puts);
	orch_free(stream);
}

struct aws_shard *aws_stream_shard(const struct aws_stream *stream, uint32_t number)
{
	return stream->shards.at[number];
}

uint32_t aws_stream_find_shard(const struct aws_stream *stream, struct orch_text id)
{
	struct orch_text prefix = ORCH_TEXT("shardId-"), digits;
	uint64_t number;

	if (!orch_text_starts_with(id, prefix))
		return AWS_NO_SHARD;
	digits = (struct orch_text){ id.ptr + prefix.len, id.len - prefix.len };
	if (orch_text_to_uint(digits, 0, UINT32_MAX - 1, &number) != 0 ||
		number >= stream->shards.count)
		return AWS_NO_SHARD;
	return (uint32_t)number;
}

uint32_t aws_stream_shard_for(const struct aws_stream *stream, aws_hash_key hash_key)
{
	size_t low = 0, high = stream->open.count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (aws_stream_shard(stream, (uint32_t)stream->open.at[middle])->first <= hash_key)
			low = middle;
		else
			high = middle;
	}
	return (uint32_t)stream->open.at[low];
}

static double refill(double left, double most, double seconds)
{
	left += most * seconds;
	return left < most ? left : most;
}

bool aws_shard_take(struct aws_shard *shard, size_t bytes, uint64_t now_ms)
{
	/* A new shard has been idle for long enough. */
	double seconds = shard->filled_ms ? (double)(now_ms - shard->filled_ms) / 1000.0 : 1.0;

	shard->filled_ms = now_ms;
	shard->records_left = refill(shard->records_left, AWS_SHARD_RECORDS, seconds);
	shard->bytes_left = refill(shard->bytes_left, AWS_SHARD_BYTES, seconds);
	if (shard->records_left < 1.0 || shard->bytes_left < (double)bytes)
		return false;
	shard->records_left -= 1.0;
	shard->bytes_left -= (double)bytes;
	return true;
}

static struct aws_key_of_stream *find_key(struct aws_stream *stream, struct orch_text text)
{
	struct aws_key_of_stream *key = orch_map_get(stream->keys, text);

	if (key)
		return key;
	key = orch_alloc(sizeof(*key));
	if (!key)
		return NULL;
	key->text = orch_strdup(text.ptr);
	if (!key->text || aws_rows_add(&stream->key_list, key) != 0) {
		free_key(key);
		return NULL;
	}
	if (orch_map_set(stream->keys, text, key) != 0) {
		stream->key_list.count--;
		free_key(key);
		return NULL;
	}
	return key;
}

int aws_stream_add(
	struct aws_stream *stream, uint32_t shard, struct orch_text key, struct aws_put *put)
{
	struct aws_shard *into = aws_stream_shard(stream, shard);
	int code;

	put->key = find_key(stream, key);
	if (!put->key)
		return ORCH_E_NOMEM;
	put->stream = stream;
	put->shard = shard;
	put->sequence = ++stream->last_sequence;
	code = aws_ledger_put(stream->ledger, put);
	if (code)
		return code;
	/* From here on it is kept; a list that had no memory for it has a gap. */
	if (aws_numbers_add(&stream->puts, put->number) != 0 ||
		aws_numbers_add(&into->puts, put->number) != 0 ||
		aws_numbers_add(&put->key->puts, put->number) != 0)
		return ORCH_OK;
	return ORCH_OK;
}

static void close_shard(struct aws_stream *stream, uint32_t number)
{
	aws_stream_shard(stream, number)->closed = ++stream->last_sequence;
}

int aws_stream_split(struct aws_stream *stream, uint32_t shard, aws_hash_key at)
{
	struct aws_shard *old = aws_stream_shard(stream, shard), *low, *high;

	if (old->closed || at <= old->first || at > old->last ||
		stream->shards.count + 2 > AWS_SHARDS_MAX)
		return ORCH_E_INVALID;
	close_shard(stream, shard);
	low = add_shard(stream, old->first, at - 1);
	high = low ? add_shard(stream, at, old->last) : NULL;
	orch_assert(low && high); /* the hash keys must have a shard: without memory it ends here */
	low->parent = high->parent = shard;
	return list_open(stream);
}

int aws_stream_merge(struct aws_stream *stream, uint32_t shard, uint32_t other)
{
	struct aws_shard *a = aws_stream_shard(stream, shard);
	struct aws_shard *b = aws_stream_shard(stream, other);
	struct aws_shard *merged;
	bool is_below = a->first < b->first;

	if (a->closed || b->closed || stream->shards.count == AWS_SHARDS_MAX ||
		(is_below ? a->last + 1 != b->first : b->last + 1 != a->first) || a == b)
		return ORCH_E_INVALID;
	close_shard(stream, shard);
	close_shard(stream, other);
	merged = add_shard(stream, is_below ? a->first : b->first, is_below ? b->last : a->last);
	orch_assert(merged); /* as above */
	merged->parent = shard;
	merged->other_parent = other;
	return list_open(stream);
}

void aws_hash_key_format(aws_hash_key key, char ret[AWS_HASH_KEY_SIZE])
{
	char digits[AWS_HASH_KEY_SIZE];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + (int)(key % 10));
		key /= 10;
	} while (key);
	memcpy(ret, digits + at, sizeof(digits) - at);
}

bool aws_hash_key_read(struct orch_text text, aws_hash_key *ret)
{
	aws_hash_key key = 0;

	if (!text.len || text.len >= AWS_HASH_KEY_SIZE)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(text.ptr[i] - '0');

		if (digit > 9 || key > (ALL_KEYS - digit) / 10)
			return false;
		key = key * 10 + digit;
	}
	*ret = key;
	return true;
}

aws_hash_key aws_hash_key_from(const uint8_t md5[AWS_MD5_BYTES])
{
	aws_hash_key key = 0;

	for (size_t i = 0; i < AWS_MD5_BYTES; i++)
		key = key << 8 | md5[i];
	return key;
}

void aws_sequence_format(uint64_t sequence, char ret[AWS_SEQUENCE_SIZE])
{
	(void)snprintf(
		ret, AWS_SEQUENCE_SIZE, SEQUENCE_PREFIX "%020llu", (unsigned long long)sequence);
}

bool aws_sequence_read(struct orch_text text, uint64_t *ret)
{
	struct orch_text prefix = ORCH_TEXT(SEQUENCE_PREFIX), digits;

	if (text.len != prefix.len + SEQUENCE_DIGITS || !orch_text_starts_with(text, prefix))
		return false;
	digits = (struct orch_text){ text.ptr + prefix.len, SEQUENCE_DIGITS };
	return orch_text_to_uint(digits, 0, UINT64_MAX, ret) == 0;
}
