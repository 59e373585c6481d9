#include "backup/quiet.h"

#include <stdlib.h>

#include "backup/selection.h"
#include "core/buf.h"
#include "core/strings.h"
#include "pg/query.h"
#include "pg/quote.h"

static const char triggers_sql[] =
#include "backup/sql/triggers.sql.h"
    ;

static int statement(struct buf *b, const struct result *r, int row, const char *verb,
                     struct err *err)
{
    buf_reset(b);
    if (buf_adds(b, "ALTER TABLE ONLY ", err) != 0 ||
        quote_name(b, result_text(r, row, 0), result_text(r, row, 1), err) != 0 ||
        buf_addf(b, err, " %s %s ", verb, result_text(r, row, 4)) != 0 ||
        quote_ident(b, result_text(r, row, 2), err) != 0)
        return -1;
    return 0;
}

int quiet_begin(struct conn *c, const uint32_t *oids, size_t n, char ***back, struct err *err)
{
    char *array = selection_array(oids, n, err);
    const char *params[] = {array};
    struct query q = {.sql = triggers_sql, .params = params, .nparams = 1, .columns = 5};
    struct result *r = array == NULL ? NULL : query_run(c, &q, err);
    struct buf b = {0};
    int rc = -1;

    if (r == NULL)
        goto out;
    /* One by one, not DISABLE TRIGGER USER: each has its own state to go back to. */
    for (int i = 0; i < result_rows(r); i++) {
        int always = result_text(r, i, 3)[0] == 'A';

        if (statement(&b, r, i, "DISABLE", err) != 0 || query_exec(c, b.data, NULL, err) != 0 ||
            statement(&b, r, i, always ? "ENABLE ALWAYS" : "ENABLE", err) != 0 ||
            strings_add(back, b.data, err) != 0)
            goto out;
    }
    rc = 0;
out:
    if (rc != 0)
        err_prefix(err, "cannot switch off triggers and rules");
    result_free(r);
    buf_free(&b);
    free(array);
    return rc;
}

int quiet_end(struct conn *c, char *const *back, struct err *err)
{
    for (; back != NULL && *back != NULL; back++)
        if (query_exec(c, *back, NULL, err) != 0)
            return err_prefix(err, "cannot switch triggers and rules on again");
    return 0;
}
