#include "rollback/typenames.h"

#include "core/buf.h"
#include "core/strings.h"
#include "pg/array.h"
#include "pg/query.h"
#include "rollback/expected.h"
#include "script/node.h"

static const char typenames_sql[] =
#include "rollback/sql/typenames.sql.h"
    ;

int typenames_find(struct conn *c, struct expected *x, struct err *err)
{
    struct buf lists[3] = {{0}, {0}, {0}}, collation = {0};
    const char *params[3];
    struct query q = {.sql = typenames_sql, .params = params, .nparams = 3, .columns = 3};
    struct result *r = NULL;
    int n = 0, rc = -1;

    for (size_t i = 0; i < x->count; i++) {
        const struct expected_part *p = &x->parts[i];

        if (p->type == NULL)
            continue;
        n++;
        buf_reset(&collation);
        /* No NULL: that is a text where the role has array_nulls off. */
        if (buf_addf(&collation, err, "%s%s", p->collation != NULL ? "=" : "-", p->collation != NULL ? p->collation : "") != 0 ||
            array_number(&lists[0], (long long)i, err) != 0 || array_text(&lists[1], p->type, err) != 0 ||
            array_text(&lists[2], collation.data, err) != 0)
            goto out;
    }
    for (size_t i = 0; i < 3; i++) {
        if (array_end(&lists[i], err) != 0)
            goto out;
        params[i] = lists[i].data;
    }
    if (n > 0 && (r = query_run(c, &q, err)) == NULL) {
        (void)err_prefix(err, "cannot look up the types that the plan names");
        goto out;
    }
    for (int i = 0; r != NULL && i < result_rows(r); i++) {
        struct expected_part *p = &x->parts[result_int(r, i, 0)];
        const char *schema, *name;

        p->type_oid = result_int(r, i, 1);
        p->collation_oid = result_int(r, i, 2);
        node_qualified(node_get(p->type_node, "names"), &schema, &name);
        /* The script makes it (CREATE EXTENSION), or will not come that far. */
        if (p->type_oid == 0 && node_count(node_get(p->type_node, "arrayBounds")) == 0 &&
            strings_dup(&p->type_name, name, err) != 0)
            goto out;
    }
    rc = 0;
out:
    result_free(r);
    buf_free(&collation);
    for (size_t i = 0; i < 3; i++)
        buf_free(&lists[i]);
    return rc;
}
