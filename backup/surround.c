#include "backup/surround.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/strings.h"
#include "pg/conn.h"
#include "pg/query.h"
#include "pg/quote.h"

static const char identity_sql[] =
#include "backup/sql/identity.sql.h"
    ;
static const char sequences_sql[] =
#include "backup/sql/sequences.sql.h"
    ;
static const char types_sql[] =
#include "backup/sql/types.sql.h"
    ;

static int who(struct manifest *m, struct err *err)
{
    struct passwd pw, *found = NULL;
    char room[4096];

    if (getpwuid_r(getuid(), &pw, room, sizeof(room), &found) != 0 || found == NULL)
        return strings_dup(&m->os_user, getenv("USER"), err);
    return strings_dup(&m->os_user, found->pw_name, err);
}

int surround_identity(struct conn *c, struct manifest *m, int *standby, struct err *err)
{
    struct query q = {.sql = identity_sql, .columns = 9, .min_rows = 1, .max_rows = 1};
    struct result *r = query_run(c, &q, err);
    int rc = -1;

    if (r == NULL)
        return -1;
    m->database_oid = (uint32_t)result_int(r, 0, 1);
    m->server_version = conn_version(c);
    *standby = result_bool(r, 0, 6);
    if (strings_dup(&m->database, result_text(r, 0, 0), err) != 0 ||
        strings_dup(&m->encoding, result_text(r, 0, 2), err) != 0 ||
        strings_dup(&m->collate, result_text(r, 0, 3), err) != 0 ||
        strings_dup(&m->ctype, result_text(r, 0, 4), err) != 0 ||
        strings_dup(&m->role, result_text(r, 0, 5), err) != 0 ||
        strings_dup(&m->created, result_text(r, 0, 8), err) != 0 || who(m, err) != 0)
        goto out;
    if (result_bool(r, 0, 7)) {
        if (query_value(c, "SELECT system_identifier FROM pg_catalog.pg_control_system()",
                        &m->system_id, err) != 0)
            goto out;
    } else if (strings_dup(&m->system_id, "", err) != 0) {
        goto out;
    }
    rc = 0;
out:
    result_free(r);
    return rc;
}

/* One SELECT over all of them: their state is a row of their own. */
static int read_states(struct conn *c, struct manifest *m, struct err *err)
{
    struct query q = {.columns = 3};
    struct result *r = NULL;
    struct buf b = {0};
    int rc = -1;

    for (size_t i = 0; i < m->nsequences; i++)
        if (buf_addf(&b, err, "%sSELECT %zu, last_value, is_called FROM ",
                     i > 0 ? " UNION ALL " : "", i) != 0 ||
            quote_name(&b, m->sequences[i].schema, m->sequences[i].name, err) != 0)
            goto out;
    q.sql = b.data;
    q.min_rows = q.max_rows = (int)m->nsequences;
    if ((r = query_run(c, &q, err)) == NULL)
        goto out;
    for (int i = 0; i < (int)m->nsequences; i++) {
        struct manifest_sequence *s = &m->sequences[result_int(r, i, 0)];

        if (strings_dup(&s->last_value, result_text(r, i, 1), err) != 0)
            goto out;
        s->is_called = result_bool(r, i, 2);
    }
    rc = 0;
out:
    result_free(r);
    buf_free(&b);
    return rc;
}

int surround_sequences(struct conn *c, const char *tables, const char *sequences,
                       struct manifest *m, struct err *err)
{
    const char *params[] = {tables, sequences};
    struct query q = {.sql = sequences_sql, .params = params, .nparams = 2, .columns = 6};
    struct result *r = query_run(c, &q, err);
    size_t n;
    int rc = -1;

    if (r == NULL)
        return err_prefix(err, "cannot read sequences");
    n = (size_t)result_rows(r);
    if ((m->sequences = calloc(n + 1, sizeof(*m->sequences))) == NULL) {
        err_oom(err);
        goto out;
    }
    m->nsequences = n;
    for (int i = 0; i < (int)n; i++) {
        struct manifest_sequence *s = &m->sequences[i];

        if (strings_dup(&s->schema, result_text(r, i, 0), err) != 0 ||
            strings_dup(&s->name, result_text(r, i, 1), err) != 0 ||
            strings_dup(&s->type, result_text(r, i, 2), err) != 0 ||
            strings_dup(&s->table_schema, result_text(r, i, 3), err) != 0 ||
            strings_dup(&s->table_name, result_text(r, i, 4), err) != 0 ||
            strings_dup(&s->column, result_text(r, i, 5), err) != 0)
            goto out;
    }
    if (n > 0 && read_states(c, m, err) != 0) {
        err_prefix(err, "cannot read sequences");
        goto out;
    }
    rc = 0;
out:
    result_free(r);
    return rc;
}

/* A JSON list of texts, as the query makes it. */
static int read_members(const char *text, char ***members, struct err *err)
{
    json_t *list = json_loads(text != NULL ? text : "[]", 0, NULL);
    int rc = list == NULL ? err_set(err, ERR_FAILED, "the server's list of a type's members is not JSON") : 0;

    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++)
        rc = strings_add(members, json_string_value(json_array_get(list, i)), err);
    json_decref(list);
    return rc;
}

int surround_types(struct conn *c, const char *tables, struct manifest *m, struct err *err)
{
    const char *params[] = {tables};
    struct query q = {.sql = types_sql, .params = params, .nparams = 1, .columns = 4};
    struct result *r = query_run(c, &q, err);
    size_t n;
    int rc = -1;

    if (r == NULL)
        return err_prefix(err, "cannot read types");
    n = (size_t)result_rows(r);
    if ((m->types = calloc(n + 1, sizeof(*m->types))) == NULL) {
        err_oom(err);
        goto out;
    }
    m->ntypes = n;
    for (int i = 0; i < (int)n; i++) {
        struct manifest_type *t = &m->types[i];

        t->kind = result_text(r, i, 2)[0];
        if (strings_dup(&t->schema, result_text(r, i, 0), err) != 0 ||
            strings_dup(&t->name, result_text(r, i, 1), err) != 0 ||
            read_members(result_text(r, i, 3), &t->members, err) != 0)
            goto out;
    }
    rc = 0;
out:
    result_free(r);
    return rc;
}
