/*
 * datetime: dates and times between the server's binary form and its text (DateStyle ISO, TimeZone
 * UTC).
 */
#ifndef MIG_PG_DATETIME_H
#define MIG_PG_DATETIME_H

#include <stddef.h>
#include <stdint.h>

/* At most 40 bytes at O each.  They return the end. */

/* Days since 2000-01-01; the least and the greatest number are the infinities. */
char *datetime_put_date(char *o, int32_t days);
/* Microseconds of a day, at most 86400000000. */
char *datetime_put_time(char *o, uint64_t us);
/* Microseconds since 2000-01-01; with ZONE, "+00" behind them. */
char *datetime_put_timestamp(char *o, int64_t us, int zone);

/* The way back, for text as these write it (a fraction may end in zeros).  -1: it is none, or the day is
 * none of the calendar's, or the time none of the day's. */
int datetime_get_date(const char *p, size_t len, int32_t *days);
int datetime_get_time(const char *p, size_t len, uint64_t *us);
int datetime_get_timestamp(const char *p, size_t len, int zone, int64_t *us);

#endif
