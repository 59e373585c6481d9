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

/* ---- the way back ---- */

static int is_text(const char *p, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(p, text, len) == 0;
}

/* " BC" at the end: taken off. */
static int take_bc(const char *p, size_t *len)
{
    if (*len < 3 || memcmp(p + *len - 3, " BC", 3) != 0)
        return 0;
    *len -= 3;
    return 1;
}

/* [Y...]YYYY-MM-DD to days since 2000-01-01. */
static int get_ymd(const char *p, size_t len, int bc, int64_t *days)
{
    static const unsigned char lengths[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    size_t n = len - 6; /* of the year */
    int64_t year, month, day, era, yoe, doy;

    /* Seven digits hold every year that the server knows. */
    if (len < 10 || n > 7 || (n > 4 && p[0] == '0') || p[n] != '-' || p[n + 3] != '-' ||
        (year = digits_get(p, n)) < 1 || (month = digits_get(p + n + 1, 2)) < 1 || month > 12 ||
        (day = digits_get(p + n + 4, 2)) < 1 || day > lengths[month])
        return -1;
    if (bc)
        year = 1 - year;
    if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
        return -1;
    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    yoe = year - era * 400;
    doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    *days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468 - EPOCH;
    return 0;
}

int datetime_get_time(const char *p, size_t len, uint64_t *us)
{
    int64_t hour, minute, second, fraction = 0;

    if (len < 8 || p[2] != ':' || p[5] != ':' || (hour = digits_get(p, 2)) < 0 ||
        (minute = digits_get(p + 3, 2)) < 0 || minute > 59 || (second = digits_get(p + 6, 2)) < 0 ||
        second > 59)
        return -1;
    if (len > 8) {
        if (p[8] != '.' || len < 10 || len > 15 || (fraction = digits_get(p + 9, len - 9)) < 0)
            return -1;
        for (size_t i = len; i < 15; i++)
            fraction *= 10;
    }
    *us = (uint64_t)(((hour * 60 + minute) * 60 + second) * 1000000 + fraction);
    return *us > 86400000000 ? -1 : 0;
}

int datetime_get_date(const char *p, size_t len, int32_t *days)
{
    int64_t d;
    int bc;

    if (is_text(p, len, "infinity") || is_text(p, len, "-infinity")) {
        *days = p[0] == '-' ? INT32_MIN : INT32_MAX;
        return 0;
    }
    bc = take_bc(p, &len);
    if (get_ymd(p, len, bc, &d) != 0 || d <= INT32_MIN || d >= INT32_MAX)
        return -1;
    *days = (int32_t)d;
    return 0;
}

int datetime_get_timestamp(const char *p, size_t len, int zone, int64_t *us)
{
    const int64_t day = 86400000000;
    const char *space;
    int64_t days;
    uint64_t rest;
    int bc;

    if (is_text(p, len, "infinity") || is_text(p, len, "-infinity")) {
        *us = p[0] == '-' ? INT64_MIN : INT64_MAX;
        return 0;
    }
    bc = take_bc(p, &len);
    if (zone && (len < 3 || memcmp(p + len - 3, "+00", 3) != 0))
        return -1;
    len -= zone ? 3 : 0;
    if (len == 0 || (space = memchr(p, ' ', len)) == NULL || get_ymd(p, (size_t)(space - p), bc, &days) != 0 ||
        datetime_get_time(space + 1, len - (size_t)(space + 1 - p), &rest) != 0 || rest == (uint64_t)day)
        return -1;
    /* Which of the rest it knows, the server judges. */
    if (days <= INT64_MIN / day + 1 || days >= INT64_MAX / day - 1)
        return -1;
    *us = days * day + (int64_t)rest;
    return 0;
}
