/* SPDX-License-Identifier: Apache-2.0 */
#include "kit/time.h"

#define MS_PER_DAY 86400000u
#define LAST_MS 253402300799999u /* of the year 9999 */

/* The civil date of a day since 1970, counted in years that begin on 1 March. */
static void civil(uint64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	uint64_t since_0 = days + 719468u;
	uint64_t era = since_0 / 146097u;
	uint64_t of_era = since_0 % 146097u;
	uint64_t year = (of_era - of_era / 1460u + of_era / 36524u - of_era / 146096u) / 365u;
	uint64_t of_year = of_era - (365u * year + year / 4u - year / 100u);
	uint64_t month = (5u * of_year + 2u) / 153u;

	*ret_day = (unsigned)(of_year - (153u * month + 2u) / 5u + 1u);
	*ret_month = (unsigned)(month < 10u ? month + 3u : month - 9u);
	*ret_year = (unsigned)(year + era * 400u + (*ret_month <= 2u ? 1u : 0u));
}

void kit_time_format(uint64_t time_ms, char text[KIT_TIME_BYTES])
{
	uint64_t known = time_ms > LAST_MS ? LAST_MS : time_ms;
	unsigned ms = (unsigned)(known % MS_PER_DAY);
	unsigned year, month, day;

	civil(known / MS_PER_DAY, &year, &month, &day);
	(void)snprintf(text, KIT_TIME_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000u,
		month % 100u, day % 100u, ms / 3600000u % 100u, ms / 60000u % 60u, ms / 1000u % 60u,
		ms % 1000u);
}
