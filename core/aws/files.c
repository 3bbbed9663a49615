/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

enum kind {
	CREDENTIALS, /* [NAME] */
	CONFIG,      /* [profile NAME] or [default] */
	SERVICES,    /* [services NAME] */
};

/* What is looked for: KEY of a section, or INNER below a KEY that has no value of its own. */
struct wanted {
	enum kind kind;
	struct orch_text name;
	const char *key, *inner; /* KEY NULL: the section itself */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Cuts the first word off TEXT. */
static struct orch_text take_word(struct orch_text *text)
{
	struct orch_text word = *text;

	word.len = 0;
	while (word.len < text->len && !is_space(text->ptr[word.len]))
		word.len++;
	text->ptr += word.len;
	text->len -= word.len;
	*text = orch_text_trim(*text);
	return word;
}

/* LINE is "[…]"; what stands behind the bracket is a comment at most. */
static bool is_section(const struct wanted *wanted, struct orch_text line)
{
	const char *end = memchr(line.ptr, ']', line.len);
	struct orch_text name, rest;

	if (!end)
		return false;
	name = orch_text_trim((struct orch_text){ line.ptr + 1, (size_t)(end - line.ptr) - 1 });
	if (wanted->kind == CREDENTIALS)
		return orch_text_equal(name, wanted->name);
	if (wanted->kind == CONFIG && orch_text_is(name, "default"))
		return orch_text_is(wanted->name, "default");
	rest = name;
	if (!orch_text_is(take_word(&rest), wanted->kind == CONFIG ? "profile" : "services"))
		return false;
	return orch_text_equal(rest, wanted->name);
}

static bool split_line(
	struct orch_text line, struct orch_text *ret_key, struct orch_text *ret_value)
{
	const char *equals = memchr(line.ptr, '=', line.len);

	if (!equals)
		return false;
	*ret_key = orch_text_trim((struct orch_text){ line.ptr, (size_t)(equals - line.ptr) });
	*ret_value = orch_text_trim(
		(struct orch_text){ equals + 1, (size_t)(line.ptr + line.len - equals) - 1 });
	for (size_t i = 1; i < ret_value->len; i++) {
		if (strchr("#;", ret_value->ptr[i]) && is_space(ret_value->ptr[i - 1]))
			*ret_value = orch_text_trim((struct orch_text){ ret_value->ptr, i });
	}
	return true;
}

static bool is_key(struct orch_text key, const char *name)
{
	return name && orch_text_equal_nocase(key, orch_text_from(name));
}

static struct orch_text without_end(struct orch_text line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

struct scan {
	const struct wanted *wanted;
	struct orch_text parent; /* the key that inner lines belong to */
	struct orch_text value;
	bool is_within, is_found;
};

static void take_section(struct scan *scan, struct orch_text line)
{
	scan->is_within = is_section(scan->wanted, line);
	scan->is_found |= scan->is_within && !scan->wanted->key;
	scan->parent = ORCH_TEXT_NONE;
}

/* The last one counts. */
static void take_setting(struct scan *scan, struct orch_text line, bool is_inner)
{
	const struct wanted *wanted = scan->wanted;
	struct orch_text key, value;

	if (!scan->is_within || !split_line(line, &key, &value))
		return;
	if (!is_inner)
		scan->parent = key;
	if (!is_key(scan->parent, wanted->key) || is_inner != (wanted->inner != NULL))
		return;
	if (is_inner && !is_key(key, wanted->inner))
		return;
	scan->value = value;
	scan->is_found = true;
}

static bool look_up(struct orch_text file, const struct wanted *wanted, struct orch_text *ret_value)
{
	struct scan scan = { .wanted = wanted, .parent = ORCH_TEXT_NONE, .value = ORCH_TEXT_NONE };
	struct orch_text rest = file, line;

	while (orch_text_split(&rest, '\n', &line)) {
		bool is_inner = line.len > 0 && is_space(line.ptr[0]);

		line = orch_text_trim(without_end(line));
		if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
			continue;
		if (line.ptr[0] == '[' && !is_inner)
			take_section(&scan, line);
		else
			take_setting(&scan, line, is_inner);
	}
	*ret_value = scan.value;
	return scan.is_found;
}

bool orch_aws_files_has_profile(const struct orch_aws_files *files, struct orch_text profile)
{
	const struct wanted in_config = { .kind = CONFIG, .name = profile };
	const struct wanted in_credentials = { .kind = CREDENTIALS, .name = profile };
	struct orch_text unused;

	return look_up(files->config, &in_config, &unused) ||
		look_up(files->credentials, &in_credentials, &unused);
}

struct orch_text orch_aws_files_find(
	const struct orch_aws_files *files, struct orch_text profile, const char *key)
{
	const struct wanted in_config = { .kind = CONFIG, .name = profile, .key = key };
	const struct wanted in_credentials = { .kind = CREDENTIALS, .name = profile, .key = key };
	struct orch_text value = ORCH_TEXT_NONE;

	(void)look_up(files->credentials, &in_credentials, &value);
	if (value.len == 0)
		(void)look_up(files->config, &in_config, &value);
	return value;
}

struct orch_text orch_aws_files_find_endpoint(
	const struct orch_aws_files *files, struct orch_text profile, const char *service)
{
	struct wanted wanted = { .kind = SERVICES, .key = service, .inner = "endpoint_url" };
	struct orch_text value = ORCH_TEXT_NONE;

	wanted.name = orch_aws_files_find(files, profile, "services");
	if (wanted.name.len > 0)
		(void)look_up(files->config, &wanted, &value);
	return value;
}

/* What VARIABLE names, or NAME in ~/.aws; NULL: there is no home. */
static const char *path_of(const struct orch_aws_files *files, const struct orch_aws_env *env,
	enum orch_aws_variable variable, const char *name)
{
	struct orch_text path = env->values[variable], home = env->values[ORCH_AWS_ENV_HOME];

	if (path.len > 0 && !orch_text_starts_with(path, ORCH_TEXT("~/")))
		return path.ptr;
	if (home.len == 0)
		return NULL;
	if (path.len > 0)
		return orch_arena_printf(files->arena, "%.*s%s", ORCH_TEXT_ARG(home), path.ptr + 1)
			.ptr;
	return orch_arena_printf(files->arena, "%.*s/.aws/%s", ORCH_TEXT_ARG(home), name).ptr;
}

/* At the usual place it may be somebody else's. */
static int read_one(struct orch_aws_files *files, const char *path, bool is_named,
	struct orch_text *ret_text, struct orch_err *err)
{
	struct orch_err why = { "" };
	int code;

	if (!path || (orch_path_access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)))
		return ORCH_OK;
	code = orch_file_read_regular(path, ORCH_AWS_FILE_BYTES, files->arena, ret_text, &why);
	if (code == ORCH_E_DENIED && !is_named)
		return ORCH_OK;
	return code == ORCH_OK ? ORCH_OK : orch_fail(err, code, "%s", why.text);
}

int orch_aws_files_read(
	struct orch_aws_files *files, const struct orch_aws_env *env, struct orch_err *err)
{
	int code;

	*files = (struct orch_aws_files){ .arena = orch_arena_create(0),
		.config = ORCH_TEXT_NONE,
		.credentials = ORCH_TEXT_NONE };
	if (!files->arena)
		return orch_fail(err, ORCH_E_NOMEM, "out of memory");
	files->config_path = path_of(files, env, ORCH_AWS_ENV_CONFIG_FILE, "config");
	files->credentials_path = path_of(files, env, ORCH_AWS_ENV_CREDENTIALS_FILE, "credentials");
	code = orch_arena_failed(files->arena) ? orch_fail(err, ORCH_E_NOMEM, "out of memory")
					       : ORCH_OK;
	if (code == ORCH_OK)
		code = read_one(files, files->config_path,
			env->values[ORCH_AWS_ENV_CONFIG_FILE].len > 0, &files->config, err);
	if (code == ORCH_OK)
		code = read_one(files, files->credentials_path,
			env->values[ORCH_AWS_ENV_CREDENTIALS_FILE].len > 0, &files->credentials,
			err);
	if (code != ORCH_OK)
		orch_aws_files_fini(files);
	return code;
}

static void wipe(struct orch_text text)
{
	if (text.len > 0)
		explicit_bzero((char *)(uintptr_t)text.ptr, text.len);
}

void orch_aws_files_fini(struct orch_aws_files *files)
{
	wipe(files->config);
	wipe(files->credentials);
	orch_arena_destroy(files->arena);
	*files = (struct orch_aws_files){ .arena = NULL };
}
