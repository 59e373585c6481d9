#include "prodcheck/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/process.h"
#include "core/report.h"
#include "pg/array.h"
#include "pg/conn.h"
#include "pg/query.h"

/* --- the window --- */

static int read_day(const char **at)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    int i;

    for (i = 0; i < 7; i++)
        if (strncasecmp(*at, days[i], 3) == 0) {
            *at += 3;
            return i + 1;
        }
    return 0;
}

static int read_time(const char **at, int *minute)
{
    int h, m, n = 0;

    if (sscanf(*at, "%2d:%2d%n", &h, &m, &n) != 2 || n == 0 || h < 0 || h > 24 || m < 0 || m > 59 ||
        h * 60 + m > 24 * 60)
        return -1;
    *at += n;
    *minute = h * 60 + m;
    return 0;
}

/* Days of WINDOW as bits 1..7, its minutes, and the zone that is left. */
static int read_window(const char *window, unsigned *days, int *from, int *to, const char **zone)
{
    const char *p = window + strspn(window, " ");
    int first, last;

    *days = 0;
    while ((first = read_day(&p)) > 0) {
        last = first;
        if (*p == '-') {
            p++;
            if ((last = read_day(&p)) == 0)
                return -1;
        }
        for (; first != last; first = first % 7 + 1)
            *days |= 1u << first;
        *days |= 1u << last;
        if (*p == ',')
            p++;
        else
            break;
    }
    if (*days == 0)
        *days = 0xfe;
    p += strspn(p, " ");
    if (read_time(&p, from) != 0 || *p++ != '-' || read_time(&p, to) != 0 ||
        (*p != ' ' && *p != '\0'))
        return -1;
    p += strspn(p, " ");
    *zone = *p != '\0' ? p : "UTC";
    return 0;
}

int local_window_open(const char *window, int day, int minute)
{
    const char *zone;
    unsigned days;
    int from, to, yesterday = day == 1 ? 7 : day - 1;

    if (read_window(window, &days, &from, &to, &zone) != 0)
        return -1;
    if (from <= to)
        return (days & 1u << day) != 0 && minute >= from && minute < to;
    /* Past midnight a window belongs to the day on which it opened. */
    return ((days & 1u << day) != 0 && minute >= from) ||
           ((days & 1u << yesterday) != 0 && minute < to);
}

static size_t windows(const struct config *config)
{
    return config != NULL ? config_count(config, "prodcheck.window") : 0;
}

int local_window_known(const struct config *config, struct err *err)
{
    size_t i;

    for (i = 0; i < windows(config); i++) {
        const char *w = config_item(config, "prodcheck.window", i);

        if (local_window_open(w, 1, 0) < 0) {
            err_set(err, ERR_USAGE, "mig.json: prodcheck.window: \"%s\" is not a window", w);
            err_hint(err, "for example \"Mon-Fri 09:00-16:00 Europe/Berlin\"");
            return -1;
        }
    }
    return 0;
}

char *local_window_zones(const struct config *config, struct err *err)
{
    struct buf b = {0};
    size_t i;

    for (i = 0; i < windows(config); i++) {
        const char *w = config_item(config, "prodcheck.window", i), *zone;
        unsigned days;
        int from, to;

        if (read_window(w, &days, &from, &to, &zone) == 0 && array_text(&b, zone, err) != 0) {
            buf_free(&b);
            return NULL;
        }
    }
    return array_take(&b, err);
}

int local_window(const struct check *k, const struct config *config, const struct result *r,
                 struct check_result *out, struct err *err)
{
    size_t i;
    int row;

    if (windows(config) == 0)
        return check_say(out, k, CHECK_SKIPPED, err, "no window in mig.json");
    for (i = 0; i < windows(config); i++) {
        const char *w = config_item(config, "prodcheck.window", i), *zone;
        unsigned days;
        int from, to;

        if (read_window(w, &days, &from, &to, &zone) != 0)
            continue;
        for (row = 0; row < result_rows(r); row++) {
            int day, h, m;

            if (strcmp(result_text(r, row, 0), zone) == 0 &&
                sscanf(result_text(r, row, 2), "%d %d:%d", &day, &h, &m) == 3 &&
                local_window_open(w, day, h * 60 + m) == 1)
                return check_say(out, k, CHECK_OK, err, "inside of the window %s", w);
        }
    }
    return check_say(out, k, CHECK_FAIL, err, "outside of the window %s%s",
                     config_item(config, "prodcheck.window", 0),
                     windows(config) > 1 ? " and of all others" : "");
}

/* --- the flag file --- */

int local_flag_file(const struct check *k, const struct config *config, struct check_result *out,
                    struct err *err)
{
    const char *path = config != NULL ? config_file(config, "prodcheck.flag_file") : NULL;
    struct stat st;

    if (path == NULL)
        return check_say(out, k, CHECK_SKIPPED, err, "no flag file in mig.json");
    if (stat(path, &st) == 0)
        return check_say(out, k, CHECK_FAIL, err, "%s is there", path);
    if (errno == ENOENT)
        return check_say(out, k, CHECK_OK, err, "%s is not there", path);
    return check_say(out, k, CHECK_ERROR, err, "cannot look for %s: %s", path, strerror(errno));
}

/* --- the application's health --- */

/* A URL is asked through curl(1); anything else is a command that must exit 0. */
static int ask(const char *what, struct process_result *p, struct err *err)
{
    const char *const curl[] = {"curl", "--silent", "--show-error", "--output", "/dev/null",
                                "--write-out", "%{http_code}", "--max-time", "5", "--", what, NULL};
    struct process_options o = {.argv = curl, .timeout_ms = 8000, .max_output = 1 << 20};
    char **words = NULL;
    int rc;

    if (strncmp(what, "http://", 7) != 0 && strncmp(what, "https://", 8) != 0) {
        if ((words = process_words(what, err)) == NULL)
            return -1;
        o.argv = (const char *const *)words;
    }
    rc = process_run(&o, p, err);
    process_words_free(words);
    return rc;
}

int local_health(const struct check *k, const struct config *config, struct check_result *out,
                 struct err *err)
{
    size_t n = config != NULL ? config_count(config, "prodcheck.health_url") : 0, i;

    if (n == 0)
        return check_say(out, k, CHECK_SKIPPED, err, "no health URL in mig.json");
    for (i = 0; i < n; i++) {
        const char *what = config_item(config, "prodcheck.health_url", i);
        struct process_result p = {0};
        struct err why = {0};
        int url = strncmp(what, "http", 4) == 0 && strstr(what, "://") != NULL, rc = 0, bad = 1;

        if (ask(what, &p, &why) != 0) {
            if (why.kind == ERR_INTERRUPTED) {
                *err = why;
                rc = -1;
            } else {
                rc = check_say(out, k, CHECK_ERROR, err, "cannot ask %s: %s", what, why.message);
            }
        } else if (p.status != 0) {
            if (p.err.data != NULL)
                p.err.data[strcspn(p.err.data, "\n")] = '\0';
            rc = check_say(out, k, CHECK_FAIL, err, "%s: exit %d%s%s", what, p.status,
                           p.err.len > 0 ? ": " : "", p.err.len > 0 ? p.err.data : "");
        } else if (url && (p.out.data == NULL || strcmp(p.out.data, "200") != 0)) {
            rc = check_say(out, k, CHECK_FAIL, err, "%s answered %s instead of 200", what,
                           p.out.data != NULL ? p.out.data : "nothing");
        } else {
            bad = 0;
        }
        process_result_free(&p);
        if (rc != 0 || bad)
            return rc;
    }
    return check_say(out, k, CHECK_OK, err, "the application is well");
}

/* --- disk --- */

int local_disk(const struct check *k, const struct check_limits *limits, const struct conn *c,
               const char *data_directory, double largest, struct check_result *out,
               struct err *err)
{
    struct statvfs v;
    double used, room;
    char left[32], need[32];

    if (data_directory == NULL || !conn_local(c) || conn_host(c)[0] != '/' ||
        statvfs(data_directory, &v) != 0 || v.f_blocks == 0)
        return check_say(out, k, CHECK_SKIPPED, err,
                         "SQL cannot tell, and the server's disk is not on this machine: look at its "
                         "monitoring");
    room = (double)v.f_bavail * (double)v.f_frsize;
    used = 100.0 * (1 - (double)v.f_bavail / (double)v.f_blocks);
    out->has_number = 1;
    out->number = used;
    out->warn = limits->warn;
    out->fail = limits->fail;
    (void)report_bytes((uint64_t)room, left);
    (void)report_bytes((uint64_t)(2 * largest), need);
    if (room < 2 * largest)
        return check_say(out, k, CHECK_FAIL, err,
                         "%s left, but a rewrite of the largest affected table and its WAL may need %s",
                         left, need);
    return check_say(out, k,
                     limits->fail > 0 && used >= limits->fail   ? CHECK_FAIL
                     : limits->warn > 0 && used >= limits->warn ? CHECK_WARN
                                                                : CHECK_OK,
                     err, "%s left (%.0f %% used) for %s", left, used, data_directory);
}
