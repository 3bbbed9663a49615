/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/account.h"
#include "base/clock.h"
#include "base/text.h"

#define TOOK_MS (15ull * 60 * 1000)  /* after so long the answer's date says nothing about now */
#define EARLIEST_MS 1420070400000ull /* 2015 */
#define LATEST_MS 4102444800000ull   /* 2100 */

int64_t orch_aws_offset_ms(const struct orch_aws *aws)
{
	return atomic_load_explicit(&aws->offset_ms, memory_order_relaxed);
}

uint64_t orch_aws_now_ms(const struct orch_aws *aws)
{
	return (uint64_t)((int64_t)orch_clock_now_ms() + orch_aws_offset_ms(aws));
}

static uint64_t read_date(struct orch_text date, struct orch_aws_date *last)
{
	if (last == NULL)
		return orch_http_parse_date(date);
	if (date.len >= sizeof(last->text))
		return 0;
	if (orch_text_is(date, last->text))
		return last->ms;
	(void)snprintf(last->text, sizeof(last->text), "%.*s", ORCH_TEXT_ARG(date));
	last->ms = orch_http_parse_date(date);
	return last->ms;
}

void orch_aws_observe_clock(struct orch_aws *aws, struct orch_text headers, uint64_t took_ms,
	struct orch_aws_date *last)
{
	uint64_t date_ms = read_date(orch_http_find_header(headers, "Date"), last);
	int64_t offset_ms;

	/* What has an Age comes out of a cache. */
	if (date_ms < EARLIEST_MS || date_ms > LATEST_MS || took_ms > TOOK_MS ||
		orch_http_find_header(headers, "Age").len > 0)
		return;
	offset_ms = (int64_t)date_ms - (int64_t)orch_clock_now_ms();
	atomic_store_explicit(&aws->offset_ms, offset_ms, memory_order_relaxed);
	orch_metric_set(aws->skew, offset_ms / 1000);
}
