/* SPDX-License-Identifier: Apache-2.0 */
/* The write-ahead log that a kill leaves behind, and what a bad disk makes of it. */
#include "unit/db/fixture.h"

#define COMMITS 12
#define HEADER 32
#define FRAME (24 + 4096)

struct bench {
	struct fixture f;
	char log_path[128];
	uint8_t *log; /* as it was */
	size_t len;
};

static uint8_t *read_file(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "r");
	uint8_t *bytes = malloc(1 << 20);

	assert_non_null(file);
	*ret_len = fread(bytes, 1, 1 << 20, file);
	(void)fclose(file);
	return bytes;
}

static void write_file(const char *path, const uint8_t *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	(void)fclose(file);
}

static void copy_file(const char *from, const char *to)
{
	size_t len;
	uint8_t *bytes = read_file(from, &len);

	write_file(to, bytes, len);
	free(bytes);
}

static void run(sqlite3 *handle, const char *sql)
{
	if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
}

/* other.db and its log, as a kill would leave them after COMMITS commits. */
static int make_log(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	char path[128], from[sizeof(b->f.path)];
	sqlite3 *handle;

	make_dir(&b->f);
	assert_int_equal(sqlite3_open(b->f.path, &handle), SQLITE_OK);
	run(handle,
		"PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
		"CREATE TABLE t (n INTEGER PRIMARY KEY, bytes BLOB);"
		"PRAGMA wal_checkpoint(RESTART)");
	for (int i = 0; i < COMMITS; i++)
		run(handle, "INSERT INTO t (bytes) VALUES (randomblob(3000))");
	(void)snprintf(path, sizeof(path), "%s-wal", b->f.path);
	(void)snprintf(b->log_path, sizeof(b->log_path), "%s/other.db-wal", b->f.dir);
	copy_file(path, b->log_path);
	memcpy(from, b->f.path, sizeof(from));
	(void)snprintf(b->f.path, sizeof(b->f.path), "%s/other.db", b->f.dir);
	copy_file(from, b->f.path);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
	b->log = read_file(b->log_path, &b->len);
	assert_true(b->len >= HEADER + COMMITS * FRAME);
	*state = b;
	return 0;
}

static int remove_log(void **state)
{
	struct bench *b = *state;

	remove_dir(&b->f);
	free(b->log);
	free(b);
	return 0;
}

static struct orch_db_log_report mend(struct bench *b)
{
	struct orch_db_log_report report;
	struct orch_err err = { "" };

	if (orch_db_mend_log(b->f.path, &report, &err) < 0)
		fail_msg("%s", err.text);
	return report;
}

static bool is_as_it_was(struct bench *b)
{
	size_t len;
	uint8_t *now = read_file(b->log_path, &len);
	bool same = len == b->len && memcmp(now, b->log, len) == 0;

	free(now);
	return same;
}

static void spoil(struct bench *b, size_t at, unsigned mask)
{
	uint8_t *bytes = malloc(b->len);

	memcpy(bytes, b->log, b->len);
	bytes[at] ^= (uint8_t)mask;
	write_file(b->log_path, bytes, b->len);
	free(bytes);
}

static void test_a_sound_log_is_left_alone(void **state)
{
	struct bench *b = *state;
	struct orch_db_log_report report = mend(b);

	assert_int_equal(report.repaired + report.lost, 0);
	assert_string_equal(report.copy, "");
	assert_true(is_as_it_was(b));
	assert_int_equal(ask(b->f.path, "SELECT count(*) FROM t"), COMMITS);
}

static void test_no_log_is_no_fault(void **state)
{
	struct bench *b = *state;

	assert_int_equal(unlink(b->log_path), 0);
	assert_int_equal(mend(b).lost, 0);
	write_file(b->log_path, b->log, 0);
	assert_int_equal(mend(b).lost, 0);
	write_file(b->log_path, b->log, 20);
	assert_int_equal(mend(b).lost, 0);
}

static void assert_mended(struct bench *b, size_t at, unsigned bit)
{
	struct orch_db_log_report report;

	spoil(b, at, 1u << bit);
	report = mend(b);
	if (report.repaired != 1 || report.lost != 0 || !is_as_it_was(b))
		fail_msg("bit %u at %zu", bit, at);
	assert_int_equal(unlink(report.copy), 0);
}

/* Where it may be one bit as well as another: nothing is guessed. */
static void assert_mended_or_said(struct bench *b, size_t at, unsigned bit)
{
	struct orch_db_log_report report;

	spoil(b, at, 1u << bit);
	report = mend(b);
	if (report.repaired == 1 ? !is_as_it_was(b) || report.lost != 0 : report.lost == 0)
		fail_msg("bit %u at %zu", bit, at);
	assert_int_equal(unlink(report.copy), 0);
}

static void test_a_flipped_bit_is_put_right(void **state)
{
	struct bench *b = *state;

	for (size_t at = 0; at < HEADER; at++)
		for (unsigned bit = 0; bit < 8; bit++)
			assert_mended(b, at, bit);
	for (size_t at = HEADER + FRAME + 8; at < HEADER + FRAME + 24; at++)
		for (unsigned bit = 0; bit < 8; bit++)
			assert_mended(b, at, bit);
	/* The lower bits of a word as this machine has it. */
	for (size_t at = HEADER + 24; at < HEADER + FRAME; at += 92)
		for (unsigned bit = 0; bit < 8; bit++)
			assert_mended(b, at, bit);
}

static void test_no_bit_is_flipped_for_another(void **state)
{
	struct bench *b = *state;
	size_t frames = (b->len - HEADER) / FRAME;

	for (size_t frame = 0; frame < frames; frame += frames - 1)
		for (size_t at = 0; at < FRAME; at += at < 32 || at > FRAME - 16 ? 1 : 151)
			for (unsigned bit = 0; bit < 8; bit++)
				assert_mended_or_said(b, HEADER + frame * FRAME + at, bit);
}

static void test_a_bit_in_each_of_two_frames_is_put_right(void **state)
{
	struct bench *b = *state;
	struct orch_db_log_report report;
	size_t len;
	uint8_t *bytes;

	spoil(b, HEADER + 2 * FRAME + 100, 1);
	bytes = read_file(b->log_path, &len);
	bytes[HEADER + 5 * FRAME + 2000] ^= 0x80;
	write_file(b->log_path, bytes, len);
	free(bytes);
	report = mend(b);
	assert_int_equal(report.repaired, 2);
	assert_true(is_as_it_was(b));
	assert_int_equal(unlink(report.copy), 0);
}

static void test_what_cannot_be_put_right_is_counted_and_kept(void **state)
{
	struct bench *b = *state;
	size_t frames = (b->len - HEADER) / FRAME, first = frames - 5;
	struct orch_db_log_report report;
	struct stat status;

	spoil(b, HEADER + first * FRAME + 500, 0x55);
	report = mend(b);
	assert_int_equal(report.repaired, 0);
	assert_int_equal(report.lost, 5);
	assert_int_equal(stat(report.copy, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(status.st_size, b->len);
	assert_int_equal(unlink(report.copy), 0);
	assert_in_range(ask(b->f.path, "SELECT count(*) FROM t"), 1, COMMITS - 1);
}

static void test_a_spoilt_header_loses_all_of_it_and_that_is_said(void **state)
{
	struct bench *b = *state;
	struct orch_db_log_report report;

	spoil(b, 10, 0x55);
	report = mend(b);
	assert_int_equal(report.repaired, 0);
	assert_int_equal(report.lost, (b->len - HEADER) / FRAME);
	assert_int_equal(unlink(report.copy), 0);
}

/* A kill may come before SQLite has written over it. */
static void test_what_is_lost_is_said_and_kept_once(void **state)
{
	struct bench *b = *state;
	const size_t places[] = { 10, HEADER + ((b->len - HEADER) / FRAME - 5) * FRAME + 500 };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct orch_db_log_report report;

		spoil(b, places[i], 0x55);
		report = mend(b);
		assert_true(report.lost > 0);
		assert_int_equal(unlink(report.copy), 0);
		report = mend(b);
		assert_int_equal(report.lost + report.repaired, 0);
		assert_string_equal(report.copy, "");
	}
}

static void test_what_a_kill_has_cut_off_is_no_fault(void **state)
{
	struct bench *b = *state;
	uint8_t *bytes = malloc(b->len);
	struct orch_db_log_report report;

	write_file(b->log_path, b->log, b->len - 1000);
	assert_int_equal(mend(b).lost, 0);
	memcpy(bytes, b->log, b->len);
	memset(bytes + b->len - 1000, 0, 1000);
	write_file(b->log_path, bytes, b->len);
	report = mend(b);
	assert_int_equal(report.lost + report.repaired, 0);
	assert_string_equal(report.copy, "");
	free(bytes);
}

/* Behind the frames of the log that has begun anew stand those of the one before. */
static void test_what_is_left_of_an_older_log_is_no_fault(void **state)
{
	struct bench *b = *state;
	char path[160];
	sqlite3 *handle;

	assert_int_equal(sqlite3_open(b->f.path, &handle), SQLITE_OK);
	run(handle,
		"PRAGMA wal_autocheckpoint = 0; PRAGMA wal_checkpoint(RESTART);"
		"INSERT INTO t (bytes) VALUES (randomblob(3000))");
	(void)snprintf(path, sizeof(path), "%s.copy", b->log_path);
	copy_file(b->log_path, path);
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
	assert_int_equal(rename(path, b->log_path), 0);
	assert_int_equal(mend(b).lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_log, remove_log)
		TEST(test_a_sound_log_is_left_alone),
		TEST(test_no_log_is_no_fault),
		TEST(test_a_flipped_bit_is_put_right),
		TEST(test_no_bit_is_flipped_for_another),
		TEST(test_a_bit_in_each_of_two_frames_is_put_right),
		TEST(test_what_cannot_be_put_right_is_counted_and_kept),
		TEST(test_a_spoilt_header_loses_all_of_it_and_that_is_said),
		TEST(test_what_is_lost_is_said_and_kept_once),
		TEST(test_what_a_kill_has_cut_off_is_no_fault),
		TEST(test_what_is_left_of_an_older_log_is_no_fault),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
