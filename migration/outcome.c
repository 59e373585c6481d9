#include "migration/outcome.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "migration/plan.h"
#include "migration/version.h"
#include "script/effect.h"
#include "script/statement.h"

static int find_effects(struct plan *p, const struct version_name *name, struct err *err)
{
    const struct script **scripts = calloc(p->nsteps + 1, sizeof(*scripts));
    struct effects **found = NULL;
    struct buf table = {0};
    size_t n = 0;
    int rc = -1;

    if (scripts == NULL)
        return err_oom(err);
    for (size_t i = 0; i < p->nsteps; i++) {
        if (p->steps[i].script != NULL)
            scripts[n++] = p->steps[i].script;
    }
    if (name != NULL && name->table != NULL &&
        (name->schema != NULL ? buf_addf(&table, err, "%s.%s", name->schema, name->table)
                              : buf_adds(&table, name->table, err)) != 0)
        goto out;
    found = effects_find_all(scripts, n, table.data, err);
    if (found == NULL)
        goto out;
    n = 0;
    for (size_t i = 0; i < p->nsteps; i++) {
        if (p->steps[i].script != NULL)
            p->steps[i].effects = found[n++];
    }
    free(found);
    rc = 0;
out:
    buf_free(&table);
    free(scripts);
    return rc;
}

static void digest_text(crypto_generichash_state *st, const char *s, size_t n)
{
    unsigned char len[8];

    for (int i = 0; i < 8; i++)
        len[i] = (unsigned char)((unsigned long long)n >> (8 * i));
    (void)crypto_generichash_update(st, len, sizeof(len));
    (void)crypto_generichash_update(st, (const unsigned char *)s, n);
}

static void digest_rows(crypto_generichash_state *st, char *const *rows)
{
    for (; *rows != NULL; rows++)
        digest_text(st, *rows, strlen(*rows));
    digest_text(st, "", 0);
}

static int digest(struct plan *p, struct err *err)
{
    crypto_generichash_state st;
    unsigned char hash[32];

    if (sodium_init() < 0)
        return err_set(err, ERR_FAILED, "libsodium cannot be initialised");
    (void)crypto_generichash_init(&st, NULL, 0, sizeof(hash));
    digest_rows(&st, p->from);
    digest_rows(&st, p->to);
    if (p->version_column != NULL) {
        digest_text(&st, p->version_schema, strlen(p->version_schema));
        digest_text(&st, p->version_table, strlen(p->version_table));
        digest_text(&st, p->version_column, strlen(p->version_column));
    }
    for (size_t i = 0; i < p->nsteps; i++) {
        const struct plan_step *s = &p->steps[i];

        digest_text(&st, s->revision, strlen(s->revision));
        if (s->script != NULL)
            digest_text(&st, s->script->text, s->script->len);
    }
    (void)crypto_generichash_final(&st, hash, sizeof(hash));
    (void)sodium_bin2hex(p->digest, sizeof(p->digest), hash, sizeof(hash));
    return 0;
}

int outcome_find(struct plan *p, const struct version_name *name, struct err *err)
{
    return find_effects(p, name, err) != 0 ? -1 : digest(p, err);
}
