/* SPDX-License-Identifier: Apache-2.0 */
/* One handler for each action; see struct aws_action. */
#ifndef AWS_HANDLERS_H
#define AWS_HANDLERS_H

struct aws_call;

/* queue_actions.c */
int aws_create_queue(struct aws_call *call);
int aws_delete_queue(struct aws_call *call);
int aws_purge_queue(struct aws_call *call);
int aws_get_queue_url(struct aws_call *call);
int aws_list_queues(struct aws_call *call);
int aws_list_sources(struct aws_call *call);
int aws_get_queue_attributes(struct aws_call *call);
int aws_set_queue_attributes(struct aws_call *call);

/* send.c */
int aws_send_message(struct aws_call *call);
int aws_send_message_batch(struct aws_call *call);

/* receive.c */
int aws_receive_message(struct aws_call *call);

/* settle.c */
int aws_delete_message(struct aws_call *call);
int aws_delete_message_batch(struct aws_call *call);
int aws_change_visibility(struct aws_call *call);
int aws_change_visibility_batch(struct aws_call *call);

/* move.c */
int aws_start_move(struct aws_call *call);
int aws_list_moves(struct aws_call *call);
int aws_cancel_move(struct aws_call *call);

/* put.c */
int aws_put_record(struct aws_call *call);
int aws_put_records(struct aws_call *call);

/* read.c */
int aws_get_records(struct aws_call *call);
int aws_get_shard_iterator(struct aws_call *call);

/* stream_actions.c */
int aws_list_shards(struct aws_call *call);
int aws_describe_stream(struct aws_call *call);
int aws_list_streams(struct aws_call *call);
int aws_create_stream(struct aws_call *call);
int aws_delete_stream(struct aws_call *call);
int aws_update_max_record_size(struct aws_call *call);
int aws_split_shard(struct aws_call *call);
int aws_merge_shards(struct aws_call *call);

#endif
