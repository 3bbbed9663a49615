/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the seeds of a folder to a fuzz target, without a fuzzer: replay FOLDER. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SEED_BYTES ((size_t)1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void give_up(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* In memory of its very length, so that a sanitizer sees a step beyond it. */
static void play(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len);

	if (!copy && len > 0)
		give_up("memory");
	for (size_t i = 0; i < len; i++)
		copy[i] = bytes[i];
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void play_file(const char *folder, const char *name)
{
	static uint8_t bytes[SEED_BYTES];
	char path[4096];
	size_t len;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rbe");
	if (!file)
		give_up(path);
	len = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	/* Cut short at every length up to a thousand: what is torn is an input too. */
	for (size_t cut = 0; cut < len && cut < 1000; cut++)
		play(bytes, cut);
	play(bytes, len);
}

int main(int argc, char **argv)
{
	const struct dirent *entry;
	size_t count = 0;
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

	if (!dir)
		give_up(argc == 2 ? argv[1] : "replay FOLDER");
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		play_file(argv[1], entry->d_name);
		count++;
	}
	(void)closedir(dir);
	(void)printf("%zu seeds\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
