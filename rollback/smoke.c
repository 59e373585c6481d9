#include "rollback/smoke.h"

#include <string.h>

#include "core/buf.h"
#include "core/process.h"
#include "pg/query.h"
#include "rollback/guard.h"

int smoke_given(const struct guard *g)
{
    return g->request->smoke != NULL && g->request->smoke[0] != NULL;
}

int smoke_sql(const struct guard *g, struct err *err)
{
    for (size_t i = 0; g->request->smoke != NULL && g->request->smoke[i] != NULL; i++) {
        const char *path = g->request->smoke[i];
        struct buf b = {0};
        struct query q = {.columns = -1};
        struct result *res = NULL;
        int rc = -1;

        if (buf_read_file(&b, path, (size_t)1 << 20, err) == 0) {
            q.sql = b.data;
            if ((res = query_run(g->main, &q, err)) == NULL)
                (void)err_prefix(err, "smoke test \"%s\"", path);
            else if (result_rows(res) > 0)
                (void)err_set(err, ERR_REFUSED, "smoke test \"%s\" found %d row%s", path,
                              result_rows(res), result_rows(res) == 1 ? "" : "s");
            else
                rc = 0;
        }
        result_free(res);
        buf_free(&b);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* What only the application can tell, after COMMIT: it cannot roll back any more, but undo can. */
int smoke_command(const struct guard *g, const char *next, struct err *err)
{
    const char *command = g->request->smoke_command;
    char **words;
    struct process_options o = {.pass_stderr = 1};
    struct process_result result = {0};
    struct err why = {0};
    int rc = -1;

    if (command == NULL || g->request->dry_run)
        return 0;
    if ((words = process_words(command, err)) == NULL)
        return -1;
    o.argv = (const char *const *)words;
    if (process_run(&o, &result, &why) != 0)
        (void)err_set(err, ERR_UNFINISHED, "the smoke command could not be run: %s", why.message);
    else if (result.status != 0)
        (void)err_set(err, ERR_UNFINISHED, "the smoke command ended with %d", result.status);
    else
        rc = 0;
    if (rc != 0 && next != NULL)
        err_hint(err, "to go forward again: %s", next);
    process_result_free(&result);
    process_words_free(words);
    return rc;
}
