/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the configuration's reading share: tables of keys, places, names.  Private to config/. */
#ifndef ORCH_CONFIG_READER_H
#define ORCH_CONFIG_READER_H
#include "config/config.h"
#include "config/convert.h"

#define ORCH_CONFIG_ITEMS_MAX 256 /* of each list of blocks */
#define ORCH_CONFIG_NAME_BYTES 48
#define ORCH_CONFIG_PATH_BYTES 3000 /* of a file's name */

struct orch_reader {
	struct orch_config *config;
	struct orch_arena *arena; /* the configuration's */
	struct orch_config_errors *errors;
};

enum orch_key_type {
	ORCH_KEY_OTHER = 0, /* known, but read by its own code */
	ORCH_KEY_TEXT,      /* struct orch_text, not empty */
	ORCH_KEY_BOOL,      /* bool */
	ORCH_KEY_COUNT,     /* uint32_t within min and max */
	ORCH_KEY_MS,        /* uint64_t within min and max */
	ORCH_KEY_BYTES,     /* uint64_t within min and max */
	ORCH_KEY_CHOICE,    /* an enum: the index in choices */
	ORCH_KEY_TEXTS,     /* struct orch_list */
	ORCH_KEY_PATH,      /* struct orch_text, made absolute */
	ORCH_KEY_PATHS,     /* struct orch_list, each made absolute */
};

/* One key of a block.  Tables end with a row whose name is NULL. */
struct orch_key {
	const char *name;
	enum orch_key_type type;
	size_t offset;        /* in the struct that the block becomes */
	const char *fallback; /* as written in the file; NULL: the zero value */
	const char *choices;
	uint64_t min, max;
	const char *example; /* not NULL: the key is required, and this is how it looks */
};

/* The keys of an account at Amazon's, a struct orch_config_aws at the offset BASE. */
#define ORCH_AWS_KEY(word, base)                                          \
	{                                                                 \
		.name = #word, .type = ORCH_KEY_TEXT,                     \
		.offset = (base) + offsetof(struct orch_config_aws, word) \
	}
#define ORCH_AWS_KEYS(base)                                                                    \
	ORCH_AWS_KEY(region, base), ORCH_AWS_KEY(endpoint, base), ORCH_AWS_KEY(profile, base), \
		ORCH_AWS_KEY(access_key_id, base), ORCH_AWS_KEY(secret_access_key, base),      \
		ORCH_AWS_KEY(session_token, base)

/* Reads the keys of GROUP (NULL: the fallbacks) into BASE; what is wrong keeps its fallback. */
void orch_reader_keys(struct orch_reader *reader, struct orch_value *group, struct orch_text path,
	const struct orch_key *keys, void *base);
/* Every key of GROUP that is not in KEYS is an error. */
void orch_reader_refuse_unknown(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, const struct orch_key *keys);

/* A member that must be a group; NULL if it is absent or wrong. */
struct orch_value *orch_reader_group(struct orch_reader *reader, struct orch_value *parent,
	struct orch_text path, const char *name, const char *example);
/*
 * A member that must be a list of at most ORCH_CONFIG_ITEMS_MAX groups; NULL if
 * it is absent or wrong, which *ret_failed, if it is not NULL, tells apart.
 */
struct orch_value *orch_reader_blocks(struct orch_reader *reader, struct orch_value *parent,
	struct orch_text path, const char *name, bool *ret_failed);

/* "PATH.NAME"; NAME alone if PATH is empty. */
struct orch_text orch_reader_path(
	struct orch_reader *reader, struct orch_text path, const char *name);
/* "LIST.NAME" of a block that has a name, else "LIST[2]". */
struct orch_text orch_reader_block_path(
	struct orch_reader *reader, const char *list, const struct orch_value *block, size_t index);
/* Where the member NAME of GROUP stands; where GROUP stands if it is not there. */
struct orch_where orch_reader_where(const struct orch_value *group, const char *name);

/* What a list of names refers to. */
struct orch_reference {
	const char *key;  /* of the block that names them */
	const char *kind; /* "input", "tool", "action" */
	const struct orch_config_instance *instances;
	size_t count;
	bool is_unread; /* what was meant may be among those that could not be read */
};
/* The indexes of those that BLOCK names; what there is not, or twice, is an error.  False: some are missing. */
bool orch_reader_references(struct orch_reader *reader, struct orch_value *block,
	struct orch_text path, const struct orch_reference *reference, uint32_t **ret_indexes,
	size_t *ret_count);

/* FILE as named in the file at WHERE: absolute. */
struct orch_text orch_reader_file(
	struct orch_reader *reader, struct orch_where where, struct orch_text file);

/* Letters, digits, "-" and "_", at most ORCH_CONFIG_NAME_BYTES; else an error. */
void orch_reader_check_name(struct orch_reader *reader, struct orch_where where,
	struct orch_text path, struct orch_text name);

/* An error if one before block INDEX of the LIST called KEY has its name. */
void orch_reader_check_double(
	struct orch_reader *reader, struct orch_value *list, const char *key, size_t index);

ORCH_PRINTF(4, 5)
void orch_reader_error(struct orch_reader *reader, struct orch_where where, struct orch_text path,
	const char *fmt, ...);

/* The blocks.  Each reads its part of the root. */
void orch_config_read_http(struct orch_reader *reader, struct orch_value *root);
void orch_config_read_credentials(struct orch_reader *reader, struct orch_value *root);
void orch_config_read_accounts(struct orch_reader *reader, struct orch_value *root);
void orch_config_read_instances(struct orch_reader *reader, struct orch_value *root);
void orch_config_read_pipelines(struct orch_reader *reader, struct orch_value *root);
void orch_config_read_policy(struct orch_reader *reader, struct orch_value *block,
	struct orch_text path, struct orch_config_pipeline *pipeline);
void orch_config_read_queue(struct orch_reader *reader, struct orch_value *root);
void orch_config_read_store(struct orch_reader *reader, struct orch_value *root);

/* The chosen driver's name; the first one if none is chosen; empty if there is no such one. */
struct orch_text orch_reader_driver(struct orch_reader *reader, struct orch_value *group,
	const char *path, const char *choices);
/* An error unless NAME, which stands under KEY of GROUP, is empty or a credential's. */
void orch_reader_check_credential(struct orch_reader *reader, const struct orch_value *group,
	struct orch_text path, const char *key, struct orch_text name);
/* What PATH's GROUP says of an account. */
void orch_reader_check_aws(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, const struct orch_config_aws *aws);
/* Each of KEYS that GROUP has is an error: it means nothing with DRIVER. */
void orch_reader_refuse_without(struct orch_reader *reader, struct orch_value *group,
	struct orch_text path, const char *const *keys, size_t count, const char *driver);

/* Says of every policy rule that can never match, and of a pipeline that leads nowhere, why. */
void orch_config_check_policy(struct orch_reader *reader, struct orch_text path,
	const struct orch_config_pipeline *pipeline);

#endif
