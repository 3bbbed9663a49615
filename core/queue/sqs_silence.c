/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether SQS says anything at all, over all lanes, queues and uses.  One call
 * without an answer is no matter; it is told when for a while there was none.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "queue/sqs.h"

#define SILENT_MS 10000 /* nothing has come for so long, */
#define SILENT_CALLS 2  /* and so many calls in a row got no answer */

void orch_sqs_silence_begin(struct orch_queue_sqs *queue)
{
	atomic_store(&queue->answered_ms, orch_clock_mono_ms());
	atomic_store(&queue->unanswered, 0);
}

/* What is said stays the same while it lasts: the words of the first. */
static void note_silence(struct orch_queue_sqs *queue, const char *why)
{
	pthread_mutex_lock(&queue->mutex);
	if (atomic_fetch_add(&queue->unanswered, 1) == 0)
		(void)snprintf(queue->silence, sizeof(queue->silence), "%s", why);
	pthread_mutex_unlock(&queue->mutex);
}

void orch_sqs_silence_note(struct orch_queue_sqs *queue, const struct orch_aws_call *call)
{
	if (call->status > 0)
		orch_sqs_silence_begin(queue);
	else if (call->failure == ORCH_AWS_TRANSIENT)
		note_silence(queue, call->err.text);
}

bool orch_sqs_is_silent(struct orch_queue_sqs *queue, struct orch_err *err)
{
	uint64_t now = orch_clock_mono_ms(), answered = atomic_load(&queue->answered_ms);

	if (atomic_load(&queue->unanswered) < SILENT_CALLS || now < answered + SILENT_MS)
		return false;
	pthread_mutex_lock(&queue->mutex);
	(void)orch_fail(err, ORCH_E_AGAIN, "SQS cannot be reached: %s", queue->silence);
	pthread_mutex_unlock(&queue->mutex);
	return true;
}
