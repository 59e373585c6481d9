#include "prodcheck/baseline.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/outfile.h"
#include "core/report.h"
#include "pg/query.h"

#define SCHEMA "mig-prodcheck-baseline/1"

static json_t *now_of(const struct result *r, const json_t *plans, struct err *err)
{
    json_t *o = json_object(), *values = json_object();
    char stamp[32];
    time_t now = time(NULL);
    struct tm t;
    int i;

    (void)gmtime_r(&now, &t);
    (void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &t);
    if (o == NULL || values == NULL || json_object_set_new(o, "schema", json_string(SCHEMA)) != 0 ||
        json_object_set_new(o, "time", json_string(stamp)) != 0)
        goto oom;
    for (i = 0; i < result_rows(r); i++) {
        const char *text = result_text(r, i, 2);
        json_t *v = result_text(r, i, 1) != NULL ? json_real(result_double(r, i, 1))
                                                 : json_string(text != NULL ? text : "");

        if (v == NULL || json_object_set_new(values, result_text(r, i, 0), v) != 0)
            goto oom;
    }
    if (plans != NULL && json_object_update(values, (json_t *)(uintptr_t)plans) != 0)
        goto oom;
    if (json_object_set_new(o, "values", values) != 0) {
        values = NULL; /* taken, also on failure */
        goto oom;
    }
    return o;
oom:
    json_decref(o);
    json_decref(values);
    err_oom(err);
    return NULL;
}

static json_t *before_of(const char *path, struct err *err)
{
    struct buf b = {0};
    json_error_t why;
    json_t *o = NULL;
    const char *schema;

    if (buf_read_file(&b, path, 64u << 20, err) != 0)
        goto out;
    if ((o = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &why)) == NULL) {
        err_set(err, ERR_FAILED, "\"%s\" is not a baseline: line %d: %s", path, why.line, why.text);
        goto out;
    }
    schema = json_string_value(json_object_get(o, "schema"));
    if (schema == NULL || strcmp(schema, SCHEMA) != 0 ||
        !json_is_object(json_object_get(o, "values"))) {
        err_set(err, ERR_FAILED, "\"%s\" is not a baseline of this version (%s)", path, SCHEMA);
        json_decref(o);
        o = NULL;
    }
out:
    buf_free(&b);
    return o;
}

static int write_it(const char *path, const json_t *now, struct err *err)
{
    char *text = json_dumps(now, JSON_INDENT(1) | JSON_SORT_KEYS);
    int rc;

    if (text == NULL)
        return err_oom(err);
    rc = outfile_write_whole(path, text, strlen(text), err);
    free(text);
    return rc;
}

static int is_about(const char *name, const char *kind)
{
    return strncmp(name, kind, strlen(kind)) == 0;
}

/* Worth telling?  TEXT gets what changed. */
static int differs(const char *name, const json_t *was, const json_t *is, char *text, size_t size)
{
    double a = json_number_value(was), b = json_number_value(is);
    char from[32], to[32];

    if (is == NULL) {
        (void)snprintf(text, size, "is gone");
        return !is_about(name, "rows/");
    }
    if (was == NULL) {
        (void)snprintf(text, size, "is new");
        return 0; /* what a migration adds is what it is for */
    }
    if (is_about(name, "plan/")) {
        (void)snprintf(text, size, "the plan was \"%.200s\", is \"%.200s\"", json_string_value(was),
                       json_string_value(is));
        return !json_equal(was, is);
    }
    if (json_is_string(is)) {
        (void)snprintf(text, size, "was \"%.200s\", is \"%.200s\"", json_string_value(was),
                       json_string_value(is));
        return !json_equal(was, is);
    }
    if (is_about(name, "bytes/")) {
        (void)snprintf(text, size, "was %s, is %s", report_bytes((uint64_t)a, from),
                       report_bytes((uint64_t)b, to));
        return (b > 1.2 * a && b - a > 10e6) || (b < 0.8 * a && a - b > 10e6);
    }
    if (is_about(name, "rows/")) {
        (void)snprintf(text, size, "had about %s rows, has about %s", report_count((uint64_t)a, from),
                       report_count((uint64_t)b, to));
        return b < 0.9 * a && a - b >= 10;
    }
    /* Counters of errors only ever grow; statistics that were reset say nothing. */
    (void)snprintf(text, size, "%s more since the baseline",
                   report_count(b > a ? (uint64_t)(b - a) : 0, to));
    return b > a && (is_about(name, "counter/deadlocks") || is_about(name, "counter/checksum"));
}

/* More than one transaction in twenty was rolled back since. */
static int rollbacks(const json_t *was, const json_t *is, char *text, size_t size)
{
    double back = json_number_value(json_object_get(is, "counter/rollbacks")) -
                  json_number_value(json_object_get(was, "counter/rollbacks"));
    double good = json_number_value(json_object_get(is, "counter/commits")) -
                  json_number_value(json_object_get(was, "counter/commits"));
    char n[32];

    (void)snprintf(text, size, "%s transactions were rolled back since the baseline (%.0f %%)",
                   report_count(back > 0 ? (uint64_t)back : 0, n),
                   back > 0 ? 100 * back / (back + (good > 0 ? good : 0)) : 0);
    return back >= 20 && back > 0.05 * (back + (good > 0 ? good : 0));
}

static int compare(const struct check *k, const char *path, const json_t *before, const json_t *now,
                   struct check_result *out, struct err *err)
{
    const json_t *was = json_object_get(before, "values"), *is = json_object_get(now, "values");
    const json_t *value;
    const char *name;
    char text[512], first[768] = "";
    size_t n = 0;

    json_object_foreach((json_t *)(uintptr_t)was, name, value) {
        if (!differs(name, value, json_object_get(is, name), text, sizeof(text)))
            continue;
        if (n++ == 0)
            (void)snprintf(first, sizeof(first), "%s %s", name, text);
        if (check_evidence(out, name, NULL, text, NULL, err) != 0)
            return -1;
    }
    if (rollbacks(was, is, text, sizeof(text))) {
        if (n++ == 0)
            (void)snprintf(first, sizeof(first), "%s", text);
        if (check_evidence(out, "counter/rollbacks", NULL, text, NULL, err) != 0)
            return -1;
    }
    out->has_number = 1;
    out->number = (double)n;
    if (n == 0)
        return check_say(out, k, CHECK_OK, err, "as in %s of %s", path,
                         json_string_value(json_object_get(before, "time")));
    if (n == 1)
        return check_say(out, k, CHECK_WARN, err, "since %s: %s",
                         json_string_value(json_object_get(before, "time")), first);
    return check_say(out, k, CHECK_WARN, err, "since %s: %s, and %zu more",
                     json_string_value(json_object_get(before, "time")), first, n - 1);
}

int baseline_check(const struct check *k, const char *path, int after, const struct result *r,
                   const json_t *plans, struct check_result *out, struct err *err)
{
    struct err why = {0};
    json_t *now = now_of(r, plans, err), *before = NULL;
    int rc = -1;

    if (now == NULL)
        return -1;
    if (access(path, F_OK) != 0 && after) {
        rc = check_say(out, k, CHECK_ERROR, err, "there is no baseline %s to compare with", path);
    } else if (access(path, F_OK) != 0) {
        if (write_it(path, now, &why) == 0)
            rc = check_say(out, k, CHECK_OK, err, "written to %s", path);
        else
            rc = check_say(out, k, CHECK_ERROR, err, "%s", why.message);
    } else if ((before = before_of(path, &why)) == NULL) {
        rc = check_say(out, k, CHECK_ERROR, err, "%s", why.message);
    } else {
        rc = compare(k, path, before, now, out, err);
    }
    json_decref(before);
    json_decref(now);
    return rc;
}
