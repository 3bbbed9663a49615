/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "base/text.h"
#include "plugin/loader.h"

#define SUFFIX ".so"
#define NAME_BYTES 48
#define NAMES_MAX 200 /* are looked at for "did you mean" */
#define FOLDERS_BYTES 140

static bool is_name(struct orch_text name)
{
	if (name.len == 0 || name.len > NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    (i > 0 && (c == '-' || c == '_'))))
			return false;
	}
	return true;
}

static size_t list_folder(
	const char *folder, struct orch_arena *arena, const char **names, size_t count)
{
	DIR *dir = orch_path_opendir(folder);
	const struct dirent *entry;

	if (dir == NULL)
		return count;
	while (count < NAMES_MAX && (entry = readdir(dir)) != NULL) {
		struct orch_text name = orch_text_from(entry->d_name);

		if (!orch_text_ends_with(name, ORCH_TEXT(SUFFIX)))
			continue;
		name.len -= sizeof(SUFFIX) - 1;
		names[count] = orch_arena_string(arena, name);
		count++;
	}
	(void)closedir(dir);
	return count;
}

static int refuse(struct orch_list path, struct orch_text name, struct orch_arena *arena,
	struct orch_err *err)
{
	char folders[FOLDERS_BYTES] = "";
	const char *names[NAMES_MAX];
	size_t count = 0, at = 0;
	struct orch_text nearest;

	for (size_t i = 0; i < path.count; i++) {
		count = list_folder(orch_arena_string(arena, path.items[i]), arena, names, count);
		if (at < sizeof(folders))
			at += (size_t)snprintf(folders + at, sizeof(folders) - at, "%s%.*s",
				i == 0 ? "" : ", ", ORCH_TEXT_ARG(path.items[i]));
	}
	nearest = orch_config_did_you_mean(arena, name, names, count);
	return orch_fail(err, ORCH_E_INVALID,
		"no plugin \"%.*s\"; must be a file %.*s.so in %s%.*s", ORCH_TEXT_ARG(name),
		ORCH_TEXT_ARG(name), folders, ORCH_TEXT_ARG(nearest));
}

int orch_plugin_find(struct orch_list path, struct orch_text name, struct orch_arena *arena,
	const char **ret_file, struct orch_err *err)
{
	if (!is_name(name))
		return orch_fail(err, ORCH_E_INVALID,
			"the name of a plugin must be letters, digits, \"-\" and \"_\", at most %d",
			NAME_BYTES);
	for (size_t i = 0; i < path.count; i++) {
		struct orch_text file = orch_arena_printf(arena, "%.*s/%.*s" SUFFIX,
			ORCH_TEXT_ARG(path.items[i]), ORCH_TEXT_ARG(name));

		if (orch_arena_failed(arena))
			return orch_fail(err, ORCH_E_NOMEM, "no memory to look for the plugin");
		if (orch_path_access(file.ptr, F_OK) != 0)
			continue;
		*ret_file = file.ptr;
		return ORCH_OK;
	}
	return refuse(path, name, arena, err);
}
