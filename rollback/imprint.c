#include "rollback/imprint.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pg/conn.h"
#include "pg/query.h"
#include "rollback/named.h"

/* One question, for one moment: longer than the literals that C99 promises, not than any that gcc or
 * clang takes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char imprint_sql[] =
#include "rollback/sql/imprint.sql.h"
    ;
#pragma GCC diagnostic pop

struct imprint {
    struct conn *c;
    char *classes, *oids; /* arrays */
    char *first, *second;
    pthread_t thread;
    int running, failed;
    struct err why; /* the thread's */
};

static int look(struct imprint *p, char **line, struct err *err)
{
    const char *const params[] = {p->classes, p->oids};
    struct query q = {.name = "mig_imprint", .sql = imprint_sql, .params = params, .nparams = 2, .columns = 1,
                      .min_rows = 1, .max_rows = 1};
    struct result *r = query_run(p->c, &q, err);

    if (r == NULL)
        return err_prefix(err, "cannot see whether the catalog changed meanwhile");
    if ((*line = strdup(result_text(r, 0, 0))) == NULL)
        (void)err_oom(err);
    result_free(r);
    return *line != NULL ? 0 : -1;
}

struct imprint *imprint_take(struct conn *c, const struct closure *closure, struct err *err)
{
    struct imprint *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        (void)err_oom(err);
        return NULL;
    }
    p->c = c;
    /* The second look finds the plan of the first. */
    if (named_objects(closure, 1, &p->classes, &p->oids, err) == 0 &&
        query_exec(c, "SET plan_cache_mode = force_generic_plan", "SET", err) == 0 && look(p, &p->first, err) == 0)
        return p;
    imprint_free(p);
    return NULL;
}

static void *beside(void *arg)
{
    struct imprint *p = arg;

    p->failed = look(p, &p->second, &p->why) != 0;
    return NULL;
}

int imprint_again(struct imprint *p, struct err *err)
{
    int e = pthread_create(&p->thread, NULL, beside, p);

    if (e != 0) {
        errno = e;
        return err_set_errno(err, ERR_FAILED, "cannot start a thread");
    }
    p->running = 1;
    return 0;
}

static void wait_for(struct imprint *p)
{
    if (p->running)
        (void)pthread_join(p->thread, NULL);
    p->running = 0;
}

int imprint_same(struct imprint *p, int *same, struct err *err)
{
    wait_for(p);
    *same = p->second == NULL || strcmp(p->first, p->second) == 0;
    if (!p->failed)
        return 0;
    *err = p->why;
    return -1;
}

void imprint_free(struct imprint *p)
{
    struct err ignored = {0};

    if (p == NULL)
        return;
    wait_for(p);
    if (!conn_lost(p->c))
        (void)!query_exec(p->c, "RESET plan_cache_mode", "RESET", &ignored);
    free(p->classes);
    free(p->oids);
    free(p->first);
    free(p->second);
    free(p);
}
