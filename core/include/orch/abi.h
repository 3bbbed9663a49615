/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between the orchestrator and a plugin.
 *
 * A plugin is a shared object that exports one constant, orch_plugin.  It
 * links against nothing of ours, opens no socket and holds no secret: it is
 * handed data, decides, and says what is to be done.  The core does it.
 *
 * Nothing allocated on one side is ever freed on the other.  What you are
 * handed is lent to you until your function returns (host and settings: until
 * destroy returns); what you hand over is copied before ours returns.
 *
 * One instance is never entered twice at once.  The core makes one instance
 * for each of its lanes, so instances must not share writable state.  Between
 * ORCH_SEND and its reply an instance is entered for other events and tasks:
 * what belongs to one of them goes into its progress, not into the instance.
 *
 * Compatibility: a plugin loads if its major number equals the core's and
 * its minor number is not greater.  Structures only grow at the end, and each
 * carries its own size, so that either side can tell what the other knows.
 *
 *   1.0  first release
 */
#ifndef ORCH_ABI_H
#define ORCH_ABI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ORCH_ABI_MAJOR 1u
#define ORCH_ABI_MINOR 0u

#define ORCH_EXPORT __attribute__((visibility("default")))
#define ORCH_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Does the other side's copy of *P reach as far as FIELD? */
#define ORCH_HAS(p, field) ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

/*
 * What a hook returns.  ORCH_SEND asks the core to send the request that was
 * filled in, and to call the hook again with the reply.
 */
#define ORCH_CODES(X)                                                 \
	X(AGAIN, -1, "try again later")                               \
	X(INVALID, -2, "the data or the configuration is not valid")  \
	X(LIMIT, -3, "a configured limit was reached")                \
	X(DENIED, -4, "not authentic, or refused by the remote side") \
	X(NOMEM, -5, "out of memory")                                 \
	X(INTERNAL, -6, "a bug")

enum {
	ORCH_OK = 0,
	ORCH_SEND = 1,
#define X(name, value, text) ORCH_E_##name = (value),
	ORCH_CODES(X)
#undef X
};

/* Why a call failed, in words for the operator: no secrets, no message text.  Owned by the caller. */
struct orch_err {
	char text[256];
};

/* Notes why, and returns CODE, so that a failing function ends in one line. */
ORCH_PRINTF(3, 4)
static inline int orch_fail(struct orch_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

/* Borrowed bytes.  ptr is never NULL in what the core hands out, and ptr[len] is always NUL. */
struct orch_text {
	const char *ptr;
	size_t len;
};

struct orch_list {
	const struct orch_text *items;
	size_t count;
};

enum orch_severity { ORCH_INFO = 0, ORCH_LOW, ORCH_MEDIUM, ORCH_HIGH, ORCH_CRITICAL };

enum orch_log_level {
	ORCH_LOG_DEBUG = 0,
	ORCH_LOG_INFO,
	ORCH_LOG_WARN,
	ORCH_LOG_ERROR,
	ORCH_LOG_ALERT, /* somebody must be woken up */
};

enum orch_option_type {
	ORCH_OPT_STRING = 1, /* const char *                                         */
	ORCH_OPT_BOOL,       /* bool                                                 */
	ORCH_OPT_INT,        /* int64_t, within .min and .max                        */
	ORCH_OPT_SIZE,       /* uint64_t bytes, "64k" "10M"; .min and .max in bytes  */
	ORCH_OPT_TIME,       /* uint64_t ms, "5s" "2m"; .min and .max in ms          */
	ORCH_OPT_CHOICE,     /* uint32_t, index into .choices "a|b|c"                */
	ORCH_OPT_LIST,       /* struct orch_list of texts                            */
	ORCH_OPT_CREDENTIAL, /* orch_credential: a name; the secret stays in the core */
	ORCH_OPT_TEMPLATE,   /* const struct orch_template *, checked at the start   */
	ORCH_OPT_URL,        /* const char *: an absolute http, https or smtp URL of a service */
	/*
	 * const char *: a path, made absolute by the core; a relative one lies beside
	 * the file that names it.  The words of .choices ("a|b") are taken as they are.
	 */
	ORCH_OPT_PATH,
	ORCH_OPT_ACCOUNT, /* orch_account: a name of `accounts`; its secrets stay in the core */
};

/*
 * One key that a plugin accepts in its block of orchestrator.cfg.  The core
 * checks and converts it and stores it at OFFSET of the settings handed to
 * create().  A key that is not in the table stops the start-up.
 */
struct orch_option {
	const char *name;
	uint32_t type; /* enum orch_option_type */
	uint32_t offset;
	const char *fallback; /* as written in the file; NULL: the key is required; "" for none */
	const char *choices;
	int64_t min, max; /* both 0: any */
	const char *help; /* one sentence: shown by `orchestrator plugin show` and in errors */
};

/* Names a secret that the core holds.  Only the core can read it.  0: none. */
typedef uint32_t orch_credential;

/* Names an account at Amazon's that the core knows: where it is and who we are there.  0: none. */
typedef uint32_t orch_account;

/*
 * What a plugin wants sent.  The core sends it without blocking anybody: it
 * pools connections, keeps to the rate limits, checks the address, and
 * attaches the credential only if the credential's own list of hosts allows
 * this one.  Redirects are not followed: the plugin sees the 3xx and decides.
 *
 * The method "LOG" writes BODY as one line to where URL says: "log:stderr",
 * "log:syslog", or "log:file/PATH" with the value of an ORCH_OPT_PATH option of
 * this very instance; nothing else of the request counts.  The reply's status
 * is 200 when the line is written; 0: not now (the disk is full, nobody reads),
 * it is to be tried again; -1: never (another file or place, no regular file).
 *
 * The method "AWS" calls a service of Amazon's by its JSON protocol, as ACCOUNT:
 * URL is "aws:kinesis/ACTION" ("aws:kinesis/PutRecords"; no other service is
 * known so far), BODY the JSON of the call; besides these only limit_key and
 * timeout_ms count.  The core knows the endpoint, signs (Signature Version 4),
 * corrects the clock, renews credentials that are refused, and tries three
 * times within its retry quota, so BODY may take effect more than once.  The
 * reply has the service's status and JSON.  A refusal has no body: its code
 * stands in the header X-Amzn-ErrorType, and its words in problem.
 */
struct orch_request {
	uint32_t size;
	struct orch_text
		method; /* "GET", "POST", …; "MAIL" for smtp://, with From: and To: among the headers */
	struct orch_text url;
	struct orch_text headers; /* "Name: value\n" each */
	struct orch_text body;
	orch_credential credential; /* 0: none */
	struct orch_text
		limit_key; /* requests with one key share a rate limit; a 429 pauses the key */
	bool repeatable;   /* sending it twice does no harm: the core may retry by itself */
	struct orch_text
		part; /* not empty: the reply's body becomes this part of the event; the reply shows its first 4 KiB */
	uint64_t max_bytes;   /* of the reply; 0: the configured default */
	uint64_t timeout_ms;  /* from first byte to last; 0: the configured default */
	orch_account account; /* for the method "AWS" */
};

struct orch_reply {
	uint32_t size;
	/*
	 * 0: no answer, try again later; -1: the core refused to send it (the
	 * address, the credential, a limit) and always will.  Why stands in problem.
	 */
	int32_t status;
	struct orch_text headers; /* "Name: value\n" each, as received */
	struct orch_text body;
	struct orch_text problem;
	uint64_t part_bytes; /* of the part that the body became */
	bool truncated; /* max_bytes was reached: the body or part holds only the first bytes */
};

/*
 * The progress of a hook that needs the network.  STEP and MEMO are the
 * plugin's to set; both are made durable before the next request is sent and
 * survive a retry and a restart, so that a sequence (delete, then post) goes
 * on where it stopped.  A hook that is entered without a reply (re)starts the
 * step that STEP names; RESUMED says that a request of that step may already
 * have been sent by an earlier try whose reply was lost.
 */
struct orch_progress {
	uint32_t size;
	uint32_t step;    /* 0 at first */
	uint32_t attempt; /* 1 at first */
	bool resumed;
	char memo[256]; /* NUL-terminated; empty at first */
};

struct orch_input_ops;
struct orch_tool_ops;
struct orch_action_ops;

struct orch_plugin {
	uint32_t abi_major; /* the three numbers come first: */
	uint32_t abi_minor; /* they say whether the rest     */
	uint32_t size;      /* may be read                   */

	uint32_t settings_size;
	const char *name; /* as in orchestrator.cfg; must equal the file's name */
	const char *version;
	const char *summary; /* one line, shown by `orchestrator plugin list` */

	const struct orch_option *options; /* ends with a row whose name is NULL; NULL: none */

	const struct orch_input_ops *input; /* exactly one of the three is set */
	const struct orch_tool_ops *tool;
	const struct orch_action_ops *action;
};

/* What a plugin defines, in C or in C++. */
#ifdef __cplusplus
extern "C"
#else
extern
#endif
	ORCH_EXPORT const struct orch_plugin orch_plugin;

#define ORCH_ABI \
	.abi_major = ORCH_ABI_MAJOR, .abi_minor = ORCH_ABI_MINOR, .size = sizeof(struct orch_plugin)

#endif
