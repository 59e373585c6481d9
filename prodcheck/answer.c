/* What a verdict is, apart from how it comes about: its words, its exit code, its JSON, its end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/strings.h"
#include "prodcheck/check.h"
#include "prodcheck/verdict.h"

const char *check_status_name(enum check_status s)
{
    static const char *const names[] = {
        [CHECK_OK] = "ok",       [CHECK_WARN] = "warn",       [CHECK_FAIL] = "fail",
        [CHECK_ERROR] = "error", [CHECK_SKIPPED] = "skipped",
    };

    return names[s];
}

const char *verdict_answer_name(enum verdict_answer a)
{
    static const char *const names[] = {
        [VERDICT_GO] = "go", [VERDICT_NO_GO] = "no-go", [VERDICT_UNKNOWN] = "unknown"};

    return names[a];
}

int verdict_exit_code(const struct verdict *v)
{
    static const int codes[] = {[VERDICT_GO] = 0, [VERDICT_NO_GO] = 1, [VERDICT_UNKNOWN] = 3};

    return codes[v->answer];
}

void verdict_free(struct verdict *v)
{
    size_t i;

    if (v == NULL)
        return;
    for (i = 0; i < v->nchecks; i++)
        check_result_wipe(&v->checks[i]);
    strings_free(v->names);
    free(v->checks);
    free(v);
}

struct verdict *verdict_unreachable(const struct err *why, struct err *err)
{
    struct verdict *v = calloc(1, sizeof(*v));
    const struct check *k = check_find("connection");

    if (v == NULL || (v->checks = calloc(1, sizeof(*v->checks))) == NULL) {
        free(v);
        err_oom(err);
        return NULL;
    }
    v->nchecks = 1;
    v->answer = VERDICT_UNKNOWN;
    if (check_say(&v->checks[0], k, CHECK_ERROR, err, "%s", why->message) != 0 ||
        (why->hint[0] != '\0' && strings_dup(&v->checks[0].remedy, why->hint, err) != 0)) {
        verdict_free(v);
        return NULL;
    }
    return v;
}

static int put(json_t *o, const char *key, json_t *value)
{
    return value != NULL ? json_object_set_new(o, key, value) : -1;
}

static json_t *text_or_null(const char *s)
{
    return s != NULL ? json_string(s) : json_null();
}

static json_t *threshold_json(const struct check_result *r)
{
    json_t *t;

    if (r->warn <= 0 && r->fail <= 0)
        return json_null();
    if ((t = json_object()) == NULL ||
        put(t, "warn", r->warn > 0 ? json_real(r->warn) : json_null()) != 0 ||
        put(t, "fail", r->fail > 0 ? json_real(r->fail) : json_null()) != 0) {
        json_decref(t);
        return NULL;
    }
    return t;
}

static json_t *result_json(const struct check_result *r)
{
    json_t *o = json_object();

    if (o == NULL || put(o, "id", json_string(r->id)) != 0 ||
        put(o, "status", json_string(check_status_name(r->status))) != 0 ||
        put(o, "value", r->has_number && isfinite(r->number) ? json_real(r->number)
                                                            : text_or_null(r->value)) != 0 ||
        put(o, "unit", json_string(r->unit != NULL ? r->unit : "")) != 0 ||
        put(o, "threshold", threshold_json(r)) != 0 ||
        put(o, "message", text_or_null(r->message)) != 0 ||
        put(o, "why", text_or_null(r->status == CHECK_OK || r->status == CHECK_SKIPPED ? NULL : r->why)) != 0 ||
        put(o, "remedy", text_or_null(r->remedy)) != 0 ||
        put(o, "evidence", r->evidence != NULL ? json_incref(r->evidence) : json_array()) != 0) {
        json_decref(o);
        return NULL;
    }
    return o;
}

json_t *verdict_json(const struct verdict *v, struct err *err)
{
    json_t *o = json_object(), *checks = json_array();
    size_t i;

    if (o == NULL || checks == NULL ||
        put(o, "schema", json_string("mig-prodcheck/1")) != 0 ||
        put(o, "verdict", json_string(verdict_answer_name(v->answer))) != 0)
        goto oom;
    for (i = 0; i < v->nchecks; i++) {
        json_t *one = result_json(&v->checks[i]);

        if (one == NULL || json_array_append_new(checks, one) != 0)
            goto oom;
    }
    if (json_object_set(o, "checks", checks) != 0)
        goto oom;
    json_decref(checks);
    return o;
oom:
    json_decref(o);
    json_decref(checks);
    err_oom(err);
    return NULL;
}
