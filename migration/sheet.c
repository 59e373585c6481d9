#include "migration/sheet.h"

#include <stdlib.h>
#include <string.h>

#include "migration/history.h"
#include "migration/steps.h"
#include "script/statement.h"

void sheet_free(struct sheet *s)
{
    cut_free(s->cuts, s->route.count);
    for (size_t i = 0; s->rows != NULL && i <= s->route.count; i++)
        rows_free(s->rows[i]);
    free(s->rows);
    symbol_nodes_free(&s->route);
    rendering_free(&s->rendering);
    buf_free(&s->why);
    memset(s, 0, sizeof(*s));
}

int sheet_route(const struct steps_request *r, const char *from, const char *target, struct sheet *s, struct err *err)
{
    char *id = from != NULL ? strdup(from) : NULL;
    char *rows[2] = {id, NULL};
    struct err why = {0};
    int rc = -1;

    if (from != NULL && id == NULL)
        return err_oom(err);
    if ((r->up ? route_up : route_down)(r->history, rows, target, &s->route, &why) != 0) {
        s->route.count = 0;
        rc = 1;
        goto out;
    }
    s->rows = calloc(s->route.count + 1, sizeof(*s->rows));
    s->cuts = calloc(s->route.count + 1, sizeof(*s->cuts));
    if (s->rows == NULL || s->cuts == NULL) {
        (void)err_oom(err);
        goto out;
    }
    s->rows[0] = rows_copy(rows, err);
    if (s->rows[0] == NULL)
        goto out;
    for (size_t i = 0; i < s->route.count; i++) {
        struct route_ops ops = {0};
        int step = route_step(r->history, s->rows[i], s->route.items[i], r->up, &ops, &s->rows[i + 1],
                              &why);

        route_ops_free(&ops);
        if (step != 0) {
            rc = 1;
            goto out;
        }
        s->cuts[i].after = s->rows[i + 1];
        s->cuts[i].revision = history_id(r->history, s->route.items[i]);
    }
    rc = 0;
out:
    free(id);
    return rc;
}

int sheet_render(const struct steps_request *r, const char *from, const char *target, struct sheet *s, struct err *err)
{
    struct cut_request c = {0};
    struct version_name seen = {0};
    struct script *script = NULL;
    struct buf range = {0};
    struct err why = {0};
    int rc = -1;

    if (buf_addf(&range, err, "%s:%s", from != NULL ? from : "base", target) != 0)
        goto out;
    if (render_run(r->plan, r->project, r->up, range.data, &s->rendering, err) != 0)
        goto out;
    if (s->rendering.status != 0) {
        rc = 1;
        goto out;
    }
    script = script_read(s->rendering.sql.data != NULL ? s->rendering.sql.data : "",
                         s->rendering.sql.len, "rendered SQL", SCRIPT_WHOLE, &why);
    if (script == NULL) {
        rc = buf_adds(&s->why, why.message, err) != 0 ? -1 : 1;
        goto out;
    }
    c.script = script;
    c.name = r->name;
    c.before = s->rows[0];
    c.cuts = s->cuts;
    c.ncuts = s->route.count;
    c.keep_create = !r->on_server && r->rows[0] == NULL && s->route.items[0] == r->nodes[0];
    rc = cut_run(&c, &seen, &s->why, err);
    if (rc == 0 && r->name->table == NULL && seen.table != NULL) {
        *r->name = seen;
        memset(&seen, 0, sizeof(seen));
    }
out:
    version_name_free(&seen);
    script_free(script);
    buf_free(&range);
    return rc;
}
