/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/loader.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/path.h"
#include "base/text.h"
#include "plugin/check.h"
#include "plugin/settings.h"

#define SHOWN_BYTES 100 /* of a file's name in an error */
#define FD_FOLDER "/proc/self/fd/"
#define FD_PATH_BYTES 40
#define SUFFIX ".so"

enum orch_kind orch_plugin_kind(const struct orch_plugin *plugin)
{
	if (plugin->input != NULL)
		return ORCH_KIND_INPUT;
	return plugin->tool != NULL ? ORCH_KIND_TOOL : ORCH_KIND_ACTION;
}

const char *orch_kind_name(enum orch_kind kind)
{
	static const char *const names[] = { "input", "tool", "action" };

	return names[kind];
}

/* The end of a long name says more than its beginning. */
static const char *shown(const char *file)
{
	size_t length = strlen(file);

	return length > SHOWN_BYTES ? file + length - SHOWN_BYTES : file;
}

/* "/x/keyword.so" is "keyword". */
static struct orch_text name_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	struct orch_text name = orch_text_from(slash == NULL ? file : slash + 1);

	if (orch_text_ends_with(name, ORCH_TEXT(SUFFIX)))
		name.len -= sizeof(SUFFIX) - 1;
	return name;
}

static int refuse_load(const char *file, const char *fd_path, struct orch_err *err)
{
	const char *why = dlerror();
	size_t length = strlen(fd_path);

	if (why == NULL)
		why = "for no reason given";
	if (strncmp(why, fd_path, length) == 0 && strncmp(why + length, ": ", 2) == 0)
		why += length + 2;
	return orch_fail(err, ORCH_E_INVALID, "it cannot be loaded: %.120s; try: ldd %.60s", why,
		shown(file));
}

struct search {
	struct stat wanted;
	char found[FD_PATH_BYTES]; /* empty: not yet */
};

static int compare_loaded(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;
	struct stat status;

	(void)size;
	if (strncmp(info->dlpi_name, FD_FOLDER, sizeof(FD_FOLDER) - 1) != 0 ||
		strlen(info->dlpi_name) >= sizeof(search->found) ||
		orch_path_stat(info->dlpi_name, &status) != 0 ||
		status.st_dev != search->wanted.st_dev || status.st_ino != search->wanted.st_ino)
		return 0;
	(void)snprintf(search->found, sizeof(search->found), "%s", info->dlpi_name);
	return 1;
}

/* The handle of the same file, if it was loaded before. */
static void *find_loaded(int fd)
{
	struct search search = { .found = "" };

	if (fstat(fd, &search.wanted) != 0 || dl_iterate_phdr(compare_loaded, &search) == 0)
		return NULL;
	return dlopen(search.found, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
}

/*
 * Loads the very file that was checked, by its descriptor.  The dynamic linker
 * knows an object by every name that it was ever asked for, so each file is
 * loaded by one name only, and its descriptor stays open for good: the number
 * in the name must not come to mean another file.
 */
static int load(int fd, const char *file, void **ret_handle, struct orch_err *err)
{
	void *handle = find_loaded(fd);
	char fd_path[FD_PATH_BYTES];

	if (handle != NULL) {
		(void)close(fd);
		*ret_handle = handle;
		return ORCH_OK;
	}
	(void)snprintf(fd_path, sizeof(fd_path), FD_FOLDER "%d", fd);
	/* Never unloaded: threads and atexit handlers may need its code. */
	handle = dlopen(fd_path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (handle == NULL) {
		(void)refuse_load(file, fd_path, err);
		(void)close(fd);
		return ORCH_E_INVALID;
	}
	*ret_handle = handle;
	return ORCH_OK;
}

/* How many bytes the object says that its symbol has; 0 if it is not data. */
static size_t size_of(const void *symbol)
{
	const Elf64_Sym *entry = NULL;
	void *extra = NULL;
	Dl_info info;

	if (dladdr1(symbol, &info, &extra, RTLD_DL_SYMENT) == 0 || extra == NULL)
		return 0;
	entry = extra;
	return ELF64_ST_TYPE(entry->st_info) == STT_OBJECT ? (size_t)entry->st_size : 0;
}

static int check_loaded(void *handle, struct orch_text name, const struct orch_plugin **ret_plugin,
	struct orch_err *err)
{
	const struct orch_plugin *plugin = dlsym(handle, "orch_plugin");
	size_t bytes;
	int rc;

	if (plugin == NULL)
		return orch_fail(err, ORCH_E_INVALID,
			"it does not export orch_plugin; must define it, with ORCH_EXPORT");
	bytes = size_of(plugin);
	if (bytes == 0)
		return orch_fail(err, ORCH_E_INVALID,
			"its orch_plugin is not data; must be a const struct orch_plugin");
	rc = orch_plugin_check_descriptor(plugin, bytes, name, err);
	if (rc == ORCH_OK)
		rc = orch_plugin_check_ops(plugin, err);
	if (rc == ORCH_OK)
		rc = orch_settings_check_table(plugin, err);
	if (rc == ORCH_OK)
		*ret_plugin = plugin;
	return rc;
}

int orch_plugin_load(const char *file, const struct orch_plugin **ret_plugin, struct orch_err *err)
{
	/* Not blocking: a pipe of that name must not hold up the start. */
	int fd = orch_path_open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
	struct orch_text name = name_of(file);
	void *handle = NULL;
	int rc;

	if (fd < 0 && errno == ENXIO)
		return orch_fail(err, ORCH_E_DENIED,
			"%s: it is not a regular file; must be a shared object", shown(file));
	if (fd < 0)
		return orch_fail(err, ORCH_E_INVALID, "%s: it cannot be opened: %s", shown(file),
			orch_errno_text(errno));
	rc = orch_plugin_check_file(fd, err);
	if (rc != ORCH_OK)
		(void)close(fd);
	else
		rc = load(fd, file, &handle, err);
	if (rc == ORCH_OK)
		rc = check_loaded(handle, name, ret_plugin, err);
	if (rc != ORCH_OK)
		orch_err_prefix(err, "%s", shown(file));
	return rc;
}
