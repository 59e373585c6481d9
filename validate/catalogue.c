/* mig-validate hazards: the table of hazards, for people, for docs/hazards.md and for the tests. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/cli.h"
#include "core/report.h"
#include "validate/hazard.h"
#include "validate/hearing.h"

enum { TEXT, JSON, MARKDOWN };
static const char *const formats[] = {"text", "json", "markdown", NULL};

static int as_json(FILE *out, struct err *err)
{
    json_t *list = json_array(), *whole;
    size_t i;
    int rc;

    for (i = 0; i < hazard_count; i++) {
        const struct hazard *h = &hazard_table[i];

        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:s?, s:s?}", "code",
                            h->code, "group", h->group, "title", h->title, "severity",
                            severity_name(h->severity), "measured",
                            (h->flags & (HAZARD_LOSS | HAZARD_DATA)) != 0, "style",
                            (h->flags & HAZARD_STYLE) != 0, "versions", h->versions, "why", h->why,
                            "remedy", h->remedy, "trips", h->trips, "neighbour", h->neighbour));
    }
    whole = json_pack("{s:s, s:o}", "schema", "mig-validate-hazards/1", "hazards", list);
    rc = whole == NULL ? err_oom(err) : report_json(out, whole, err);
    json_decref(whole);
    return rc;
}

static void as_markdown(FILE *out)
{
    const char *group = "";
    size_t i, k;

    fprintf(out, "# What mig-validate looks for\n\n"
                 "Made by `mig-validate hazards --format markdown`; the tests run every example.\n"
                 "The severity is the one before anything is counted: a count of zero in a table that\n"
                 "has rows lowers it, an empty table proves nothing.  Hazards marked *counted* are\n"
                 "measured on the database, those marked *by size* are low on a small table.\n"
                 "`-- mig:ignore CODE REASON` before a statement, or mig.json, exempts a finding.\n");
    for (i = 0; i < hazard_count; i++) {
        const char *next = hazard_table[i].group;

        for (k = 0; k < i && strcmp(hazard_table[k].group, next) != 0; k++)
            ;
        if (k < i)
            continue;
        group = next;
        fprintf(out, "\n## %c%s\n", group[0] - 'a' + 'A', group + 1);
        for (k = i; k < hazard_count; k++) {
            const struct hazard *h = &hazard_table[k];

            if (strcmp(h->group, group) != 0)
                continue;
            fprintf(out, "\n### `%s`\n\n**%s** (%s%s%s%s%s%s)  \n%s\n\n*Instead:* %s\n", h->code,
                    h->title, severity_name(h->severity),
                    h->flags & (HAZARD_LOSS | HAZARD_DATA) ? ", counted" : "",
                    h->flags & HAZARD_SIZE ? ", by size" : "",
                    h->flags & HAZARD_STYLE ? ", with --style" : "",
                    strcmp(h->versions, "all") == 0 ? "" : "; PostgreSQL: ",
                    strcmp(h->versions, "all") == 0 ? "" : h->versions, h->why, h->remedy);
            if (h->trips != NULL)
                fprintf(out, "\n```sql\n-- trips it\n%s;\n-- does not\n%s;\n```\n", h->trips,
                        h->neighbour);
        }
    }
}

static void as_text(FILE *out)
{
    size_t i;

    for (i = 0; i < hazard_count; i++)
        fprintf(out, "%-28s %-8s  %s\n", hazard_table[i].code,
                severity_name(hazard_table[i].severity), hazard_table[i].title);
}

int hearing_hazards(const struct hearing_options *o, struct err *err)
{
    struct report report = {0};
    size_t i;

    if (report_open(&report, &o->common->formats, formats, err) < 0)
        return -1;
    for (i = 0; i < report.count; i++) {
        FILE *out = report.outputs[i].out;

        if (report.outputs[i].format == JSON) {
            if (as_json(out, err) < 0) {
                report_discard(&report);
                return -1;
            }
        } else if (report.outputs[i].format == MARKDOWN) {
            as_markdown(out);
        } else {
            as_text(out);
        }
    }
    return report_close(&report, err);
}
