/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream: shards that share the hash keys among them, and what was put into
 * each, in order.  Pure state; NOW_MS is the cloud's clock.
 */
#ifndef AWS_STREAM_H
#define AWS_STREAM_H
#include "sim/aws/ledger.h"
#include "base/map.h"

#define AWS_STREAM_NAME_SIZE 129
#define AWS_SHARD_ID_SIZE 24
#define AWS_SHARDS_MAX 10000 /* with the closed ones */
#define AWS_SHARD_RECORDS 1000
#define AWS_SHARD_BYTES 1048576
#define AWS_NO_SHARD UINT32_MAX
#define AWS_HASH_KEY_SIZE 40 /* as a decimal number */
#define AWS_SEQUENCE_SIZE 64

__extension__ typedef unsigned __int128 aws_hash_key;

struct aws_shard {
	char id[AWS_SHARD_ID_SIZE];
	aws_hash_key first, last;
	uint32_t parent, other_parent; /* AWS_NO_SHARD: none */
	uint64_t opened, closed;       /* sequence numbers; 0: open */
	struct aws_numbers puts;       /* of the ledger */
	/* What may still be written: it grows by a second's worth in a second. */
	double records_left, bytes_left;
	uint64_t filled_ms;
};

struct aws_stream {
	char name[AWS_STREAM_NAME_SIZE];
	struct aws_ledger *ledger;
	struct aws_rows shards;   /* shard N is at N */
	struct aws_numbers open;  /* the open ones, by their first hash key */
	struct orch_map *keys;    /* struct aws_key_of_stream */
	struct aws_rows key_list; /* the same, in order of appearance */
	struct aws_numbers puts;  /* of the ledger, in order of arrival */
	uint64_t last_sequence;
	uint64_t record_bytes; /* of one record, with its key */
	uint64_t created_ms;
	uint64_t acknowledged, throttled;
	bool is_deleted;
};

/* NULL: no memory. */
struct aws_stream *aws_stream_create(
	struct orch_text name, uint32_t shards, struct aws_ledger *ledger);
void aws_stream_destroy(struct aws_stream *stream); /* accepts NULL */

struct aws_shard *aws_stream_shard(const struct aws_stream *stream, uint32_t number);
/* "shardId-000000000001"; AWS_NO_SHARD: not there. */
uint32_t aws_stream_find_shard(const struct aws_stream *stream, struct orch_text id);
/* The open shard for HASH_KEY. */
uint32_t aws_stream_shard_for(const struct aws_stream *stream, aws_hash_key hash_key);
/* Is there room for one more record?  Then it is taken. */
bool aws_shard_take(struct aws_shard *shard, size_t bytes, uint64_t now_ms);

/* Puts PUT, whose data and digest are set, at the end of SHARD.  ORCH_E_NOMEM or LIMIT: it stays the caller's. */
ORCH_MUST_USE int aws_stream_add(
	struct aws_stream *stream, uint32_t shard, struct orch_text key, struct aws_put *put);

/* AT is the first hash key of the second half.  ORCH_E_INVALID: not within the shard, or it is closed. */
ORCH_MUST_USE int aws_stream_split(struct aws_stream *stream, uint32_t shard, aws_hash_key at);
/* ORCH_E_INVALID: not neighbours, or not both open. */
ORCH_MUST_USE int aws_stream_merge(struct aws_stream *stream, uint32_t shard, uint32_t other);

void aws_hash_key_format(aws_hash_key key, char ret[AWS_HASH_KEY_SIZE]);
/* False: no number, or too large. */
bool aws_hash_key_read(struct orch_text text, aws_hash_key *ret);
aws_hash_key aws_hash_key_from(const uint8_t md5[AWS_MD5_BYTES]);
/* As long as real ones, which fit into no machine word. */
void aws_sequence_format(uint64_t sequence, char ret[AWS_SEQUENCE_SIZE]);
bool aws_sequence_read(struct orch_text text, uint64_t *ret);

#endif
