#include "pg/datetime.h"

#include <string.h>

#include "pg/digits.h"

enum { EPOCH = 10957 /* days from 1970-01-01 to 2000-01-01 */ };

/* YYYY-MM-DD of DAYS since 2000-01-01; *BC: the year is before Christ, said at the very end. */
static char *put_ymd(char *o, int64_t days, int *bc)
{
    /* Eras of 400 years that begin on 1 March (H. Hinnant's days_from_civil, backwards). */
    int64_t z = days + EPOCH + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    uint32_t doe = (uint32_t)(z - era * 146097);
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;
    uint32_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = (int64_t)yoe + era * 400 + (month <= 2);

    *bc = year <= 0;
    if (year <= 0)
        year = 1 - year;
    if (year < 10000) {
        o = digits_put2(o, (uint32_t)year / 100);
        o = digits_put2(o, (uint32_t)year % 100);
    } else {
        o = digits_put_unsigned(o, (uint64_t)year);
    }
    *o++ = '-';
    o = digits_put2(o, month);
    *o++ = '-';
    return digits_put2(o, doy - (153 * mp + 2) / 5 + 1);
}

/* HH:MM:SS[.ffffff] of a time of day in microseconds. */
char *datetime_put_time(char *o, uint64_t us)
{
    uint32_t seconds = (uint32_t)(us / 1000000), fraction = (uint32_t)(us % 1000000);

    o = digits_put2(o, seconds / 3600);
    *o++ = ':';
    o = digits_put2(o, seconds / 60 % 60);
    *o++ = ':';
    o = digits_put2(o, seconds % 60);
    if (fraction != 0) {
        *o++ = '.';
        o = digits_put2(o, fraction / 10000);
        o = digits_put2(o, fraction / 100 % 100);
        o = digits_put2(o, fraction % 100);
        while (o[-1] == '0')
            o--;
    }
    return o;
}

static char *put_infinity(char *o, int negative)
{
    memcpy(o, negative ? "-infinity" : "infinity", 9);
    return o + 8 + (negative != 0);
}

static char *put_bc(char *o)
{
    memcpy(o, " BC", 3);
    return o + 3;
}

char *datetime_put_timestamp(char *o, int64_t us, int zone)
{
    const int64_t day = 86400000000;
    int64_t days = us / day, rest = us % day;
    int bc;

    if (us == INT64_MIN || us == INT64_MAX)
        return put_infinity(o, us < 0);
    if (rest < 0) {
        rest += day;
        days--;
    }
    o = put_ymd(o, days, &bc);
    *o++ = ' ';
    o = datetime_put_time(o, (uint64_t)rest);
    if (zone) {
        memcpy(o, "+00", 3);
        o += 3;
    }
    return bc ? put_bc(o) : o;
}

char *datetime_put_date(char *o, int32_t days)
{
    int bc;

    if (days == INT32_MIN || days == INT32_MAX)
        return put_infinity(o, days < 0);
    o = put_ymd(o, days, &bc);
    return bc ? put_bc(o) : o;
}
