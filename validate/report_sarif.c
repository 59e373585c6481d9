/* SARIF 2.1.0 and GitLab's code quality: findings as JSON for code scanning. */
#include <sodium.h>
#include <string.h>

#include "core/buf.h"
#include "core/report.h"
#include "migration/plan.h"
#include "script/statement.h"
#include "validate/hazard.h"
#include "validate/report.h"

static const char *level_of(enum severity s)
{
    return s >= SEVERITY_HIGH ? "error" : s == SEVERITY_MEDIUM ? "warning" : "note";
}

static const char *file_of(const struct report_judgement *r, const struct finding *f)
{
    const struct plan_step *s = f->step < r->plan->nsteps ? &r->plan->steps[f->step] : NULL;

    return s == NULL ? "" : s->file != NULL ? s->file : s->revision;
}

/* The same finding keeps its fingerprint when lines move above it: code, revision, object, and how
 * many of these came before. */
static void fingerprint(const struct report_judgement *r, size_t index, char hex[33])
{
    const struct finding *f = &r->judgement->findings[index];
    unsigned char sum[16];
    struct err err = {0};
    struct buf b = {0};
    size_t i, n = 0;

    for (i = 0; i < index; i++)
        n += strcmp(r->judgement->findings[i].code, f->code) == 0 &&
             strcmp(r->judgement->findings[i].object, f->object) == 0 &&
             strcmp(file_of(r, &r->judgement->findings[i]), file_of(r, f)) == 0;
    hex[0] = '\0';
    if (buf_addf(&b, &err, "%s\n%s\n%s\n%zu", f->code, file_of(r, f), f->object, n) == 0) {
        (void)crypto_generichash(sum, sizeof(sum), (const unsigned char *)b.data, b.len, NULL, 0);
        (void)sodium_bin2hex(hex, 33, sum, sizeof(sum));
    }
    buf_free(&b);
}

static json_t *rules(void)
{
    json_t *out = json_array();
    size_t i;

    for (i = 0; i < hazard_count; i++) {
        const struct hazard *h = &hazard_table[i];

        (void)json_array_append_new(
            out, json_pack("{s:s, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:[s]}}", "id", h->code,
                           "shortDescription", "text", h->title, "fullDescription", "text", h->why,
                           "help", "text", h->remedy, "defaultConfiguration", "level",
                           level_of(h->severity), "properties", "tags", h->group));
    }
    return out;
}

static json_t *result(const struct report_judgement *r, size_t index)
{
    const struct finding *f = &r->judgement->findings[index];
    const struct hazard *h = hazard_find(f->code);
    json_t *out, *region = json_pack("{s:i}", "startLine", report_line(r, f)), *properties;
    char hex[33];

    fingerprint(r, index, hex);
    if (r->plan->direction == PLAN_SQL && f->statement != NULL) {
        struct report_place at;

        report_place(f, &at);
        (void)json_object_set_new(region, "startLine", json_integer(at.line));
        (void)json_object_set_new(region, "startColumn", json_integer(at.column));
        if (at.end_line > at.line || at.end_column > at.column) {
            (void)json_object_set_new(region, "endLine", json_integer(at.end_line));
            (void)json_object_set_new(region, "endColumn", json_integer(at.end_column));
        }
    }
    properties = json_pack("{s:s, s:s}", "severity", severity_name(f->severity), "object", f->object);
    if (f->has_loss)
        (void)json_object_set_new(properties, "lossRows", json_integer((json_int_t)f->loss_rows));
    if (f->has_violations)
        (void)json_object_set_new(properties, "violations",
                                  json_integer((json_int_t)f->violation_rows));
    /* the findings of `history` are in no table: a rule's index is then left out */
    out = json_pack("{s:s, s:o*, s:s, s:{s:s}, s:[{s:{s:{s:s}, s:o}}], s:{s:s}, s:o}", "ruleId",
                    f->code, "ruleIndex",
                    h == NULL ? NULL : json_integer((json_int_t)(h - hazard_table)), "level",
                    level_of(f->severity), "message", "text", f->message, "locations",
                    "physicalLocation", "artifactLocation", "uri", file_of(r, f), "region", region,
                    "partialFingerprints", "mig/1", hex, "properties", properties);
    if (f->ignored != NULL)
        (void)json_object_set_new(out, "suppressions",
                                  json_pack("[{s:s, s:s}]", "kind", "inSource", "justification",
                                            f->ignored));
    return out;
}

int report_sarif(FILE *out, const struct report_judgement *r, struct err *err)
{
    json_t *results = json_array(), *whole;
    size_t i;
    int rc;

    for (i = 0; i < r->judgement->nfindings; i++)
        (void)json_array_append_new(results, result(r, i));
    whole = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o, s:[{s:b}]}]}", "$schema",
                      "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs",
                      "tool", "driver", "name", "mig-validate", "version", MIG_VERSION, "rules",
                      rules(), "columnKind", "unicodeCodePoints", "results", results,
                      "invocations", "executionSuccessful",
                      r->judgement->verdict != JUDGE_UNKNOWN);
    rc = whole == NULL ? err_oom(err) : report_json(out, whole, err);
    json_decref(whole);
    return rc;
}

int report_gitlab(FILE *out, const struct report_judgement *r, struct err *err)
{
    static const char *const severities[] = {"info", "info", "minor", "major", "critical"};
    json_t *list = json_array();
    char hex[33];
    size_t i;
    int rc;

    for (i = 0; i < r->judgement->nfindings; i++) {
        const struct finding *f = &r->judgement->findings[i];

        if (f->ignored != NULL)
            continue;
        fingerprint(r, i, hex);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:{s:i}}}", "description", f->message,
                            "check_name", f->code, "fingerprint", hex, "severity",
                            severities[f->severity], "location", "path", file_of(r, f), "lines",
                            "begin", report_line(r, f)));
    }
    rc = list == NULL ? err_oom(err) : report_json(out, list, err);
    json_decref(list);
    return rc;
}
