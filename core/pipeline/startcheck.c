/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/startcheck.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "pipeline/keep.h"

/* GROUP is NULL for keys of the root. */
static struct orch_where where_of(
	const struct orch_config *config, const char *group, const char *name)
{
	struct orch_value *parent =
		group == NULL ? config->root : orch_value_get(config->root, group);
	const struct orch_value *key = orch_value_get(parent, name);

	if (key != NULL)
		return key->where;
	return parent != NULL ? parent->where : (struct orch_where){ config->file, 0 };
}

void orch_startcheck_cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash != NULL)
		slash[slash == path ? 1 : 0] = '\0';
}

/* What will be used is there, or can be made: one level, as the start does. */
static int check_state_dir(const char *path, struct orch_err *err)
{
	char parent[PATH_MAX];
	struct stat info;

	if (orch_path_stat(path, &info) == 0) {
		int rc = orch_file_check_dir(path, err);

		if (rc == ORCH_OK && orch_path_access(path, W_OK | X_OK) != 0)
			rc = orch_fail(err, ORCH_E_DENIED, "%s: %s", path, orch_errno_text(errno));
		return rc;
	}
	if (errno != ENOENT)
		return orch_fail(err, ORCH_E_INVALID, "%s: %s", path, orch_errno_text(errno));
	(void)snprintf(parent, sizeof(parent), "%s", path);
	orch_startcheck_cut_name(parent);
	if (orch_path_stat(parent, &info) == 0 && !S_ISDIR(info.st_mode))
		errno = ENOTDIR;
	else if (orch_path_access(parent, W_OK | X_OK) == 0)
		return ORCH_OK;
	return orch_fail(err, ORCH_E_INVALID, "%s cannot be made in %s: %s", path, parent,
		orch_errno_text(errno));
}

bool orch_startcheck_state_dir(const struct orch_config *config, struct orch_config_errors *errors)
{
	const struct orch_value *key = orch_value_get(config->root, "state_dir");
	struct orch_text raw =
		key == NULL || key->kind != ORCH_VALUE_TEXT ? ORCH_TEXT_NONE : key->text;
	bool is_shell = memchr(raw.ptr, '$', raw.len) != NULL || (raw.len > 0 && raw.ptr[0] == '~');
	struct orch_err err;

	if (check_state_dir(config->state_dir.ptr, &err) == ORCH_OK)
		return true;
	orch_config_errors_add(errors, where_of(config, NULL, "state_dir"), ORCH_TEXT("state_dir"),
		"%s; must be a folder that this user can write to and nobody else, or one that can "
		"be "
		"made in a folder that is there%s",
		err.text,
		is_shell ? " (neither variables nor ~ are expanded; write the path out)" : "");
	return false;
}

/* A credential that could not be loaded has been told. */
static bool is_key_loaded(const struct orch_config *config)
{
	orch_credential credential = orch_config_credential(config, config->store_key);

	return config->store_key.len == 0 ||
		(credential != 0 && !config->credentials[credential - 1].failed &&
			config->credentials[credential - 1].from.len > 0);
}

static void check_beyond(const struct orch_config *config, struct orch_config_errors *errors)
{
	struct orch_err err;

	if (!config->failed.store && orch_keep_check_dsn(config, &err) != ORCH_OK)
		orch_config_errors_add(errors, where_of(config, "store", "dsn"),
			ORCH_TEXT("store.dsn"), "%s", err.text);
	if (!config->failed.queue && orch_keep_check_queue(config, &err) != ORCH_OK)
		orch_config_errors_add(errors, where_of(config, "queue", "driver"),
			ORCH_TEXT("queue"), "%s", err.text);
}

void orch_startcheck_keep(
	const struct orch_config *config, bool has_folder, struct orch_config_errors *errors)
{
	bool is_named = config->store_key.len > 0;
	struct orch_where where =
		is_named ? where_of(config, "store", "key") : where_of(config, NULL, "state_dir");
	struct orch_err err;

	if (is_key_loaded(config) && (is_named || has_folder) &&
		orch_keep_check_key(config, &err) != ORCH_OK)
		orch_config_errors_add(errors, where,
			is_named ? ORCH_TEXT("store.key") : ORCH_TEXT("state_dir"), "%s", err.text);
	if (has_folder && orch_keep_check_database(config, &err) != ORCH_OK)
		orch_config_errors_add(errors, where_of(config, NULL, "state_dir"),
			ORCH_TEXT("state_dir"), "%s; must be this program's, or not be there",
			err.text);
	check_beyond(config, errors);
}

static void check_listen(const struct orch_config *config, const char *name,
	struct orch_text listen, struct orch_config_errors *errors)
{
	struct orch_text address;
	struct orch_err err;
	uint16_t port;

	/* What cannot be parsed was told. */
	if (listen.len == 0 || orch_config_parse_listen(listen, &address, &port, &err) != ORCH_OK ||
		orch_http_listen_check(listen.ptr, &err) == ORCH_OK)
		return;
	orch_config_errors_add(errors, where_of(config, "http", name),
		orch_arena_printf(config->arena, "http.%s", name),
		"%s; must be an address of this machine, or \"*:%u\" for all of them", err.text,
		(unsigned)port);
}

static void check_certificate(struct orch_plan *plan, struct orch_config_errors *errors)
{
	const struct orch_config *config = plan->config;
	const struct orch_config_listen *http = &config->http;
	struct orch_err err;

	if (http->certificate.len == 0 || http->key.len == 0 ||
		orch_path_access(http->certificate.ptr, R_OK) != 0 ||
		orch_path_access(http->key.ptr, R_OK) != 0)
		return;
	if (orch_tls_load(http->certificate.ptr, http->key.ptr, &plan->tls, &err) != ORCH_OK)
		orch_config_errors_add(errors, where_of(config, "http", "tls"),
			ORCH_TEXT("http.tls"),
			"%s; must be PEM files of a certificate and of its own key", err.text);
}

void orch_startcheck_net(struct orch_plan *plan, struct orch_config_errors *errors)
{
	const struct orch_config *config = plan->config;
	struct orch_err err;

	check_listen(config, "listen", config->http.address, errors);
	check_listen(config, "health", config->health_listen, errors);
	check_certificate(plan, errors);
	if (config->ca_file.len > 0 && orch_path_access(config->ca_file.ptr, R_OK) == 0 &&
		orch_tls_check_ca_file(config->ca_file.ptr, &err) != ORCH_OK)
		orch_config_errors_add(errors, where_of(config, "egress", "ca_file"),
			ORCH_TEXT("egress.ca_file"), "%s; must be a PEM file of certificates",
			err.text);
}
