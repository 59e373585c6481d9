/*
 * datetime: dates and times between the server's binary form and its text (DateStyle ISO, TimeZone
 * UTC).
 */
#ifndef MIG_PG_DATETIME_H
#define MIG_PG_DATETIME_H

#include <stdint.h>

/* At most 40 bytes at O each.  They return the end. */

/* Days since 2000-01-01; the least and the greatest number are the infinities. */
char *datetime_put_date(char *o, int32_t days);
/* Microseconds of a day, at most 86400000000. */
char *datetime_put_time(char *o, uint64_t us);
/* Microseconds since 2000-01-01; with ZONE, "+00" behind them. */
char *datetime_put_timestamp(char *o, int64_t us, int zone);

#endif
