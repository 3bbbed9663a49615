/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log after a kill, before SQLite opens it.  SQLite takes the
 * first frame that does not verify for the log's end: right for what a kill
 * has cut off, and a silent loss of commits when one bit has flipped on the
 * disk.  Checksums of frames go on from frame to frame and are linear, so one
 * flipped bit is found by looking at what each bit would change.  If several
 * would do, nothing is guessed: what is lost is counted, kept aside, and cut
 * off, so that the next start does not count it again.
 *
 * The format is that of https://sqlite.org/fileformat2.html#walformat.
 */
#include "db/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define LOG_BYTES ((size_t)1 << 30) /* a longer one is left to SQLite */
#define HEADER_BYTES 32
#define FRAME_BYTES 24 /* and the page behind them */
#define SUMMED_BYTES 8 /* of them: page and size of the database */
#define MAGIC 0x377f0682u
#define VERSION 3007000u
#define DEFAULT_PAGE 4096 /* if the header does not tell */

struct log {
	uint8_t *bytes;
	size_t len, page_size;
	bool is_ambiguous; /* one bit is wrong, and it cannot be told which of two */
	bool is_big;       /* its checksums are of words in this order */
	size_t count;      /* of frames */
};

struct sums {
	uint32_t a, b;
};

static uint32_t read_big(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_big(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t read_word(const struct log *log, const uint8_t *at)
{
	if (log->is_big)
		return read_big(at);
	return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static struct sums add_up(const struct log *log, const uint8_t *bytes, size_t len, struct sums sums)
{
	for (size_t i = 0; i < len; i += 8) {
		sums.a += read_word(log, bytes + i) + sums.b;
		sums.b += read_word(log, bytes + i + 4) + sums.a;
	}
	return sums;
}

static struct sums stored_at(const uint8_t *at)
{
	return (struct sums){ read_big(at), read_big(at + 4) };
}

static bool same(struct sums x, struct sums y)
{
	return x.a == y.a && x.b == y.b;
}

static bool is_one_bit(uint32_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

static bool differ_by_a_bit(struct sums x, struct sums y)
{
	uint32_t a = x.a ^ y.a, b = x.b ^ y.b;

	return (a == 0 && is_one_bit(b)) || (b == 0 && is_one_bit(a));
}

/* Fills in what the header says of the others; false if it is none. */
static bool read_header(struct log *log)
{
	uint32_t magic = read_big(log->bytes), size = read_big(log->bytes + 8);

	log->is_big = (magic & 1) != 0;
	log->page_size = size;
	if ((magic & ~1u) != MAGIC || read_big(log->bytes + 4) != VERSION || size < 512 ||
		size > 65536 || !is_one_bit(size))
		return false;
	log->count = (log->len - HEADER_BYTES) / (FRAME_BYTES + size);
	return same(add_up(log, log->bytes, 24, (struct sums){ 0, 0 }), stored_at(log->bytes + 24));
}

static uint8_t *frame_of(const struct log *log, size_t index)
{
	return log->bytes + HEADER_BYTES + index * (FRAME_BYTES + log->page_size);
}

static struct sums sums_of(const struct log *log, const uint8_t *frame, struct sums before)
{
	struct sums sums = add_up(log, frame, SUMMED_BYTES, before);

	return add_up(log, frame + FRAME_BYTES, log->page_size, sums);
}

static bool is_current(const struct log *log, const uint8_t *frame)
{
	return memcmp(frame + 8, log->bytes + 16, 8) == 0;
}

static bool fits(const struct log *log, const uint8_t *frame, struct sums before)
{
	return is_current(log, frame) && read_big(frame) != 0 &&
		same(sums_of(log, frame, before), stored_at(frame + 16));
}

struct found {
	uint8_t *byte;
	uint8_t mask;
	size_t count; /* of bits that would do */
};

/* The bit of the word at AT that makes up for LACK, if adding one there adds EFFECT to the sums. */
static void look_in_word(const struct log *log, uint8_t *at, struct sums effect, struct sums lack,
	struct found *found)
{
	uint32_t word = read_word(log, at);

	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t by = (word >> bit & 1) != 0 ? 0u - (1u << bit) : 1u << bit;

		if (effect.a * by != lack.a || effect.b * by != lack.b)
			continue;
		found->byte = at + (log->is_big ? 3 - bit / 8 : bit / 8);
		found->mask = (uint8_t)(1 << bit % 8);
		found->count++;
	}
}

/*
 * The words from the last to the first, with what each of them adds to the
 * sums.  For the highest bits of a word that repeats itself every few words:
 * then several bits would do, and nobody knows which it was.
 */
static struct found look_for_bit(const struct log *log, uint8_t *frame, struct sums lack)
{
	struct sums first = { 1, 1 }, second = { 0, 1 }; /* of a pair of words, the last one's */
	struct found found = { .count = 0 };

	for (size_t left = log->page_size + SUMMED_BYTES; left > 0; left -= 8) {
		uint8_t *pair =
			left > SUMMED_BYTES ? frame + FRAME_BYTES + left - SUMMED_BYTES - 8 : frame;

		look_in_word(log, pair, first, lack, &found);
		look_in_word(log, pair + 4, second, lack, &found);
		first = (struct sums){ first.a + first.b, first.a + 2 * first.b };
		second = (struct sums){ second.a + second.b, second.a + 2 * second.b };
	}
	return found;
}

/* A bit of the last word and one of the sums behind it make the same difference: frame 0 tells. */
static bool mend_header(struct log *log)
{
	for (size_t bit = 0; bit < (size_t)HEADER_BYTES * 8; bit++) {
		log->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (read_header(log) && log->count > 0 &&
			fits(log, frame_of(log, 0), stored_at(log->bytes + 24)))
			return true;
		log->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	return false;
}

static bool mend_salts(const struct log *log, uint8_t *frame, struct sums sums)
{
	if (!same(sums, stored_at(frame + 16)) ||
		!differ_by_a_bit(stored_at(frame + 8), stored_at(log->bytes + 16)))
		return false;
	memcpy(frame + 8, log->bytes + 16, 8);
	return true;
}

/*
 * SUMS are what the frame has.  Either one bit of the stored ones is wrong, or
 * one of what they are of: the next frame goes on from those that are right.
 */
static bool mend_bytes(struct log *log, size_t index, struct sums sums)
{
	uint8_t *frame = frame_of(log, index);
	struct sums stored = stored_at(frame + 16);
	const uint8_t *next = index + 1 < log->count ? frame_of(log, index + 1) : NULL;
	struct found found =
		look_for_bit(log, frame, (struct sums){ stored.a - sums.a, stored.b - sums.b });
	bool sums_may_be_wrong = differ_by_a_bit(sums, stored);

	if (sums_may_be_wrong && next != NULL && fits(log, next, sums))
		found.count = 0;
	else if (next != NULL && fits(log, next, stored))
		sums_may_be_wrong = false;
	log->is_ambiguous = found.count + sums_may_be_wrong > 1;
	if (log->is_ambiguous || found.count + sums_may_be_wrong == 0)
		return false;
	if (sums_may_be_wrong) {
		write_big(frame + 16, sums.a);
		write_big(frame + 20, sums.b);
	} else {
		*found.byte ^= found.mask;
	}
	return true;
}

/* One flipped bit, wherever it is: salts, sums, or what these are of. */
static bool mend_frame(struct log *log, size_t index, struct sums before)
{
	uint8_t *frame = frame_of(log, index);
	struct sums sums = sums_of(log, frame, before);
	bool mended = is_current(log, frame) ? mend_bytes(log, index, sums)
					     : mend_salts(log, frame, sums);

	return mended && fits(log, frame, before);
}

/* From FIRST to the last commit of the same log behind it; none: a kill has cut it off there. */
static size_t count_lost(const struct log *log, size_t first)
{
	size_t lost = 0;

	for (size_t i = first + 1; i < log->count; i++) {
		const uint8_t *frame = frame_of(log, i);

		if (is_current(log, frame) && read_big(frame + 4) != 0)
			lost = i + 1 - first;
	}
	return lost;
}

static void walk(struct log *log, struct orch_db_log_report *report)
{
	struct sums before = stored_at(log->bytes + 24);

	for (size_t i = 0; i < log->count; i++) {
		uint8_t *frame = frame_of(log, i);

		if (!fits(log, frame, before)) {
			if (!mend_frame(log, i, before)) {
				report->lost = count_lost(log, i);
				if (report->lost == 0 && log->is_ambiguous)
					report->lost = 1;
				if (report->lost > 0)
					log->len = (size_t)(frame - log->bytes);
				return;
			}
			report->repaired++;
		}
		before = stored_at(frame + 16);
	}
}

/* Nothing of it is read by SQLite: what stands in it is told by the salts of its first frame. */
static void walk_headless(struct log *log, struct orch_db_log_report *report)
{
	log->page_size = DEFAULT_PAGE;
	log->count = (log->len - HEADER_BYTES) / (FRAME_BYTES + DEFAULT_PAGE);
	if (log->count == 0)
		return;
	memcpy(log->bytes + 16, frame_of(log, 0) + 8, 8);
	report->lost = count_lost(log, 0);
	if (report->lost == 0 && read_big(frame_of(log, 0) + 4) != 0)
		report->lost = 1;
	if (report->lost > 0)
		log->len = 0;
}

static int keep_copy(const char *path, struct orch_text bytes, struct orch_db_log_report *report,
	struct orch_err *err)
{
	(void)snprintf(report->copy, sizeof(report->copy), "%s.damaged-%llu", path,
		(unsigned long long)orch_clock_now_ms());
	return orch_file_write(report->copy, bytes, 0600, err);
}

static int look(const char *path, struct orch_arena *arena, struct orch_db_log_report *report,
	struct orch_err *err)
{
	struct orch_text whole, changed;
	struct log log;
	int code = orch_file_read(path, LOG_BYTES, arena, &whole, err);

	if (code < 0 || whole.len < HEADER_BYTES + FRAME_BYTES)
		return code;
	changed = orch_arena_text(arena, whole);
	if (orch_arena_failed(arena))
		return orch_fail(err, ORCH_E_NOMEM, "%s: out of memory", path);
	log = (struct log){ .bytes = (uint8_t *)(uintptr_t)changed.ptr, .len = changed.len };
	if (read_header(&log)) {
		walk(&log, report);
	} else if (mend_header(&log)) {
		report->repaired++;
		walk(&log, report);
	} else {
		walk_headless(&log, report);
	}
	if (report->lost == 0 && report->repaired == 0)
		return ORCH_OK;
	code = keep_copy(path, whole, report, err);
	changed.len = log.len;
	if (code == ORCH_OK)
		code = orch_file_write(path, changed, 0600, err);
	return code;
}

int orch_db_mend_log(
	const char *database, struct orch_db_log_report *ret_report, struct orch_err *err)
{
	struct orch_arena *arena = orch_arena_create(0);
	struct stat status;
	char path[4096];
	int code = ORCH_OK;

	*ret_report = (struct orch_db_log_report){ .copy = "" };
	(void)snprintf(path, sizeof(path), "%s-wal", database);
	if (arena == NULL)
		return orch_fail(err, ORCH_E_NOMEM, "%s: out of memory", path);
	if (orch_path_lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
		(size_t)status.st_size <= LOG_BYTES)
		code = look(path, arena, ret_report, err);
	orch_arena_destroy(arena);
	return code;
}
