/* SPDX-License-Identifier: Apache-2.0 */
/* Each broken plugin is refused, by the sentence that names what is wrong with it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
#include "plugin/loader.h"

#define HEADERS_HERE "rebuild the plugin with this program's headers"
#define NEWER "use a newer program, or rebuild the plugin with this one's headers"

static const struct {
	const char *name;
	const char *sentence; /* behind the file's name */
} refusals[] = {
	{ "unexported", "it does not export orch_plugin; must define it, with ORCH_EXPORT" },
	{ "function", "its orch_plugin is not data; must be a const struct orch_plugin" },
	{ "number", "its orch_plugin has only 4 bytes; must be a struct orch_plugin" },
	{ "major_old", "it was built for ABI 0.0, this program has 1.0; " HEADERS_HERE },
	{ "major_new", "it was built for ABI 2.0, this program has 1.0; " NEWER },
	{ "minor_new", "it needs ABI 1.7, this program has only 1.0; " NEWER },
	{ "struct_small",
		"its orch_plugin says it has 24 bytes; must be sizeof(struct orch_plugin), at "
		"least 72" },
	{ "name_null", "its name is NULL; must be \"name_null\", like the file's" },
	{ "name_other", "it calls itself \"slack\"; must be \"name_other\", like the file's" },
	{ "name_long", "its name is longer than 48 characters" },
	{ "version_null", "its version is NULL; must be a text such as \"1.0\"" },
	{ "summary_null", "its summary is NULL; must be one line that says what it does" },
	{ "kind_none", "it is no input, no tool and no action; must set one of the three" },
	{ "kind_two", "it is 2 kinds at once; must be one of input, tool and action" },
	{ "settings_huge", "its settings_size is 1000000; must be at most 65536" },
	{ "tool_small",
		"its table of hooks says it has 56 bytes; must be sizeof(struct orch_tool_ops), at "
		"least 64" },
	{ "tool_no_create", "its create() is missing; every tool must have one" },
	{ "tool_no_scan", "its scan() is missing; every tool must have one" },
	{ "tool_no_destroy", "its destroy() is missing; every tool must have one" },
	{ "tool_no_release", "it has compile() but no release(); must have both or neither" },
	{ "tool_no_compile", "it has release() but no compile(); must have both or neither" },
	{ "tool_no_tick_ms", "it has tick() but tick_ms is 0; must say how often" },
	{ "input_small",
		"its table of hooks says it has 32 bytes; must be sizeof(struct orch_input_ops), "
		"at least 48" },
	{ "input_no_create", "its create() is missing; every input must have one" },
	{ "input_no_receive", "its receive() is missing; every input must have one" },
	{ "input_no_destroy", "its destroy() is missing; every input must have one" },
	{ "input_no_transport",
		"it names no transport; must or together those of enum orch_transport that it "
		"understands" },
	{ "input_odd_transport",
		"it names unknown transports (0x40); must be of enum orch_transport" },
	{ "action_small",
		"its table of hooks says it has 32 bytes; must be sizeof(struct orch_action_ops), "
		"at least 56" },
	{ "action_no_create", "its create() is missing; every action must have one" },
	{ "action_no_act", "its act() is missing; every action must have one" },
	{ "action_no_destroy", "its destroy() is missing; every action must have one" },
	{ "option_unsettled",
		"it has options but settings_size is 0; must be the sizeof of its settings "
		"struct" },
	{ "option_outside",
		"option \"far\" lies outside the settings struct (offset 56, 16 bytes, of 64); "
		"must be offsetof a member of it" },
	{ "option_beyond",
		"option \"far\" lies outside the settings struct (offset 4000000000, 1 bytes, of "
		"64); must be offsetof a member of it" },
	{ "option_crooked",
		"option \"odd\" is not aligned (offset 3); must be offsetof a member of its type" },
	{ "option_untyped",
		"option \"word\" has the unknown type 99; must be one of enum orch_option_type" },
	{ "option_typeless",
		"option \"word\" has the unknown type 0; must be one of enum orch_option_type" },
	{ "option_doubled", "option \"word\" stands twice in the table; must stand once" },
	{ "option_core_key",
		"option \"timeout\" is named like a key of the core; must have another name" },
	{ "option_odd_name",
		"option 1 has a name that cannot be; must be lower-case letters, digits and \"_\", "
		"at most 64" },
	{ "option_bad_number",
		"option \"number\" has a fallback that is not valid: \"5 apples\" is not a "
		"number" },
	{ "option_bad_range",
		"option \"number\" has a fallback that is not valid: is 50, must be 1 to 9" },
	{ "option_bad_bool",
		"option \"flag\" has a fallback that is not valid: \"yes\" is neither true nor "
		"false" },
	{ "option_bad_time",
		"option \"amount\" has a fallback that is not valid: \"5\" is not a time; must be "
		"such as \"250ms\", \"25s\", \"2m\" or \"1h\"" },
	{ "option_bad_size",
		"option \"amount\" has a fallback that is not valid: \"5X\" is not a size; must be "
		"such as \"64k\", \"10M\", \"2G\" or 65536" },
	{ "option_bad_url",
		"option \"word\" has a fallback that is not valid: the URL must begin with "
		"http://, https://, smtp:// or smtps://" },
	{ "option_bad_choice",
		"option \"choice\" has a fallback that is not valid: \"c\" is not known; must be a "
		"or b" },
	{ "option_no_choices",
		"option \"choice\" is a choice without choices; must name them, \"a|b|c\"" },
	{ "option_credential",
		"option \"secret\" has a fallback that is not valid: a credential or an account "
		"cannot have a "
		"fallback but \"\", since every file names its own" },
	{ "option_upside_down",
		"option \"number\" has a max below its min; no value could be right" },
	{ "option_endless",
		"it has more than 256 options; must end them with a row whose name is NULL" },
};

static void path_of(const char *name, char ret[512])
{
	(void)snprintf(ret, 512, "%s/%s.so", BROKEN_FOLDER, name);
}

static const char *refusal_of(const char *file, struct orch_err *err)
{
	const struct orch_plugin *plugin = NULL;
	const char *behind;

	assert_int_not_equal(orch_plugin_load(file, &plugin, err), ORCH_OK);
	assert_null(plugin);
	behind = strstr(err->text, ".so: ");
	assert_non_null(behind);
	return behind + 5;
}

static void test_each_broken_plugin_is_refused_by_its_sentence(void **state)
{
	struct orch_err err;
	char file[512];

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		path_of(refusals[i].name, file);
		assert_string_equal(refusal_of(file, &err), refusals[i].sentence);
	}
}

/* Sizes that depend on the build (red zones of a sanitizer): only the beginning is compared. */
static void test_a_struct_that_is_not_all_there_is_refused(void **state)
{
	struct orch_err err;
	char file[512];

	(void)state;
	path_of("struct_large", file);
	assert_true(orch_text_starts_with(orch_text_from(refusal_of(file, &err)),
		ORCH_TEXT("its orch_plugin says it has 4000 bytes, but has ")));
}

static void test_a_template_fallback_is_parsed(void **state)
{
	struct orch_err err;
	char file[512];

	(void)state;
	path_of("option_bad_form", file);
	assert_true(orch_text_starts_with(orch_text_from(refusal_of(file, &err)),
		ORCH_TEXT("option \"form\" has a fallback that is not valid: "
			  "unknown placeholder {event.name}; must be one such as ")));
}

static void test_an_undefined_symbol_is_told_in_the_linkers_words(void **state)
{
	struct orch_err err;
	const char *why;
	char file[512];

	(void)state;
	path_of("undefined", file);
	why = refusal_of(file, &err);
	assert_true(orch_text_starts_with(orch_text_from(why),
		ORCH_TEXT(
			"it cannot be loaded: undefined symbol: nobody_defines_this; try: ldd ")));
}

static void test_sound_plugins_load_and_say_their_kind(void **state)
{
	static const struct {
		const char *name;
		enum orch_kind kind;
	} sound[] = {
		{ "sound", ORCH_KIND_TOOL },
		{ "sound_input", ORCH_KIND_INPUT },
		{ "sound_action", ORCH_KIND_ACTION },
		{ "sound_bare", ORCH_KIND_TOOL },
	};
	const struct orch_plugin *plugin;
	struct orch_err err;
	char file[512];

	(void)state;
	for (size_t i = 0; i < sizeof(sound) / sizeof(*sound); i++) {
		path_of(sound[i].name, file);
		assert_int_equal(orch_plugin_load(file, &plugin, &err), ORCH_OK);
		assert_string_equal(plugin->name, sound[i].name);
		assert_int_equal(orch_plugin_kind(plugin), sound[i].kind);
	}
}

static size_t open_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_loading_again_gives_the_same_and_leaks_nothing(void **state)
{
	const struct orch_plugin *first, *again, *other;
	struct orch_err err;
	char file[512];
	size_t before;

	(void)state;
	path_of("sound", file);
	assert_int_equal(orch_plugin_load(file, &first, &err), ORCH_OK);
	before = open_descriptors();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(orch_plugin_load(file, &again, &err), ORCH_OK);
		assert_ptr_equal(first, again);
	}
	assert_int_equal(open_descriptors(), before);
	path_of("sound_input", file);
	assert_int_equal(orch_plugin_load(file, &other, &err), ORCH_OK);
	assert_ptr_not_equal(first, other);
	assert_string_equal(other->name, "sound_input");
}

static void test_a_refused_file_leaks_no_descriptor(void **state)
{
	struct orch_err err;
	char file[512];
	size_t before;

	(void)state;
	path_of("undefined", file);
	(void)refusal_of(file, &err);
	before = open_descriptors();
	(void)refusal_of(file, &err);
	assert_int_equal(open_descriptors(), before);
}

/* ---- files that are made here ---- */

struct made {
	char folder[64];
	char file[128];
};

static int make_folder(void **state)
{
	struct made *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	(void)snprintf(made->folder, sizeof(made->folder), "/tmp/loader_test.XXXXXX");
	assert_non_null(mkdtemp(made->folder));
	(void)snprintf(made->file, sizeof(made->file), "%s/sound.so", made->folder);
	*state = made;
	return 0;
}

static int remove_folder(void **state)
{
	struct made *made = *state;

	(void)rmdir(made->file);
	(void)unlink(made->file);
	(void)rmdir(made->folder);
	free(made);
	return 0;
}

/* The first LENGTH bytes of a sound plugin, then PATCH (may be NULL) over two bytes at AT. */
static void copy_sound(const struct made *made, size_t length, size_t at, const char *patch)
{
	char source[512];
	char bytes[4096];
	int from, to;
	ssize_t got;

	path_of("sound", source);
	from = open(source, O_RDONLY);
	to = open(made->file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(from >= 0 && to >= 0);
	while (length > 0 &&
		(got = read(from, bytes, length < sizeof(bytes) ? length : sizeof(bytes))) > 0) {
		assert_int_equal(write(to, bytes, (size_t)got), got);
		length -= (size_t)got;
	}
	if (patch != NULL)
		assert_int_equal(pwrite(to, patch, 2, (off_t)at), 2);
	assert_int_equal(fchmod(to, 0644), 0);
	(void)close(from);
	(void)close(to);
}

static void assert_refused(const struct made *made, const char *sentence)
{
	struct orch_err err;

	assert_string_equal(refusal_of(made->file, &err), sentence);
}

static void test_what_is_not_there_is_refused(void **state)
{
	assert_refused(*state, "it cannot be opened: No such file or directory");
}

static void test_a_folder_is_refused(void **state)
{
	struct made *made = *state;

	assert_int_equal(mkdir(made->file, 0755), 0);
	assert_refused(made, "it is not a regular file; must be a shared object");
}

static void test_a_pipe_is_refused_without_waiting(void **state)
{
	struct made *made = *state;

	assert_int_equal(mkfifo(made->file, 0644), 0);
	assert_refused(made, "it is not a regular file; must be a shared object");
}

static void test_a_link_to_a_folder_is_refused(void **state)
{
	struct made *made = *state;

	assert_int_equal(symlink("/tmp", made->file), 0);
	assert_refused(made, "it is not a regular file; must be a shared object");
}

static void test_a_link_to_a_sound_plugin_loads(void **state)
{
	struct made *made = *state;
	const struct orch_plugin *plugin;
	struct orch_err err;
	char target[512];

	path_of("sound", target);
	assert_int_equal(symlink(target, made->file), 0);
	assert_int_equal(orch_plugin_load(made->file, &plugin, &err), ORCH_OK);
}

static void test_a_file_that_others_may_write_is_refused(void **state)
{
	struct made *made = *state;

	copy_sound(made, SIZE_MAX, 0, NULL);
	assert_int_equal(chmod(made->file, 0664), 0);
	assert_refused(made, "others than its owner may write to it (mode 0664); try: chmod go-w");
	assert_int_equal(chmod(made->file, 0646), 0);
	assert_refused(made, "others than its owner may write to it (mode 0646); try: chmod go-w");
}

static void test_a_file_of_another_user_is_refused(void **state)
{
	struct made *made = *state;

	if (geteuid() != 0)
		skip();
	copy_sound(made, SIZE_MAX, 0, NULL);
	assert_int_equal(chown(made->file, 12345, 12345), 0);
	assert_refused(made,
		"it belongs to user 12345; must belong to root or to the user who runs this (0)");
}

static void test_what_is_not_elf_is_refused(void **state)
{
	copy_sound(*state, 3, 0, NULL);
	assert_refused(*state, "it is not an ELF file; must be a shared object (gcc -shared)");
	copy_sound(*state, 4096, 0, "#!");
	assert_refused(*state, "it is not an ELF file; must be a shared object (gcc -shared)");
}

static void test_another_machine_is_refused(void **state)
{
	struct orch_err err;

	copy_sound(*state, SIZE_MAX, 18, "\x08\x00");
	assert_true(orch_text_starts_with(
		orch_text_from(refusal_of(((struct made *)*state)->file, &err)),
		ORCH_TEXT(
			"it is for another machine (ELF machine 8); must be built for this one")));
}

static void test_what_is_no_shared_object_is_refused(void **state)
{
	copy_sound(*state, SIZE_MAX, 16, "\x01\x00");
	assert_refused(
		*state, "it is ELF, but no shared object (type 1); must be linked with -shared");
}

static void test_damaged_program_headers_are_refused(void **state)
{
	static const struct {
		size_t at;
		const char *patch;
	} damages[] = { { 54, "\x37\x00" }, { 54, "\x39\x00" }, { 56, "\x01\x01" } };

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		copy_sound(*state, SIZE_MAX, damages[i].at, damages[i].patch);
		assert_refused(*state, "its program headers are damaged");
	}
}

static void test_a_truncated_object_is_refused_and_not_touched(void **state)
{
	copy_sound(*state, 5000, 0, NULL);
	assert_refused(*state, "it is truncated after 5000 bytes; build or copy it again");
	copy_sound(*state, 100, 0, NULL);
	assert_refused(*state, "it is truncated after 100 bytes; build or copy it again");
}

static void test_find_takes_the_first_folder_that_has_it(void **state)
{
	const struct made *made = *state;
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_text folders[] = { orch_text_from("/nowhere"), orch_text_from(made->folder),
		orch_text_from(BROKEN_FOLDER) };
	const struct orch_list path = { folders, 3 };
	struct orch_err err;
	const char *file;

	copy_sound(made, SIZE_MAX, 0, NULL);
	assert_int_equal(orch_plugin_find(path, ORCH_TEXT("sound"), arena, &file, &err), ORCH_OK);
	assert_string_equal(file, made->file);
	assert_int_equal(
		orch_plugin_find(path, ORCH_TEXT("sound_input"), arena, &file, &err), ORCH_OK);
	assert_non_null(strstr(file, BROKEN_FOLDER "/sound_input.so"));
	orch_arena_destroy(arena);
}

static void test_find_says_where_it_looked_and_what_was_meant(void **state)
{
	const struct made *made = *state;
	struct orch_arena *arena = orch_arena_create(0);
	struct orch_text folders[] = { orch_text_from("/nowhere"), orch_text_from(made->folder) };
	const struct orch_list path = { folders, 2 };
	struct orch_err err;
	const char *file;
	char wanted[256];

	copy_sound(made, SIZE_MAX, 0, NULL);
	assert_int_not_equal(
		orch_plugin_find(path, ORCH_TEXT("sond"), arena, &file, &err), ORCH_OK);
	(void)snprintf(wanted, sizeof(wanted),
		"no plugin \"sond\"; must be a file sond.so in /nowhere, %s (did you mean "
		"\"sound\"?)",
		made->folder);
	assert_string_equal(err.text, wanted);
	assert_int_not_equal(
		orch_plugin_find(path, ORCH_TEXT("../sound"), arena, &file, &err), ORCH_OK);
	assert_string_equal(err.text,
		"the name of a plugin must be letters, digits, \"-\" and \"_\", at most 48");
	orch_arena_destroy(arena);
}

#define MADE(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_broken_plugin_is_refused_by_its_sentence),
		cmocka_unit_test(test_a_struct_that_is_not_all_there_is_refused),
		cmocka_unit_test(test_a_template_fallback_is_parsed),
		cmocka_unit_test(test_an_undefined_symbol_is_told_in_the_linkers_words),
		cmocka_unit_test(test_sound_plugins_load_and_say_their_kind),
		cmocka_unit_test(test_loading_again_gives_the_same_and_leaks_nothing),
		cmocka_unit_test(test_a_refused_file_leaks_no_descriptor),
		MADE(test_what_is_not_there_is_refused),
		MADE(test_a_folder_is_refused),
		MADE(test_a_pipe_is_refused_without_waiting),
		MADE(test_a_link_to_a_folder_is_refused),
		MADE(test_a_link_to_a_sound_plugin_loads),
		MADE(test_a_file_that_others_may_write_is_refused),
		MADE(test_a_file_of_another_user_is_refused),
		MADE(test_what_is_not_elf_is_refused),
		MADE(test_another_machine_is_refused),
		MADE(test_what_is_no_shared_object_is_refused),
		MADE(test_damaged_program_headers_are_refused),
		MADE(test_a_truncated_object_is_refused_and_not_touched),
		MADE(test_find_takes_the_first_folder_that_has_it),
		MADE(test_find_says_where_it_looked_and_what_was_meant),
	};

	return cmocka_run_group_tests_name("abi/loader", tests, NULL, NULL);
}
