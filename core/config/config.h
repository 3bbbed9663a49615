/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked configuration: what stands in orchestrator.cfg, converted, with
 * defaults filled in and references resolved as far as they do not need the
 * plugins (plugin/settings.h does the plugins' own keys, pipeline/ the rest).
 *
 * Everything lives in the configuration's arena; it is immutable once built.
 */
#ifndef ORCH_CONFIG_H
#define ORCH_CONFIG_H
#include <orch/action.h>
#include <orch/input.h>
#include "config/value.h"
#include "net/egress.h"

enum orch_kind { ORCH_KIND_INPUT = 0, ORCH_KIND_TOOL, ORCH_KIND_ACTION };
enum orch_on_error { ORCH_ON_ERROR_HOLD = 0, ORCH_ON_ERROR_PASS, ORCH_ON_ERROR_RETRY };
enum orch_mode { ORCH_MODE_QUEUED = 0, ORCH_MODE_DIRECT };

/* One block of inputs, tools or actions. */
struct orch_config_instance {
	enum orch_kind kind;
	struct orch_where where;
	struct orch_text name;
	struct orch_text plugin;     /* empty: it could not be read, which was said */
	struct orch_value *block;    /* with the plugin's own keys; the core's are marked used */
	uint32_t transport;          /* inputs: enum orch_transport */
	struct orch_text path;       /* inputs by HTTP */
	enum orch_on_error on_error; /* tools */
	uint64_t timeout_ms;         /* of one request of this instance: "timeout", 30s */
	uint32_t attempts;  /* tries before a task or an event is given up: "attempts", 10 */
	uint32_t in_flight; /* tasks of this action at once and lane: "in_flight", 256 */
	bool failed;        /* something is wrong with its block, and was said */
};

/* What a policy rule asks; an absent condition is always true. */
struct orch_config_when {
	struct orch_text tool; /* empty: any; only findings of this instance count */
	struct orch_text rule; /* empty: any; by rule id or name */
	int severity;          /* at least; -1: any */
	uint32_t findings;     /* at least so many that fit tool, rule and severity; 0: not asked */
	struct orch_text field;  /* empty: not asked; the event's field … */
	struct orch_list equals; /* … is one of these */
	struct orch_text type;   /* the event's type; empty: any */
	struct orch_text
		record; /* empty: the rule is about the event; else about each record of this type ("*": any) */
	bool uninspected; /* some part could not be inspected */
};

struct orch_config_policy {
	struct orch_where where;
	struct orch_config_when when;
	enum orch_verdict verdict;
	uint32_t *actions; /* indexes into the configuration's actions */
	size_t action_count;
	bool go_on;  /* "continue = true": later rules are looked at as well */
	bool failed; /* what it asks could not be read, which was said */
};

struct orch_config_pipeline {
	struct orch_where where;
	struct orch_text name;
	uint32_t *inputs, *tools; /* indexes */
	size_t input_count, tool_count;
	bool inputs_failed, tools_failed; /* not all that it names is known to be what was meant */
	enum orch_mode mode;
	bool enforce;
	struct orch_config_policy *policy;
	size_t policy_count;
};

enum orch_source { ORCH_SOURCE_ENV = 0, ORCH_SOURCE_FILE, ORCH_SOURCE_SYSTEMD };

struct orch_config_credential {
	struct orch_where where;
	struct orch_text name;
	enum orch_source source;
	struct orch_text
		from; /* variable, path, or name in $CREDENTIALS_DIRECTORY ("systemd = …") */
	bool failed;  /* it was loaded and could not be */
};

struct orch_config_listen {
	struct orch_text address; /* empty: none */
	struct orch_text certificate, key;
	struct orch_list proxies; /* CIDR */
	uint32_t connections, connections_per_address;
};

/* An account at Amazon's, as queue and each of accounts name one. */
struct orch_config_aws {
	struct orch_text region, endpoint, profile; /* empty: AWS's own variables and files count */
	struct orch_text access_key_id;
	struct orch_text secret_access_key, session_token; /* credentials; may be empty */
};

/* accounts = ( { name = "…"; … } ), for the requests of plugins */
struct orch_config_account {
	struct orch_where where;
	struct orch_text name;
	struct orch_config_aws aws;
	bool failed; /* something is wrong with it, and was said */
};

/* queue = { driver = "sqs"; … } */
struct orch_config_sqs {
	struct orch_config_aws aws;
	struct orch_text prefix; /* of the queues' names; "orch-" */
	uint32_t batch;          /* messages of one request, both ways; 10 */
	uint64_t wait_ms;        /* of a long poll; 20s */
	uint32_t receivers;      /* polls at once, of one queue and lane, at most; 4 */
	uint64_t inline_bytes;   /* larger bodies stay in the store; 64k */
	bool create;             /* queues that are not there are made */
	bool fair;               /* a message's tenant is its MessageGroupId; true */
};

/* store = { driver = "postgres"; … } */
struct orch_config_postgres {
	struct orch_text dsn;
	struct orch_text password; /* a credential; may be empty */
	bool migrate;              /* the start brings the schema up to date */
};

/* What could not be read, which was said: of what refers to it no more is said. */
struct orch_config_failed {
	bool inputs, tools, actions, pipelines, credentials, accounts, plugins, egress, queue,
		store;
};

struct orch_config {
	struct orch_arena *arena;
	const char *file;
	struct orch_value *root;
	char digest[17]; /* of the files' text: says which is in force */
	struct orch_config_failed failed;
	struct orch_text state_dir;
	struct orch_config_listen http, console;
	struct orch_text
		health_listen; /* http.health: metrics and probes on a listener of their own */
	uint32_t threads_intake, threads_scan, threads_act;
	uint64_t drain_ms;
	struct orch_list rules; /* files, absolute */
	struct orch_text queue_driver,
		store_driver; /* "sqlite" both, or "sqs" and "postgres"; empty: none that there is */
	uint64_t reserve_bytes; /* store.reserve, 64M: free disk below which intake answers 503 */
	struct orch_text store_key; /* store.key: a credential; empty: state_dir/store.key */
	struct orch_config_sqs sqs;
	struct orch_config_postgres postgres;
	uint64_t lease_ms; /* queue.visibility, 60s */
	uint32_t
		receives; /* queue.receives, 20: deliveries before the dead letters, whatever happened */
	struct orch_list plugin_path;  /* folders, absolute */
	struct orch_text ca_file;      /* egress.ca_file */
	enum orch_log_level log_level; /* log = { level; format; } */
	bool log_json;

	/* limits = { … }, each with its default */
	uint64_t body_bytes;   /* 1M: one HTTP arrival */
	uint64_t bodies_bytes; /* 64M: all HTTP arrivals under way that are larger than 16 KiB */
	uint64_t part_bytes;   /* 64M: one gathered part */
	uint64_t gather_bytes; /* 256M: all gathered parts of one event */
	uint32_t events;       /* 100: of one arrival */
	uint32_t parts;        /* 200: of one event */
	uint32_t fields;       /* 200 */
	uint32_t findings;     /* 1000: of one event */
	uint32_t records;      /* 1000: of one event */
	uint32_t requests;     /* 50: of one hook's sequence */
	uint64_t hook_ms;      /* 2s: a hook that takes longer is logged and counted */
	uint32_t scans;        /* 64: events at once and scan lane */

	struct orch_egress egress; /* secrets by orch_config_load_credentials() */
	const struct orch_config_credential *credentials;
	size_t credential_count;
	const struct orch_config_account *accounts;
	size_t account_count;
	struct orch_config_instance *inputs, *tools, *actions;
	size_t input_count, tool_count, action_count;
	struct orch_config_pipeline *pipelines;
	size_t pipeline_count;
};

/*
 * Reads and converts FILE.  The configuration is given even when ERRORS is
 * not empty afterwards (as far as it could be read), NULL only without memory
 * or on a syntax error.  ERRORS is initialised by the caller, with an arena of
 * the caller's.
 */
struct orch_config *orch_config_read(const char *file, struct orch_config_errors *errors);
/* What only those need who run pipelines: that there is one. */
void orch_config_check_run(const struct orch_config *config, struct orch_config_errors *errors);
void orch_config_destroy(struct orch_config *config); /* accepts NULL; wipes the secrets */

/* Loads every secret; what cannot be had is an error that says where it was looked for. */
void orch_config_load_credentials(struct orch_config *config, struct orch_config_errors *errors);
orch_credential orch_config_credential(
	const struct orch_config *config, struct orch_text name); /* 0: unknown */

/* NULL: NAME is empty, or it could not be loaded, which was said. */
const struct orch_secret *orch_config_secret(
	const struct orch_config *config, struct orch_text name);
orch_account orch_config_account(
	const struct orch_config *config, struct orch_text name); /* 0: unknown */

/* Says of every key of the tree that nobody has used that it is unknown, with the nearest of NAMES of its block. */
void orch_config_refuse_unknown(struct orch_value *group, struct orch_text path,
	const char *const *names, size_t count, struct orch_config_errors *errors);

/* Where plugins are looked for if plugins.path says nothing: beside the program, and in the system. */
struct orch_list orch_config_plugin_path(struct orch_arena *arena);

/* FILE as named in the file at WHERE: absolute, in ARENA. */
struct orch_text orch_config_file(
	struct orch_arena *arena, struct orch_where where, struct orch_text file);

/* "address:port" as the server takes it.  The texts are lent from TEXT. */
ORCH_MUST_USE int orch_config_parse_listen(struct orch_text text, struct orch_text *ret_address,
	uint16_t *ret_port, struct orch_err *err);

/* An origin of a URL option, so that credentials may go to its port (net/egress.h). */
ORCH_MUST_USE int orch_config_add_origin(struct orch_config *config, const struct orch_url *url);

#endif
