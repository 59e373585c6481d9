#include "rollback/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/cli.h"
#include "core/strings.h"
#include "prodcheck/check.h"
#include "prodcheck/verdict.h"
#include "rollback/guard.h"
#include "validate/hazard.h"

int refusal_add(struct guard *g, struct err *err, const char *name, int may_force, const char *hint,
                 const char *fmt, ...)
{
    struct guard_refusal *more = realloc(g->refusals, (g->nrefusals + 1) * sizeof(*more));
    struct guard_refusal *r;
    char text[2048];
    va_list ap;

    if (more == NULL)
        return err_oom(err);
    g->refusals = more;
    r = &more[g->nrefusals];
    memset(r, 0, sizeof(*r));
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    g->nrefusals++;
    r->may_force = may_force;
    return strings_dup(&r->name, name, err) != 0 || strings_dup(&r->message, text, err) != 0 ||
                   strings_dup(&r->hint, hint, err) != 0
               ? -1
               : 0;
}

int refusal_force_known(const struct cli_list *force, struct err *err)
{
    static const char *const ours[] = {"gate", "validate", "missing", "foreign", "max-block", "room", "online"};

    for (size_t i = 0; force != NULL && i < force->count; i++)
        for (const char *at = force->items[i]; *at != '\0';) {
            size_t n = strcspn(at, ",");
            char name[64];
            int known = 0;

            (void)snprintf(name, sizeof(name), "%.*s", (int)n, at);
            for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++)
                known |= strcmp(ours[k], name) == 0;
            if (!known && hazard_find(name) == NULL && check_find(name) == NULL) {
                (void)err_set(err, ERR_USAGE, "--force does not know \"%s\"", name);
                err_hint(err, "it takes check ids, hazard codes, \"gate\", \"validate\", \"missing\", "
                              "\"foreign\", \"max-block\", \"room\" and \"online\"; \"mig-rollback plan\" names them");
                return -1;
            }
            at += n + (at[n] == ',');
        }
    return 0;
}

static int is_forced(const struct guard *g, const struct guard_refusal *r)
{
    const struct cli_list *force = g->request->force;
    int is_check = 0;

    for (size_t i = 0; g->verdict != NULL && i < g->verdict->nchecks; i++)
        if (strcmp(g->verdict->checks[i].id, r->name) == 0)
            is_check = 1;
    for (size_t i = 0; r->may_force && force != NULL && i < force->count; i++)
        for (const char *at = force->items[i]; *at != '\0';) {
            size_t n = strcspn(at, ",");

            if (strlen(r->name) == n && memcmp(at, r->name, n) == 0)
                return 1;
            if (n == 4 && memcmp(at, "gate", 4) == 0 && is_check)
                return 1;
            if (n == 8 && memcmp(at, "validate", 8) == 0 && !is_check)
                return 1;
            at += n + (at[n] == ',');
        }
    return 0;
}

int refusal_answer(const struct guard *g, struct err *err)
{
    const struct guard_refusal *first = NULL;
    struct buf others = {0};
    struct err ignored = {0};

    for (size_t i = 0; i < g->nrefusals; i++) {
        struct guard_refusal *r = &g->refusals[i];

        r->forced = is_forced(g, r);
        if (r->forced)
            continue;
        if (first == NULL)
            first = r;
        else if (buf_addf(&others, &ignored, "%s%s", others.len > 0 ? "; " : "", r->message) != 0)
            break;
    }
    if (first == NULL)
        return 0;
    /* A missing key is a matter of flags and files, not of the database. */
    (void)err_set(err, strcmp(first->name, "key") == 0 ? ERR_USAGE : ERR_REFUSED, "%s", first->message);
    if (others.len > 0)
        err_detail(err, "also: %s", others.data);
    if (first->hint != NULL && first->hint[0] != '\0')
        err_hint(err, "%s", first->hint);
    else if (first->may_force)
        err_hint(err, "in an incident: --force %s --reason TEXT (it is logged, and still backs up)",
                 first->name);
    buf_free(&others);
    return -1;
}
