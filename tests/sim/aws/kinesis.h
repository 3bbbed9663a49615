/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers of Kinesis share. */
#ifndef AWS_KINESIS_H
#define AWS_KINESIS_H
#include "sim/aws/call.h"
#include "sim/aws/stream.h"

/* The stream of StreamARN or StreamName; NULL: the error says why. */
struct aws_stream *aws_find_stream(struct aws_call *call);
/* By name; NULL: not there. */
struct aws_stream *aws_stream_by_name(const struct aws_cloud *cloud, struct orch_text name);
/* NULL: the name or the number is bad or taken, or there is no memory. */
struct aws_stream *aws_make_stream(struct aws_cloud *cloud, struct orch_text name, uint32_t shards);
/* The shard of a member; AWS_NO_SHARD: the error says why. */
uint32_t aws_find_shard(struct aws_call *call, const struct aws_stream *stream, const char *member);
int aws_refuse_argument(struct aws_call *call, const char *why);

#endif
