/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to the server comes back the same, or is refused before it is sent. */
#include "pg/internal.h"
#include "unit/pg/fixture.h"

/* One statement; what comes back is kept as a text. */
struct probe {
	struct orch_pg_op op;
	const char *sql;
	void (*fill)(struct orch_pg_sender *sender, struct probe *probe);
	struct orch_text text;
	size_t count;
	bool reads_int;
	int64_t number;
	bool is_null;
	char got[512];
	size_t len, rows, changed;
};

static int send_probe(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	struct probe *probe = (struct probe *)(void *)op;

	orch_pg_begin(sender, probe->sql);
	if (probe->fill)
		probe->fill(sender, probe);
	return orch_pg_end(sender, err);
}

static void take_value(struct probe *probe, const struct orch_pg_rows *rows)
{
	struct orch_text text;

	probe->is_null = orch_pg_is_null(rows, 0, 0);
	if (probe->reads_int) {
		probe->number = orch_pg_get_int(rows, 0, 0);
		return;
	}
	text = orch_pg_get(rows, 0, 0);
	assert_true(text.len < sizeof(probe->got));
	assert_int_equal(text.ptr[text.len], '\0');
	memcpy(probe->got, text.ptr, text.len + 1);
	probe->len = text.len;
}

static int take_probe(struct orch_pg_op *op, unsigned number, const struct orch_pg_rows *rows,
	struct orch_err *err)
{
	struct probe *probe = (struct probe *)(void *)op;

	(void)err;
	assert_int_equal(number, 0);
	probe->rows = orch_pg_count(rows);
	probe->changed = orch_pg_changed(rows);
	if (probe->rows > 0)
		take_value(probe, rows);
	return ORCH_OK;
}

static int try_probe(const struct fixture *f, struct probe *probe, struct orch_err *err)
{
	struct orch_db_group group = { .first = &probe->op.base };

	probe->op = (struct orch_pg_op){ .send = send_probe, .take = take_probe };
	return orch_pg_run(f->pg, &group, err);
}

static void run_probe(const struct fixture *f, struct probe *probe)
{
	struct orch_err err = { "" };

	if (try_probe(f, probe, &err) < 0)
		fail_msg("%s: %s", probe->sql, err.text);
}

static void fill_text(struct orch_pg_sender *sender, struct probe *probe)
{
	orch_pg_text(sender, probe->text);
}

static void fill_bytes(struct orch_pg_sender *sender, struct probe *probe)
{
	orch_pg_bytes(sender, probe->text);
}

static void assert_text_becomes(
	const struct fixture *f, const char *text, size_t len, const char *wanted)
{
	struct probe probe = { .sql = "SELECT $1::text", .fill = fill_text, .text = { text, len } };

	run_probe(f, &probe);
	assert_string_equal(probe.got, wanted);
	assert_int_equal(probe.len, strlen(wanted));
}

static void test_a_text_comes_back_as_it_was(void **state)
{
	assert_text_becomes(*state, "", 0, "");
	assert_text_becomes(*state, "plain", 5, "plain");
	assert_text_becomes(*state, "gr\xc3\xbc\xc3\x9f' \"\\ \xf0\x9f\x98\x80", 15,
		"gr\xc3\xbc\xc3\x9f' \"\\ \xf0\x9f\x98\x80");
}

#define BAD "\xef\xbf\xbd"

static void test_nul_and_what_is_not_utf8_become_replacement_characters(void **state)
{
	assert_text_becomes(*state, "a\0b", 3, "a" BAD "b");
	assert_text_becomes(*state, "\0", 1, BAD);
	assert_text_becomes(*state, "\xff\xfe", 2, BAD BAD);
	assert_text_becomes(*state, "x\xc3", 2, "x" BAD);                    /* cut short */
	assert_text_becomes(*state, "\xc0\xaf", 2, BAD BAD);                 /* too long a form */
	assert_text_becomes(*state, "\xed\xa0\x80", 3, BAD BAD BAD);         /* half of a pair */
	assert_text_becomes(*state, "\xf4\x90\x80\x80", 4, BAD BAD BAD BAD); /* beyond Unicode */
	assert_text_becomes(*state, "\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf");
}

static void test_bytes_come_back_as_they_were(void **state)
{
	char bytes[256];
	struct probe probe = {
		.sql = "SELECT $1::bytea", .fill = fill_bytes, .text = { bytes, sizeof(bytes) }
	};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(unsigned char)i;
	run_probe(*state, &probe);
	assert_int_equal(probe.len, sizeof(bytes));
	assert_memory_equal(probe.got, bytes, sizeof(bytes));
	probe.text.len = 0;
	run_probe(*state, &probe);
	assert_int_equal(probe.len, 0);
	assert_false(probe.is_null);
}

static void fill_number(struct orch_pg_sender *sender, struct probe *probe)
{
	orch_pg_int(sender, probe->number);
}

static void test_numbers_of_each_width_are_read(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, INT16_MIN, INT16_MAX, INT32_MIN, INT32_MAX,
		INT64_MIN, INT64_MAX };
	static const char *const sql[] = { "SELECT $1", "SELECT $1::integer",
		"SELECT $1::smallint" };
	static const int64_t most[] = { INT64_MAX, INT32_MAX, INT16_MAX };

	for (size_t width = 0; width < 3; width++) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			struct probe probe = { .sql = sql[width],
				.fill = fill_number,
				.reads_int = true,
				.number = numbers[i] };

			if (numbers[i] > most[width] || numbers[i] < -most[width] - 1)
				continue;
			run_probe(*state, &probe);
			assert_int_equal(probe.number, numbers[i]);
		}
	}
}

static void fill_both(struct orch_pg_sender *sender, struct probe *probe)
{
	(void)probe;
	orch_pg_bool(sender, true);
	orch_pg_bool(sender, false);
	orch_pg_null(sender);
}

static void test_booleans_and_null_arrive(void **state)
{
	struct probe probe = { .sql = "SELECT concat($1, ' ', $2, ' ', $3::bigint IS NULL)",
		.fill = fill_both };

	run_probe(*state, &probe);
	assert_string_equal(probe.got, "t f t");
}

static void fill_null_or_number(struct orch_pg_sender *sender, struct probe *probe)
{
	if (probe->count++ == 0)
		orch_pg_null(sender);
	else
		orch_pg_int(sender, probe->number);
}

/* The server would take the first one's type for that of all. */
static void test_a_statement_that_begins_with_null_takes_values_later(void **state)
{
	struct probe probe = { .sql = "SELECT coalesce($1, 5::integer)",
		.fill = fill_null_or_number,
		.reads_int = true };

	run_probe(*state, &probe);
	assert_int_equal(probe.number, 5);
	probe.number = INT64_MAX;
	run_probe(*state, &probe);
	assert_int_equal(probe.number, INT64_MAX);
	probe.count = 0;
	run_probe(*state, &probe);
	assert_int_equal(probe.number, 5);
}

static void fill_pair(struct orch_pg_sender *sender, struct probe *probe)
{
	for (size_t bit = 1; bit <= 4; bit *= 2) {
		if (probe->count & bit)
			orch_pg_int(sender, (int64_t)bit);
		else
			orch_pg_null(sender);
	}
}

/* Else a statement with many that may be NULL would be prepared in each way there is. */
static void test_types_are_learnt_from_one_variant_to_the_next(void **state)
{
	static const size_t calls[] = { 0, 1, 2, 4, 3, 5, 6, 7, 0 };
	const struct fixture *f = *state;
	struct probe probe = {
		.sql = "SELECT coalesce($1, 0) + coalesce($2, 0) + coalesce($3, 0)",
		.fill = fill_pair,
		.reads_int = true,
	};
	size_t before;

	run_probe(f, &(struct probe){ .sql = "SELECT 1", .reads_int = true });
	before = f->pg->run->statement_count;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		probe.count = calls[i];
		run_probe(f, &probe);
		assert_int_equal(probe.number, calls[i]);
	}
	assert_int_equal(f->pg->run->statement_count, before + 4);
}

static void test_one_statement_too_many_is_refused(void **state)
{
	const struct fixture *f = *state;
	char(*sql)[32] = test_calloc(ORCH_PG_STATEMENTS + 1, sizeof(*sql));
	struct probe probe = { .reads_int = true };
	struct orch_err err = { "" };
	size_t known;

	/* The schema's look has prepared some. */
	run_probe(f, &(struct probe){ .sql = "SELECT 1", .reads_int = true });
	known = f->pg->run->statement_count;
	for (size_t i = 0; i <= ORCH_PG_STATEMENTS; i++)
		(void)snprintf(sql[i], sizeof(*sql), "SELECT %zu::bigint", i);
	for (size_t i = 0; i < ORCH_PG_STATEMENTS - known; i++) {
		probe.sql = sql[i];
		run_probe(f, &probe);
		assert_int_equal(probe.number, i);
	}
	probe.sql = sql[ORCH_PG_STATEMENTS];
	assert_int_equal(try_probe(f, &probe, &err), ORCH_E_INTERNAL);
	assert_contains(err.text, "512 statements");
	probe.sql = sql[0];
	run_probe(f, &probe);
	assert_int_equal(probe.number, 0);
	test_free(sql);
}

static void test_null_reads_as_nothing(void **state)
{
	struct probe probe = { .sql = "SELECT NULL::bigint", .reads_int = true, .number = 3 };

	run_probe(*state, &probe);
	assert_true(probe.is_null);
	assert_int_equal(probe.number, 0);
	probe = (struct probe){ .sql = "SELECT NULL::text", .len = 3 };
	run_probe(*state, &probe);
	assert_true(probe.is_null);
	assert_int_equal(probe.len, 0);
}

static void fill_arrays(struct orch_pg_sender *sender, struct probe *probe)
{
	static const int64_t numbers[] = { INT64_MIN, -1, INT64_MAX };
	static const struct orch_text texts[] = { { "", 0 }, { "a,b\"{}\\", 7 },
		{ "x\0y\xff", 4 } };
	static const struct orch_text bytes[] = { { "\0\xff", 2 }, { "", 0 } };

	orch_pg_ints(sender, numbers, probe->count ? 3 : 0);
	orch_pg_texts(sender, texts, probe->count ? 3 : 0);
	orch_pg_byteses(sender, bytes, probe->count ? 2 : 0);
}

static void test_arrays_arrive_element_by_element(void **state)
{
	struct probe probe = {
		.sql = "SELECT concat($1, $2, $3)", .fill = fill_arrays, .count = 1
	};

	run_probe(*state, &probe);
	assert_string_equal(probe.got,
		"{-9223372036854775808,-1,9223372036854775807}"
		"{\"\",\"a,b\\\"{}\\\\\",x" BAD "y" BAD "}"
		"{\"\\\\x00ff\",\"\\\\x\"}");
	probe.count = 0;
	run_probe(*state, &probe);
	assert_string_equal(probe.got, "{}{}{}");
}

static void test_what_a_statement_changed_is_counted(void **state)
{
	struct probe probe = { .sql = "INSERT INTO item SELECT generate_series(1, 7)" };

	run_probe(*state, &probe);
	assert_int_equal(probe.changed, 7);
	assert_int_equal(probe.rows, 0);
	probe = (struct probe){ .sql = "DELETE FROM item WHERE id > 5" };
	run_probe(*state, &probe);
	assert_int_equal(probe.changed, 2);
	probe = (struct probe){ .sql = "ANALYZE item" };
	run_probe(*state, &probe);
	assert_int_equal(probe.changed, 0);
}

static void assert_is_refused(
	const struct fixture *f, struct probe *probe, int code, const char *words)
{
	struct orch_err err = { "" };
	struct probe after = { .sql = "SELECT 1", .reads_int = true };

	assert_int_equal(try_probe(f, probe, &err), code);
	assert_contains(err.text, words);
	/* And no harm is done to what follows. */
	run_probe(f, &after);
	assert_int_equal(after.number, 1);
}

static void test_a_result_of_another_type_fails_the_group(void **state)
{
	struct probe text = { .sql = "SELECT 'text'", .reads_int = true };
	struct probe number = { .sql = "SELECT 1.5" };

	assert_is_refused(*state, &text, ORCH_E_INTERNAL, "another type");
	assert_is_refused(*state, &number, ORCH_E_INTERNAL, "another type");
}

static void fill_too_many(struct orch_pg_sender *sender, struct probe *probe)
{
	for (size_t i = 0; i < probe->count; i++)
		orch_pg_int(sender, (int64_t)i);
}

static void test_one_parameter_too_many_is_refused(void **state)
{
	char sql[1024] = "SELECT 0";
	struct probe probe = { .sql = sql, .fill = fill_too_many, .reads_int = true };

	for (int i = 1; i <= ORCH_PG_PARAMETERS; i++)
		(void)snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), " + $%d", i);
	probe.count = ORCH_PG_PARAMETERS;
	run_probe(*state, &probe);
	assert_int_equal(probe.number, ORCH_PG_PARAMETERS * (ORCH_PG_PARAMETERS - 1) / 2);
	probe.count++;
	assert_is_refused(*state, &probe, ORCH_E_LIMIT, "too many parameters");
}

static void fill_texts(struct orch_pg_sender *sender, struct probe *probe)
{
	orch_pg_texts(sender, &probe->text, 1);
}

static void test_a_value_that_is_too_large_is_refused(void **state)
{
	char *large = test_calloc(1, ORCH_PG_VALUE_BYTES + 1);
	struct probe probe = { .sql = "SELECT length($1)",
		.fill = fill_bytes,
		.reads_int = true,
		.text = { large, ORCH_PG_VALUE_BYTES } };

	run_probe(*state, &probe);
	assert_int_equal(probe.number, ORCH_PG_VALUE_BYTES);
	probe.text.len++;
	assert_is_refused(*state, &probe, ORCH_E_LIMIT, "a value is too large");
	/* Each byte of it would become three. */
	probe.fill = fill_text;
	probe.text.len = ORCH_PG_VALUE_BYTES / 3 + 1;
	assert_is_refused(*state, &probe, ORCH_E_LIMIT, "a value is too large");
	/* And so would these be, as elements. */
	probe.fill = fill_texts;
	assert_is_refused(*state, &probe, ORCH_E_LIMIT, "a value is too large");
	test_free(large);
}

/* Several statements of the same large value. */
struct heavy {
	struct orch_pg_op op;
	struct orch_text value;
	unsigned count;
};

static int send_heavy(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	struct heavy *heavy = (struct heavy *)(void *)op;
	int code = ORCH_OK;

	for (unsigned i = 0; i < heavy->count && code == ORCH_OK; i++) {
		orch_pg_begin(sender, "INSERT INTO item SELECT length($1)");
		orch_pg_bytes(sender, heavy->value);
		code = orch_pg_end(sender, err);
	}
	return code;
}

static void test_a_group_that_is_too_large_is_refused_and_undone(void **state)
{
	enum { STATEMENTS = ORCH_PG_GROUP_BYTES / ORCH_PG_VALUE_BYTES };
	const struct fixture *f = *state;
	char *large = test_calloc(1, ORCH_PG_VALUE_BYTES);
	struct heavy heavy = { .op = { .send = send_heavy },
		.value = { large, ORCH_PG_VALUE_BYTES },
		.count = STATEMENTS + 1 };
	struct orch_db_group group = { .first = &heavy.op.base };
	struct orch_err err = { "" };

	assert_int_equal(orch_pg_run(f->pg, &group, &err), ORCH_E_LIMIT);
	assert_contains(err.text, "a group's values are too large");
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 0);
	heavy.count = 1;
	if (orch_pg_run(f->pg, &group, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), 1);
	test_free(large);
}

#define MANY 100000
#define ELEMENTS 4

/* One of many, with an array for each of its values. */
struct small {
	struct orch_db_group group;
	struct orch_pg_op op;
	struct counter *done;
	int64_t number;
};

static int send_small(struct orch_pg_op *op, struct orch_pg_sender *sender, struct orch_err *err)
{
	struct small *small = (struct small *)(void *)((char *)op - offsetof(struct small, op));
	int64_t numbers[ELEMENTS];

	for (int i = 0; i < ELEMENTS; i++)
		numbers[i] = small->number * ELEMENTS + i;
	orch_pg_begin(sender, "INSERT INTO item SELECT unnest($1)");
	orch_pg_ints(sender, numbers, ELEMENTS);
	return orch_pg_end(sender, err);
}

static void on_small(struct orch_db_group *group)
{
	struct small *small = (struct small *)(void *)group;

	assert_int_equal(group->code, ORCH_OK);
	counter_add(small->done);
}

/* Refills the queue as long as it takes some. */
struct feeder {
	struct orch_job job;
	struct fixture *f;
	struct small *all;
	size_t next;
	struct counter fed;
};

static void feed(struct orch_job *job)
{
	struct feeder *feeder = (struct feeder *)(void *)job;
	struct orch_err err;

	while (feeder->next < MANY &&
		orch_pg_submit(feeder->f->pg, &feeder->all[feeder->next].group, &err) == ORCH_OK)
		feeder->next++;
	counter_add(&feeder->fed);
}

static void test_a_hundred_thousand_statements_with_arrays_all_arrive(void **state)
{
	struct fixture *f = *state;
	struct counter done = COUNTER_INIT;
	struct feeder feeder = { .job = { .run = feed }, .f = f, .fed = COUNTER_INIT };
	unsigned fed = 0;

	feeder.all = test_calloc(MANY, sizeof(*feeder.all));
	for (int i = 0; i < MANY; i++) {
		struct small *small = &feeder.all[i];

		small->group = (struct orch_db_group){
			.first = &small->op.base, .lane = f->lane, .done = on_small
		};
		small->op.send = send_small;
		small->done = &done;
		small->number = i;
	}
	while (counter_value(&done) < MANY) {
		orch_lane_post(f->lane, &feeder.job);
		counter_await(&feeder.fed, ++fed);
		counter_await(&done, (unsigned)feeder.next);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM item"), MANY * ELEMENTS);
	assert_int_equal(ask(f, "SELECT max(id) FROM item"), MANY * ELEMENTS - 1);
	test_free(feeder.all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_a_text_comes_back_as_it_was),
		TEST(test_nul_and_what_is_not_utf8_become_replacement_characters),
		TEST(test_bytes_come_back_as_they_were),
		TEST(test_numbers_of_each_width_are_read),
		TEST(test_booleans_and_null_arrive),
		TEST(test_a_statement_that_begins_with_null_takes_values_later),
		TEST(test_types_are_learnt_from_one_variant_to_the_next),
		TEST(test_null_reads_as_nothing),
		TEST(test_one_statement_too_many_is_refused),
		TEST(test_arrays_arrive_element_by_element),
		TEST(test_what_a_statement_changed_is_counted),
		TEST(test_a_result_of_another_type_fails_the_group),
		TEST(test_one_parameter_too_many_is_refused),
		TEST(test_a_value_that_is_too_large_is_refused),
		TEST(test_a_group_that_is_too_large_is_refused_and_undone),
		TEST(test_a_hundred_thousand_statements_with_arrays_all_arrive),
#undef TEST
	};

	return cmocka_run_group_tests(tests, start_postgres, stop_postgres);
}
