/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ORCH_INPUT_H
#define ORCH_INPUT_H
#include <orch/event.h>

/* How bytes reach an input.  The core owns the transport; the configuration chooses among those offered. */
enum orch_transport {
	ORCH_HTTP = 1,      /* a request to the instance's path */
	ORCH_QUEUE = 2,     /* a message of a queue that others fill (SQS) */
	ORCH_LINES = 4,     /* a line of a file, a followed file or standard input */
	ORCH_WEBSOCKET = 8, /* a frame of a connection that we opened */
};

/* One thing that came in, as it came. */
struct orch_arrival {
	uint32_t size;
	uint32_t transport;                     /* enum orch_transport, one of them */
	struct orch_text method, path, headers; /* HTTP only; "Name: value\n" each */
	struct orch_text body;                  /* the bytes, untouched */
	uint64_t number;                        /* of the line, from 1 */
	uint64_t received_ms;
};

/* What goes back, once all that was emitted is safely committed. */
struct orch_answer {
	uint32_t size;
	int32_t status; /* HTTP, 200 to 599; else the core's choice by the returned code */
	struct orch_text media_type; /* "text/plain; charset=utf-8"; empty or anything else: JSON */
	struct orch_text
		body; /* or the frame to send; at most 4 KiB, copied when the hook returns */
};

struct orch_input_ops {
	uint32_t size;
	uint32_t transports; /* those that it understands, or-ed; HTTP carries POST only */

	int (*create)(const struct orch_host *host, const void *settings, void **ret_self,
		struct orch_err *err);

	/*
	 * Turns one arrival into no, one or many events.
	 *
	 * Called on an intake lane.  Returns ORCH_OK; ORCH_E_DENIED if it is not
	 * authentic (HTTP 401); ORCH_E_INVALID if it makes no sense (HTTP 422; a
	 * queue's message is dropped and counted); ORCH_E_LIMIT if it is more than
	 * the input takes (HTTP 413); ORCH_E_AGAIN and any other code to have it
	 * delivered again (HTTP 503).  On an error nothing that was emitted stays.
	 */
	int (*receive)(void *self, const struct orch_arrival *arrival, struct orch_sink *sink,
		struct orch_answer *answer, struct orch_err *err);

	/* Optional.  Asks where to connect; the reply's answer is the URL, put in progress->memo. */
	int (*connect)(void *self, struct orch_progress *progress, const struct orch_reply *reply,
		struct orch_request *request, struct orch_err *err);

	/*
	 * Optional.  Completes an event before it is scanned: looks up and
	 * downloads files.  Called on a scan lane, by another instance than the
	 * one that received.  May emit() the one event anew to replace it (the
	 * parts already fetched stay), and mark() parts.  An error other than
	 * ORCH_E_AGAIN makes every announced part unavailable; the scan goes on.
	 */
	int (*gather)(void *self, const struct orch_event *event, struct orch_progress *progress,
		const struct orch_reply *reply, struct orch_request *request,
		struct orch_sink *sink, struct orch_err *err);

	void (*destroy)(void *self); /* accepts NULL */
};
#endif
