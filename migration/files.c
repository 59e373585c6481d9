#include "migration/files.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/strings.h"
#include "migration/outcome.h"
#include "migration/plain.h"
#include "migration/plan.h"
#include "migration/route.h"
#include "migration/version.h"
#include "script/effect.h"

static char *const none[] = {NULL};

/* The version rows of all files together, borrowed.  Where FROM and TO differ, the files move them. */
struct versions {
    struct version_name name; /* TABLE NULL: no version rows */
    char *column;
    char *const *from, *const *to;
};

static struct plan *make(const struct plan_request *r, const char *const *files, size_t n, int up,
                         const struct versions *v, struct err *err)
{
    struct plan *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    p->direction = up ? PLAN_UP : PLAN_SQL;
    p->from = rows_copy(v->from, err);
    p->to = p->from != NULL ? rows_copy(v->to, err) : NULL;
    if (p->to != NULL && (strings_dup(&p->version_schema, v->name.schema, err) != 0 ||
                          strings_dup(&p->version_table, v->name.table, err) != 0 ||
                          strings_dup(&p->version_column, v->column, err) != 0))
        goto failed;
    p->steps = calloc(n + 1, sizeof(*p->steps));
    if (p->to == NULL || p->steps == NULL) {
        (void)err_oom(err);
        goto failed;
    }
    if (n == 0) {
        (void)err_set(err, ERR_USAGE, "no SQL file is named");
        goto failed;
    }
    for (size_t i = 0; i < n; i++) {
        struct plan_step *s = &p->steps[i];
        const char *file = files[i];

        p->nsteps = i + 1;
        s->script = up ? plain_read_up(file, err) : plain_read(file, r->tool, &s->manner, err);
        s->revision = strdup(strcmp(file, "-") == 0 ? "<standard input>" : file);
        s->file = strdup(file);
        s->message = strdup("");
        s->before = rows_copy(i == 0 ? v->from : v->to, err);
        s->after = rows_copy(v->to, err);
        if (s->script == NULL)
            goto failed;
        if (s->revision == NULL || s->file == NULL || s->message == NULL || s->before == NULL ||
            s->after == NULL) {
            (void)err_oom(err);
            goto failed;
        }
    }
    if (outcome_find(p, NULL, err) != 0)
        goto failed;
    return p;
failed:
    plan_free(p);
    return NULL;
}

static char **values(const char *const *given, size_t n, struct err *err)
{
    char **list = NULL;

    for (size_t i = 0; i < n; i++)
        if (strings_add(&list, given[i], err) != 0) {
            strings_free(list);
            return NULL;
        }
    return list;
}

struct plan *files_plan(const struct plan_request *r, const char *const *files, size_t n, struct conn *c,
                        struct err *err)
{
    struct versions v = {.from = none, .to = none};
    char **before = NULL, **after = NULL;
    struct plan *p = NULL;

    if (r->nversion_before == 0)
        return make(r, files, n, 0, &v, err);
    if (version_locate(c, r->version_table, r->version_column, &v.name, &v.column, err) != 0 ||
        (before = values(r->version_before, r->nversion_before, err)) == NULL ||
        (r->nversion_after > 0 && (after = values(r->version_after, r->nversion_after, err)) == NULL))
        goto out;
    v.from = before;
    v.to = after != NULL ? after : before;
    p = make(r, files, n, 0, &v, err);
out:
    strings_free(before);
    strings_free(after);
    free(v.column);
    version_name_free(&v.name);
    return p;
}

struct plan *files_reverse(const struct plan *p, const struct plan_request *r, struct err *err)
{
    const char **files = calloc(p->nsteps + 1, sizeof(*files));
    struct versions v = {.name = {p->version_schema, p->version_table}, .column = p->version_column,
                         .from = p->to, .to = p->from};
    struct plan *back = NULL;
    size_t n = 0;

    if (files == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    while (n < p->nsteps && r->nundo_files == 0) {
        const char *file = p->steps[p->nsteps - 1 - n].file;
        char *forward;

        if (plain_forward(file, &forward, err) != 0)
            goto out;
        if (forward == NULL) {
            (void)err_set(err, ERR_FAILED, "the way forward of %s is not known: --undo-sql FILE names it", file);
            goto out;
        }
        files[n++] = forward;
    }
    back = r->nundo_files > 0 ? make(r, r->undo_files, r->nundo_files, 1, &v, err)
                              : make(r, files, n, 1, &v, err);
out:
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)files[i]);
    free((void *)(uintptr_t)files);
    return back;
}

int files_forward(struct plan *p, struct err *err)
{
    size_t i;

    for (i = 0; i < p->nsteps; i++) {
        struct plan_step *s = &p->steps[i];
        struct err why = {0};
        char *file = NULL;

        if (strcmp(s->file, "-") != 0 && plain_forward(s->file, &file, err) < 0)
            return -1;
        if (file == NULL)
            continue;
        s->forward = plain_read_up(file, &why);
        if (s->forward == NULL)
            log_warn("%s is not compared with %s: %s", s->file, file, why.message);
        free(file);
        if (s->forward == NULL && strings_dup(&s->forward_why, why.message, err) < 0)
            return -1;
        if (s->forward != NULL && (s->forward_effects = effects_find(s->forward, NULL, err)) == NULL)
            return -1;
    }
    return 0;
}
