/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of the credentials.  They pass through one buffer, which is wiped,
 * into locked memory; no error ever quotes one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/path.h"
#include "base/text.h"
#include "config/config.h"
#include "config/reader.h"

#define SECRET_BYTES (64 * 1024)

static int read_env(const char *name, char *bytes, size_t *ret_len, struct orch_err *err)
{
	switch (orch_secret_take_env(name, bytes, SECRET_BYTES + 1, ret_len)) {
	case ORCH_OK:
		return ORCH_OK;
	case ORCH_E_LIMIT:
		return orch_fail(err, ORCH_E_LIMIT,
			"the environment variable %.100s is too long; at most %d bytes", name,
			SECRET_BYTES);
	case ORCH_E_NOMEM:
		return orch_fail(err, ORCH_E_NOMEM,
			"no locked memory for the secret; raise the limit (ulimit -l)");
	default:
		return orch_fail(err, ORCH_E_INVALID,
			getenv(name) == NULL
				? "the environment variable %.100s is not set; export it before "
				  "the "
				  "start"
				: "the environment variable %.100s is empty; must hold the secret",
			name);
	}
}

static int check_file(int fd, const char *file, struct orch_err *err)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return orch_fail(err, ORCH_E_AGAIN, "%.100s: %s", file, orch_errno_text(errno));
	if (!S_ISREG(status.st_mode))
		return orch_fail(err, ORCH_E_INVALID,
			"%.100s is not a regular file; must be a file that holds the secret", file);
	if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
		return orch_fail(err, ORCH_E_DENIED,
			"%.100s has mode %04o, so others get at it; try: chmod 600", file,
			(unsigned)status.st_mode & 07777u);
	if (status.st_size > SECRET_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "%.100s is too large; at most %d bytes", file,
			SECRET_BYTES);
	return ORCH_OK;
}

static int read_open(int fd, const char *file, char *bytes, size_t *ret_len, struct orch_err *err)
{
	size_t length = 0;

	while (length <= SECRET_BYTES) {
		ssize_t got = read(fd, bytes + length, SECRET_BYTES + 1 - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return orch_fail(
				err, ORCH_E_AGAIN, "%.100s: %s", file, orch_errno_text(errno));
		if (got == 0)
			break;
		length += (size_t)got;
	}
	if (length > 0 && bytes[length - 1] == '\n')
		length--;
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	if (length == 0)
		return orch_fail(
			err, ORCH_E_INVALID, "%.100s is empty; must hold the secret", file);
	if (length > SECRET_BYTES)
		return orch_fail(err, ORCH_E_LIMIT, "%.100s is too large; at most %d bytes", file,
			SECRET_BYTES);
	*ret_len = length;
	return ORCH_OK;
}

static int read_file(const char *file, char *bytes, size_t *ret_len, struct orch_err *err)
{
	/* Not blocking: a pipe of that name must not hold up the start. */
	int fd = orch_path_open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	int rc;

	if (fd < 0)
		return orch_fail(err, ORCH_E_INVALID,
			"%.100s cannot be read: %s; must be a file that holds the secret", file,
			orch_errno_text(errno));
	rc = check_file(fd, file, err);
	if (rc == ORCH_OK)
		rc = read_open(fd, file, bytes, ret_len, err);
	(void)close(fd);
	return rc;
}

static int read_systemd(struct orch_config *config, const char *name, char *bytes, size_t *ret_len,
	struct orch_err *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	struct orch_text file;

	if (folder == NULL || folder[0] == '\0')
		return orch_fail(err, ORCH_E_INVALID,
			"$CREDENTIALS_DIRECTORY is not set; start by systemd with "
			"LoadCredential=%.100s:…",
			name);
	file = orch_arena_printf(config->arena, "%s/%s", folder, name);
	return read_file(file.ptr, bytes, ret_len, err);
}

/* What goes into a header must not end it. */
static int check_value(const struct orch_credential_entry *entry, const char *bytes, size_t length,
	struct orch_err *err)
{
	if (entry->scheme == ORCH_SCHEME_NONE)
		return ORCH_OK;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
			return orch_fail(err, ORCH_E_INVALID,
				"the secret has a line break or control character within; what is "
				"sent in a header must be one line");
	if (entry->scheme == ORCH_SCHEME_BASIC && memchr(bytes, ':', length) == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"the secret has no \":\"; for scheme \"basic\" it must be user:password");
	return ORCH_OK;
}

static int load(struct orch_config *config, const struct orch_config_credential *credential,
	struct orch_credential_entry *entry, char *bytes, struct orch_err *err)
{
	size_t length = 0;
	int rc;

	if (credential->from.len == 0)
		return ORCH_OK; /* told already when the file was read */
	if (credential->source == ORCH_SOURCE_ENV)
		rc = read_env(credential->from.ptr, bytes, &length, err);
	else if (credential->source == ORCH_SOURCE_FILE)
		rc = read_file(credential->from.ptr, bytes, &length, err);
	else
		rc = read_systemd(config, credential->from.ptr, bytes, &length, err);
	if (rc == ORCH_OK)
		rc = check_value(entry, bytes, length, err);
	if (rc != ORCH_OK)
		return rc;
	entry->secret = orch_secret_create((struct orch_text){ bytes, length });
	if (entry->secret == NULL)
		return orch_fail(err, ORCH_E_NOMEM,
			"no locked memory for the secret; raise the limit (ulimit -l)");
	return ORCH_OK;
}

static void forget_secrets(struct orch_config *config)
{
	for (size_t i = 0; i < config->egress.credential_count; i++)
		orch_secret_destroy(
			(struct orch_secret *)(uintptr_t)config->egress.credentials[i].secret);
	config->egress.credentials = NULL;
	config->egress.credential_count = 0;
}

void orch_config_load_credentials(struct orch_config *config, struct orch_config_errors *errors)
{
	static const char *const sources[] = { "env", "file", "systemd" };
	size_t count = config->credential_count;
	struct orch_config_credential *credentials =
		orch_arena_alloc_array(config->arena, count + 1, sizeof(*credentials));
	struct orch_credential_entry *entries =
		orch_arena_alloc_array(config->arena, count + 1, sizeof(*entries));
	char *bytes = orch_alloc(SECRET_BYTES + 1);
	struct orch_err err;

	if (credentials == NULL || entries == NULL || bytes == NULL) {
		orch_free(bytes);
		orch_config_errors_add(errors, (struct orch_where){ config->file, 0 },
			ORCH_TEXT("credentials"), "no memory to load them");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		credentials[i] = config->credentials[i];
		entries[i] = config->egress.credentials[i];
		entries[i].secret = NULL;
		credentials[i].failed = false;
		if (load(config, &credentials[i], &entries[i], bytes, &err) == ORCH_OK)
			continue;
		credentials[i].failed = true;
		orch_config_errors_add(errors, credentials[i].where,
			orch_arena_printf(config->arena, "credentials.%.*s.%s",
				ORCH_TEXT_ARG(credentials[i].name), sources[credentials[i].source]),
			"%s", err.text);
	}
	explicit_bzero(bytes, SECRET_BYTES + 1);
	orch_free(bytes);
	forget_secrets(config);
	config->credentials = credentials;
	config->egress.credentials = entries;
	config->egress.credential_count = count;
}

void orch_config_destroy(struct orch_config *config)
{
	if (config == NULL)
		return;
	forget_secrets(config);
	orch_arena_destroy(config->arena);
}
