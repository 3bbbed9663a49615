/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon's services over plain HTTPS: who we are (credentials, found and kept
 * fresh as the SDKs do), where they are (region, endpoint), and calls of the
 * AWS JSON protocols: signed (Signature Version 4), sent, judged and retried.
 *
 * An account is shared by all lanes; each lane has a client of its own for
 * each service.  Nothing waits.
 */
#ifndef ORCH_AWS_H
#define ORCH_AWS_H
#include <json-c/json.h>
#include <orch/abi.h>
#include "base/check.h"
#include "base/secret.h"
#include "net/http_client.h"
#include "net/lane.h"

#define ORCH_AWS_TIMEOUT_MS 10000
#define ORCH_AWS_ANSWER_BYTES \
	(12 * 1024 * 1024) /* at most: ten messages of 1 MiB, and some escapes */

struct orch_aws;
struct orch_aws_client;

enum orch_aws_service { ORCH_AWS_SQS = 0, ORCH_AWS_KINESIS };

/* All may be empty or NULL: then AWS's own environment variables and files count. */
struct orch_aws_options {
	enum orch_aws_service service; /* whose endpoint variables count */
	struct orch_text region, endpoint, profile;
	struct orch_text access_key_id;
	const struct orch_secret *secret_access_key, *session_token;
	const char *ca_file; /* NULL: the system's */
};

/*
 * On LANE's own thread (the main one) or before it runs; OPTIONS are copied.
 * Region and endpoint are settled here: an error says what is missing.
 * Credentials are looked for here, too; what can never give any is an error.
 * Those that are not on this machine are asked for in the background, and
 * refreshed there before they expire; calls wait for the first ones.
 */
ORCH_MUST_USE int orch_aws_create(const struct orch_aws_options *options, struct orch_lane *lane,
	struct orch_aws **ret_aws, struct orch_err *err);
/*
 * What of that would fail, asking nobody: credentials that are not on this
 * machine are taken to be there.  With PLACE_ONLY they are not looked for at all.
 */
ORCH_MUST_USE int orch_aws_check(
	const struct orch_aws_options *options, bool place_only, struct orch_err *err);
/* After its clients, on its lane or after that has ended; accepts NULL. */
void orch_aws_destroy(struct orch_aws *aws);
struct orch_text orch_aws_region(const struct orch_aws *aws);
struct orch_text orch_aws_endpoint(const struct orch_aws *aws); /* "https://host[:port]" */
/* Odd, but no error: a sentence for the log; empty: nothing is. */
struct orch_text orch_aws_warning(const struct orch_aws *aws);
/* Has it credentials that have not expired?  Else ERR says why not.  From any thread. */
bool orch_aws_is_ready(struct orch_aws *aws, struct orch_err *err);

/* What became of a call, by what is to be done about it (error.c has the codes). */
enum orch_aws_failure {
	ORCH_AWS_FINE = 0,
	ORCH_AWS_THROTTLED,   /* slow down: fewer calls at once */
	ORCH_AWS_TRANSIENT,   /* nobody knows whether it took effect; it may be sent again */
	ORCH_AWS_CREDENTIALS, /* ours are not accepted, or there are none */
	ORCH_AWS_LEASE,       /* of SQS: the receipt handle counts no more */
	ORCH_AWS_SETTING, /* no such queue, no permission: again in a while, and somebody must see to it */
	ORCH_AWS_PAYLOAD, /* this very content will never be taken */
	ORCH_AWS_BUG,     /* a request that the service does not understand */
};

struct orch_aws_call {
	/* set by the caller; lent until DONE */
	const char *action;    /* "SendMessageBatch" */
	struct orch_text body; /* JSON */
	uint64_t timeout_ms;   /* of one attempt; 0: TIMEOUT_MS; longer than a long poll */
	bool is_poll; /* a receive: what might be mended by another try is told after a backoff, always */
	bool once; /* one attempt: the caller knows better when to try again */
	void (*done)(struct orch_aws_call *call);
	void *user;

	/* for DONE; texts are lent until it returns */
	enum orch_aws_failure failure;
	int status;               /* of HTTP; 0: no answer */
	struct orch_text answer;  /* JSON, whole and well-formed if FINE; an empty one is "{}" */
	struct json_object *json; /* the same, an object; NULL unless FINE */
	char error[96];           /* the service's code, without its name space; empty: none */
	struct orch_err err;      /* what went wrong, in words; no secrets */
	unsigned attempts;

	void *private_part[40]; /* the client's; zeroed at first */
};

/* On LANE's own thread or before it runs.  HTTP is lent and must outlive the client. */
ORCH_MUST_USE int orch_aws_client_create(struct orch_aws *aws, enum orch_aws_service service,
	struct orch_lane *lane, struct orch_http_client *http, struct orch_aws_client **ret_client,
	struct orch_err *err);
/* Calls that are left are cancelled: their DONE does not run.  A DONE may ask for this; accepts NULL. */
void orch_aws_client_destroy(struct orch_aws_client *client);

/*
 * At most three attempts (AWS_MAX_ATTEMPTS), within the client's retry quota,
 * each signed anew; DONE always runs, later, on the client's lane.  Beyond that
 * the caller tries for ever: data may be stuck, it is never dropped.
 */
void orch_aws_call(struct orch_aws_client *client, struct orch_aws_call *call);
/* DONE does not run any more. */
void orch_aws_cancel(struct orch_aws_call *call);

/* The class of a code as a service gives it, for entries of a batch; STATUS 0 if unknown. */
enum orch_aws_failure orch_aws_judge(struct orch_text error, int status);
/* The same with the service's MESSAGE, which tells some codes' meanings apart. */
enum orch_aws_failure orch_aws_judge_entry(
	struct orch_text error, struct orch_text message, int status);

#endif
