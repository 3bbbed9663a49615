/* SPDX-License-Identifier: Apache-2.0 */
#include "support/postgres.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_BYTES 8192

/* The answer behind "ok ". */
static void command(struct postgres *postgres, char *ret, size_t size, const char *fmt, ...)
	ORCH_PRINTF(4, 5);

static void command(struct postgres *postgres, char *ret, size_t size, const char *fmt, ...)
{
	char answer[ANSWER_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(postgres->commands, fmt, ap);
	va_end(ap);
	(void)fputc('\n', postgres->commands);
	assert_int_equal(fflush(postgres->commands), 0);
	if (!fgets(answer, sizeof(answer), postgres->answers))
		fail_msg("postgres.py has ended; see its words above");
	answer[strcspn(answer, "\n")] = '\0';
	if (strncmp(answer, "ok ", 3) != 0)
		fail_msg("PostgreSQL: %s", answer);
	if (ret)
		(void)snprintf(ret, size, "%s", answer + 3);
}

static void run_script(int input, int output, const char *template)
{
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
		_exit(127);
	(void)execlp("python3", "python3", TEST_SOURCE_DIR "/tests/support/postgres.py",
		"--control", "--template", template, (char *)NULL);
	_exit(127);
}

void postgres_open(struct postgres *postgres, const char *template)
{
	int to[2], from[2];
	char where[96];
	char *space;

	assert_return_code(pipe2(to, O_CLOEXEC), 0);
	assert_return_code(pipe2(from, O_CLOEXEC), 0);
	postgres->pid = fork();
	assert_return_code(postgres->pid, 0);
	if (postgres->pid == 0)
		run_script(to[0], from[1], template);
	(void)close(to[0]);
	(void)close(from[1]);
	postgres->commands = fdopen(to[1], "w");
	postgres->answers = fdopen(from[0], "r");
	assert_non_null(postgres->commands);
	assert_non_null(postgres->answers);
	command(postgres, NULL, 0, "start");
	command(postgres, where, sizeof(where), "where");
	space = strchr(where, ' ');
	assert_non_null(space);
	*space = '\0';
	(void)snprintf(postgres->folder, sizeof(postgres->folder), "%s", where);
	postgres->port = (uint16_t)strtoul(space + 1, NULL, 10);
}

void postgres_close(struct postgres *postgres)
{
	(void)fclose(postgres->commands);
	(void)fclose(postgres->answers);
	(void)waitpid(postgres->pid, NULL, 0);
}

void postgres_database(struct postgres *postgres, char *ret_dsn, size_t size)
{
	command(postgres, ret_dsn, size, "database");
}

void postgres_sql(
	struct postgres *postgres, const char *database, const char *sql, char *ret, size_t size)
{
	command(postgres, ret, size, "sql %s %s", database, sql);
}

void postgres_set(struct postgres *postgres, const char *line)
{
	command(postgres, NULL, 0, "set %s", line);
}

void postgres_do(struct postgres *postgres, const char *word)
{
	command(postgres, NULL, 0, "%s", word);
}
