#include "rollback/belongings.h"

#include <jansson.h>
#include <string.h>

#include "backup/keys.h"
#include "core/buf.h"
#include "core/journal.h"
#include "core/strings.h"
#include "pg/session.h"
#include "pg/tx.h"
#include "rollback/fate.h"
#include "rollback/guard.h"
#include "rollback/inventory.h"
#include "rollback/kept.h"
#include "rollback/run.h"
#include "rollback/running.h"
#include "rollback/view.h"

enum { NAMED = 12 };

int belongings_keep(struct running *r, struct conn *c, struct err *err)
{
    const struct keyring *keys = r->g->request->keys;
    struct inventory *v = NULL;
    struct err none = {0};
    json_t *json = NULL;
    char *sealed = NULL;
    int rc = -1;

    if (r->o->undo_of != NULL || keyring_can_write(keys, &none) != 0)
        return 0;
    if ((v = inventory_read(c, r->g->closure, err)) == NULL || (json = inventory_json(v, err)) == NULL ||
        (sealed = kept_seal(json, keys, err)) == NULL)
        goto out;
    rc = journal_write(r->journal, "belongings", json_pack("{s:s}", "sealed", sealed), err);
out:
    inventory_free(v);
    json_decref(json);
    free(sealed);
    return rc;
}

int belongings_kept(const struct guard *g, const struct fate *f, struct inventory **v, struct err *err)
{
    const char *sealed = json_string_value(json_object_get(journal_last(f->record, "belongings"), "sealed"));
    json_t *json;

    *v = NULL;
    if (sealed == NULL)
        return 0;
    if ((json = kept_open(sealed, g->request->keys, err)) == NULL)
        return -1;
    *v = inventory_of_json(json, err);
    json_decref(json);
    return *v != NULL ? 0 : -1;
}

/* "WHAT: a, b, c and 4 more" */
static int note(struct running *r, const char *what, char *const *list, struct err *err)
{
    size_t n = strings_count(list);
    struct buf b = {0};
    int rc = -1;

    if (n == 0)
        return 0;
    if (buf_adds(&b, what, err) != 0)
        goto out;
    for (size_t i = 0; i < n && i < NAMED; i++)
        if (buf_addf(&b, err, "%s %s", i > 0 ? ";" : ":", list[i]) != 0)
            goto out;
    if (n > NAMED && buf_addf(&b, err, "; and %zu more", n - NAMED) != 0)
        goto out;
    rc = strings_add(&r->out->notes, b.data, err);
out:
    buf_free(&b);
    return rc;
}

int belongings_back(struct running *r, struct err *err)
{
    char **made = NULL, **left = NULL, **order = NULL;
    int rc = -1;

    if (r->o->inventory == NULL)
        return 0;
    if (inventory_repair(r->g->main, r->o->inventory, &made, &left, &order, err) != 0)
        goto out;
    r->left += strings_count(left);
    if (note(r, "the upgrade does not make these, undo did", made, err) != 0 ||
        note(r, "not as before the rollback", left, err) != 0 ||
        note(r, "as before but for the order of the columns", order, err) != 0)
        goto out;
    if (left == NULL && order == NULL &&
        strings_add(&r->out->notes, "the schema of these tables is as it was before the rollback", err) != 0)
        goto out;
    rc = 0;
out:
    strings_free(made);
    strings_free(left);
    strings_free(order);
    return rc;
}

int belongings_back_alone(struct running *r, struct err *err)
{
    char **back = NULL;
    int rc = -1;

    if (r->o->inventory == NULL)
        return 0;
    if (tx_begin(r->g->main, TX_READ_COMMITTED, 0, err) == 0 && session_borrow(r->g->main, &back, err) == 0 &&
        belongings_back(r, err) == 0)
        rc = tx_commit(r->g->main, err);
    strings_free(back);
    if (rc != 0)
        tx_rollback(r->g->main);
    return rc;
}

int belongings_answer(const struct running *r, struct err *err)
{
    if ((r->left == 0 && r->overwritten == 0) || r->g->request->dry_run)
        return 0;
    if (r->overwritten > 0) {
        (void)err_set(err, ERR_UNFINISHED, "what was written since the rollback to %llu row%s is not there as it was written%s",
                      (unsigned long long)r->overwritten, r->overwritten == 1 ? "" : "s",
                      r->left > 0 ? ", and not all is as before the rollback" : "");
        err_hint(err, "the report names the tables, and the backup that holds those rows as they were: mig-backup cat FILE "
                      "-t TABLE");
        return -1;
    }
    (void)err_set(err, ERR_UNFINISHED, "%zu thing%s not as before the rollback", r->left,
                  r->left == 1 ? " is" : "s are");
    err_hint(err, "the report names them; what is not back is in the backup still");
    return -1;
}
