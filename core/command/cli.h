/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every command shares: options, output, exit codes.
 *
 * Results go to standard output, everything else to standard error.  Output
 * is for people on a terminal; --json is exact: one object a line.
 */
#ifndef ORCH_CLI_H
#define ORCH_CLI_H
#include <orch/abi.h>
#include "base/arena.h"
#include "base/buf.h"
#include "pipeline/build.h"
#include "pipeline/keep.h"

enum orch_exit {
	ORCH_EXIT_OK = 0,
	ORCH_EXIT_FAILED = 1, /* `scan`: something was found */
	ORCH_EXIT_PARTLY = 2, /* `scan`: something could not be examined */
	ORCH_EXIT_USAGE = 64,
	ORCH_EXIT_NOT_THERE = 66, /* no such rule, finding, message, file */
	ORCH_EXIT_OUTPUT = 74,    /* what was to be written to standard output is lost */
	ORCH_EXIT_CONFIG = 78,
};

struct orch_cli_option {
	const char *name; /* without "--"; NULL ends the table */
	bool takes_value;
};

struct orch_cli;

struct orch_command {
	const char *name;     /* "rule" */
	const char *verb;     /* "add"; NULL: the command has no verbs */
	const char *synopsis; /* what follows the name in the usage line */
	const char *summary;  /* one line */
	const char *examples; /* shown first by --help; lines, each indented by two spaces */
	const char *details;  /* options and exit codes; may be NULL */
	const struct orch_cli_option *options; /* beyond -c, --json and --help; may be NULL */
	size_t least, most;                    /* positional arguments */
	int (*run)(struct orch_cli *cli);
};

#define ORCH_CLI_GIVEN_MAX 64

struct orch_cli {
	const struct orch_command *command; /* NULL: none was found … */
	const char *group;                  /* … of this name; NULL: nor that */
	const char *file;   /* -c, else $ORCHESTRATOR_CONFIG, else the installed one */
	bool is_file_named; /* by -c or by the environment */
	bool json;
	bool color; /* standard output is a terminal and NO_COLOR is not set */
	bool is_terminal;
	size_t columns;           /* of the terminal; 0: there is none, or its size is not known */
	uint64_t progress_ms;     /* when the first of the work was done, and … */
	uint64_t shown_ms;        /* … when that was last shown; 0: it does not stand there */
	struct orch_arena *arena; /* for the whole command */
	char **words;             /* positional arguments */
	size_t word_count;
	struct {
		const char *name, *value;
	} given[ORCH_CLI_GIVEN_MAX];
	size_t given_count;
};

/* Finds the command of ARGV, reads its options, runs it.  Gives the exit code. */
int orch_cli_main(int argc, char **argv, const struct orch_command *commands, size_t count);

/* An option's value ("" for one that takes none); NULL: not given.  The last one counts. */
const char *orch_cli_get(const struct orch_cli *cli, const char *name);
/* Every value of an option that may be repeated; false at the end.  Start with *cursor = 0. */
bool orch_cli_next(
	const struct orch_cli *cli, const char *name, size_t *cursor, const char **ret_value);

/* "orchestrator rule add: …" to standard error, under --json to standard output too; gives CODE. */
int orch_cli_fail(const struct orch_cli *cli, int code, const char *fmt, ...) ORCH_PRINTF(3, 4);

/* Writes to standard output what is in BUF, and empties it.  A failed write ends the program. */
void orch_cli_print(struct orch_buf *buf);

/* The plan of the configuration; on failure prints the report and gives NULL. */
struct orch_plan *orch_cli_plan(struct orch_cli *cli);
/* The configuration alone, as far as it is used so. */
struct orch_config *orch_cli_config(struct orch_cli *cli, enum orch_use use);
/* To standard error, how to name the configuration if it is not there. */
void orch_cli_hint_file(const struct orch_cli *cli);
/* Queue and store; 0 or an exit code. */
int orch_cli_keep(struct orch_cli *cli, struct orch_config *config, struct orch_keep *ret_keep);
/* WORK with queue and store of CONFIG; its exit code, or that of what went wrong before. */
int orch_cli_with_keep(struct orch_cli *cli,
	int (*work)(
		struct orch_cli *cli, const struct orch_config *config, struct orch_keep *keep));

/* Output for people. */

#define ORCH_CLI_RED "31"
#define ORCH_CLI_YELLOW "33"
#define ORCH_CLI_GREEN "32"
#define ORCH_CLI_DIM "2"
#define ORCH_CLI_BOLD "1"
/* TEXT as orch_buf_add_printable() shows it, coloured if this is a terminal. */
void orch_cli_add_styled(
	const struct orch_cli *cli, struct orch_buf *buf, const char *style, struct orch_text text);
/*
 * Cells separated by tabs, rows by newlines, become columns; the first row is
 * the head.  On a terminal that is too narrow the last column is folded.
 */
void orch_cli_add_table(const struct orch_cli *cli, struct orch_buf *buf, struct orch_text cells);
/* "NAME         VALUE" as a line; VALUE begins at column WIDTH, or right behind NAME. */
void orch_cli_add_pair(const struct orch_cli *cli, struct orch_buf *buf, size_t width,
	struct orch_text name, struct orch_text value);
/* The same at column ORCH_CLI_NAME_COLUMN. */
#define ORCH_CLI_NAME_COLUMN 13
void orch_cli_add_line(
	const struct orch_cli *cli, struct orch_buf *buf, const char *name, struct orch_text value);
/* The same; no VALUE, no line. */
void orch_cli_add_filled_line(
	const struct orch_cli *cli, struct orch_buf *buf, const char *name, struct orch_text value);
/* ,"KEY":"TEXT" */
void orch_cli_add_json(struct orch_buf *buf, const char *key, struct orch_text text);
/* "2026-01-02 03:04:05" in local time; "-" for 0. */
struct orch_text orch_cli_time(struct orch_cli *cli, uint64_t ms);
/* "3s", "5m", "2h", "4d" */
struct orch_text orch_cli_age(struct orch_cli *cli, uint64_t ms);

/*
 * A line of progress on standard error when that is a terminal and the work
 * takes its time; to be cleared before anything else is written.
 */
void orch_cli_progress(struct orch_cli *cli, const char *what, uint64_t done, uint64_t total);
void orch_cli_progress_end(struct orch_cli *cli);

#endif
