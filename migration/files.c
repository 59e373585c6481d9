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
#include "script/effect.h"

static char *const none[] = {NULL};

static struct plan *make(const struct plan_request *r, const char *const *files, size_t n, int up,
                         struct err *err)
{
    struct plan *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    p->direction = up ? PLAN_UP : PLAN_SQL;
    p->from = rows_copy(none, err);
    p->to = p->from != NULL ? rows_copy(none, err) : NULL;
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
        s->before = rows_copy(none, err);
        s->after = rows_copy(none, err);
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

struct plan *files_plan(const struct plan_request *r, const char *const *files, size_t n, struct err *err)
{
    return make(r, files, n, 0, err);
}

struct plan *files_reverse(const struct plan *p, const struct plan_request *r, struct err *err)
{
    const char **files = calloc(p->nsteps + 1, sizeof(*files));
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
    back = r->nundo_files > 0 ? make(r, r->undo_files, r->nundo_files, 1, err) : make(r, files, n, 1, err);
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
