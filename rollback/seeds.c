#include "rollback/seeds.h"

#include <inttypes.h>
#include <string.h>

#include "backup/quiet.h"
#include "core/buf.h"
#include "core/strings.h"
#include "migration/plan.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "pg/tx.h"
#include "rollback/guard.h"
#include "rollback/proof.h"
#include "rollback/run.h"
#include "rollback/running.h"
#include "rollback/view.h"
#include "script/closure.h"
#include "script/effect.h"
#include "script/node.h"
#include "script/statement.h"

/* ---- by the text alone ----------------------------------------------------------------------- */

struct reading {
    const char *name;
    int values; /* inside of an INSERT's VALUES: functions that may read anything count too */
    int found;
};

/* What gives a value and reads no row. */
static int is_harmless(const char *function)
{
    static const char *const known[] = {"nextval", "now", "clock_timestamp", "statement_timestamp", "transaction_timestamp",
                                        "gen_random_uuid", "uuid_generate_v4", "lower", "upper", "md5", "jsonb_build_object",
                                        "json_build_object"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], function) == 0)
            return 1;
    return 0;
}

static int read_node(const char *kind, const json_t *body, void *arg)
{
    struct reading *q = arg;

    if (strcmp(kind, "RangeVar") == 0)
        q->found |= strcmp(node_text(body, "relname"), q->name) == 0;
    if (strcmp(kind, "FuncCall") == 0) {
        const char *schema = NULL, *function = NULL;

        node_qualified(node_get(body, "funcname"), &schema, &function);
        if (function != NULL)
            q->found |= q->values ? !is_harmless(function)
                                  : strcmp(function, "currval") == 0 || strcmp(function, "lastval") == 0;
    }
    q->found |= q->values && strcmp(kind, "SubLink") == 0;
    q->found |= strcmp(kind, "DoStmt") == 0 || strcmp(kind, "CallStmt") == 0;
    return 0;
}

/* Only VALUES (or DEFAULT VALUES), and nothing made of them. */
static int is_plain(const json_t *insert, const char *name)
{
    struct reading q = {.name = name, .values = 1};
    const json_t *select = node_as(node_get(insert, "selectStmt"), "SelectStmt");

    if (node_get(insert, "withClause") != NULL || node_count(node_get(insert, "returningList")) > 0 ||
        node_is(node_get(insert, "onConflictClause"), "action", "ONCONFLICT_UPDATE") ||
        (node_get(insert, "selectStmt") != NULL &&
         (node_count(node_get(select, "valuesLists")) == 0 || node_get(select, "withClause") != NULL)))
        return 0;
    node_walk(insert, read_node, &q);
    return !q.found;
}

static int is_into(const struct plan_step *step, const struct statement *s, const char *schema, const char *name)
{
    const struct effects *all = step->effects;

    for (size_t i = 0; all != NULL && i < all->count; i++) {
        const struct effect *e = &all->items[i];

        if (e->statement == s && (e->kind == EFFECT_INSERT || e->kind == EFFECT_COPY_IN || e->kind == EFFECT_MERGE) &&
            e->name != NULL && strcmp(e->name, name) == 0 && (e->schema == NULL || strcmp(e->schema, schema) == 0))
            return 1;
    }
    return 0;
}

int seeds_plain(const struct plan *p, const char *schema, const char *name)
{
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *step = &p->steps[i];

        for (size_t k = 0; step->script != NULL && k < step->script->count; k++) {
            const struct statement *s = &step->script->statements[k];
            struct reading q = {.name = name};

            if (s->tree == NULL)
                return 0;
            if (is_into(step, s, schema, name)) {
                if (node_as(s->tree, "InsertStmt") == NULL || !is_plain(node_as(s->tree, "InsertStmt"), name))
                    return 0;
                continue;
            }
            q.found = strcmp(node_kind(s->tree), "DoStmt") == 0 || strcmp(node_kind(s->tree), "CallStmt") == 0;
            node_walk(node_body(s->tree), read_node, &q);
            if (q.found)
                return 0;
        }
    }
    return 1;
}

/* ---- on the server --------------------------------------------------------------------------- */

/* Would rows of others go, or change, with these? */
static int carries_on(struct running *r, const struct closure_table *t, int *yes, struct err *err)
{
    uint64_t n = 0;

    if (query_countf(r->g->main, &n, err,
                     "SELECT count(*) FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' AND k.confrelid = '%" PRIu32
                     "'::pg_catalog.oid AND k.confdeltype NOT IN ('a', 'r')",
                     t->oid) != 0)
        return -1;
    *yes = n > 0;
    return 0;
}

/* In a savepoint.  1: exactly N rows, the only ones that this transaction has written there, are gone. */
static int try_remove(struct running *r, const struct closure_table *t, int64_t n, struct err *err)
{
    struct conn *c = r->g->main;
    struct buf sql = {0};
    struct query q = {.columns = 0};
    struct result *gone = NULL;
    struct err why = {0};
    char **back = NULL;
    int rc = -1;

    if (buf_adds(&sql, "DELETE FROM ONLY ", err) != 0 || quote_name(&sql, t->schema, t->name, err) != 0 ||
        buf_adds(&sql, " AS t WHERE t.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid", err) != 0 ||
        tx_savepoint(c, "mig_seeds", err) != 0)
        goto out;
    q.sql = sql.data;
    if (quiet_begin(c, &t->oid, 1, &back, &why) == 0 && (gone = query_run(c, &q, &why)) != NULL &&
        result_affected(gone) == n && query_exec(c, "SET CONSTRAINTS ALL IMMEDIATE", NULL, &why) == 0 &&
        quiet_end(c, back, &why) == 0) {
        rc = query_exec(c, "RELEASE SAVEPOINT mig_seeds", NULL, err) == 0 ? 1 : -1;
    } else if (why.kind == ERR_INTERRUPTED) {
        *err = why;
    } else {
        rc = tx_rollback_to(c, "mig_seeds", err);
    }
out:
    result_free(gone);
    buf_free(&sql);
    strings_free(back);
    return rc;
}

static int is_put_back(const struct running *r, const struct closure_table *t)
{
    for (size_t i = 0; i < r->o->nvalues; i++)
        for (size_t k = 0; k < r->o->values[i].ntargets; k++) {
            const struct restore_target *a = &r->o->values[i].targets[k];

            if (a->mode != RESTORE_COLUMNS && strcmp(a->name, t->name) == 0 && a->schema != NULL &&
                strcmp(a->schema, t->schema) == 0)
                return 1;
        }
    return 0;
}

static int one_table(struct running *r, const struct closure_table *t, int64_t n, int only, struct err *err)
{
    int done = 0, others = 0;
    const char *s = n == 1 ? "" : "s";

    if (only && seeds_plain(r->plan, t->schema, t->name)) {
        if (carries_on(r, t, &others, err) != 0 || (!others && (done = try_remove(r, t, n, err)) < 0))
            return -1;
    }
    if (done)
        return strings_addf(&r->out->notes, err, "%s.%s: %lld row%s that the upgrade inserted once more %s taken away again", t->schema,
                            t->name, (long long)n, s, n == 1 ? "is" : "are");
    /* Beside rows that come back, the restore counts them. */
    if (is_put_back(r, t))
        return 0;
    r->left++;
    return strings_addf(&r->out->notes, err, "%s.%s: %lld row%s that the upgrade inserted once more may stand there twice", t->schema,
                        t->name, (long long)n, s);
}

int seeds_remove(struct running *r, const struct result *writes, struct err *err)
{
    for (int i = 0; r->o->undo_of != NULL && i < result_rows(writes); i++) {
        uint32_t oid = (uint32_t)result_int(writes, i, 0);
        const struct closure_table *t = closure_table_of(r->closure, oid);
        int64_t inserted = result_int(writes, i, 2);

        if (t == NULL || t->kind != 'r' || inserted == 0 || (t->fate & CLOSURE_INSERTED) == 0 ||
            (t->fate & (CLOSURE_DROPPED | CLOSURE_VERSION | CLOSURE_EMPTIED)) != 0 || !proof_has(r->before, oid) ||
            (r->plan->version_table != NULL && strcmp(r->plan->version_table, t->name) == 0))
            continue;
        if (one_table(r, t, inserted, result_int(writes, i, 3) + result_int(writes, i, 4) == 0, err) != 0)
            return err_prefix(err, "cannot tell what the upgrade inserted into %s.%s", t->schema, t->name);
    }
    return 0;
}
