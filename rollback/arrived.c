#include "rollback/arrived.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "pg/query.h"
#include "pg/quote.h"
#include "rollback/expected.h"
#include "rollback/objections.h"
#include "script/node.h"
#include "validate/column.h"

static const char expected_sql[] =
#include "rollback/sql/expected.sql.h"
    ;

/* What the answer has behind the number and the name. */
enum { TYPE = 2, MODIFIER, TYPE_SQL, TYPE_NAME, COLLATION, COLLATION_NAME, NOT_NULL, HAS_DEFAULT, IDENTITY, GENERATED };
enum { CONTYPE = 2, COLUMNS, REFERENCED, REFERENCED_NAME, REFERENCED_COLUMNS, ON_UPDATE, ON_DELETE, DEFERRABLE, DEFERRED, VALIDATED };
enum { UNIQUE = 2, INDEXED, KEYS, METHOD, VALID, PREDICATE, OPTIONS };
enum { DESCENDING = 1, NULLS_FIRST = 2 };

struct query arrived_query(const struct expected *x, const char **param)
{
    *param = x->wanted;
    return (struct query){.name = "mig_expected", .sql = expected_sql, .params = param, .nparams = 1, .columns = 12};
}

/* Into WHAT, which stays empty where nothing differs; the first difference is enough. */
static int differs(struct buf *what, struct err *err, const char *is, const char *should)
{
    return what->len > 0 ? 0 : buf_addf(what, err, "%s, where the plan has %s", is, should);
}

static const char *yes_no(int yes, const char *a, const char *b)
{
    return yes ? a : b;
}

static int column(const struct expected_part *p, const struct result *r, int row, int put_off, struct buf *what, struct err *err)
{
    int64_t type = result_int(r, row, TYPE), modifier = result_int(r, row, MODIFIER);
    /* An interval's has its fields in it too. */
    int planned = p->type_oid != 0 && p->type_oid != T_INTERVAL ? column_typmod((uint32_t)p->type_oid, p->type_node) : -2;
    int not_null = result_int(r, row, NOT_NULL) != 0, has_default = result_int(r, row, HAS_DEFAULT) != 0;
    const char *identity = result_text(r, row, IDENTITY), *generated = result_text(r, row, GENERATED);
    struct buf is = {0};
    int rc = -1;

    if (((p->type_oid != 0 && (type != p->type_oid || (planned != -2 && modifier != planned))) ||
         (p->type_oid == 0 && p->type_name != NULL && strcmp(result_text(r, row, TYPE_NAME), p->type_name) != 0)) &&
        (buf_addf(&is, err, "is of type %s", result_text(r, row, TYPE_SQL)) != 0 ||
         differs(what, err, is.data, p->type != NULL ? p->type : p->type_name) != 0))
        goto out;
    buf_reset(&is);
    if (p->type_oid != 0 && p->collation_oid != 0 && result_int(r, row, COLLATION) != p->collation_oid &&
        (buf_addf(&is, err, "has collation %s", result_text(r, row, COLLATION_NAME)) != 0 ||
         differs(what, err, is.data, p->collation != NULL ? p->collation : "that of the type") != 0))
        goto out;
    if (!put_off && p->not_null != EXPECTED_ANY && not_null != p->not_null &&
        differs(what, err, yes_no(not_null, "is NOT NULL", "may be NULL"), yes_no(p->not_null, "NOT NULL", "no NOT NULL")) != 0)
        goto out;
    if (p->has_default != EXPECTED_ANY && has_default != p->has_default &&
        differs(what, err, yes_no(has_default, "has a default", "has no default"), yes_no(p->has_default, "one", "none")) != 0)
        goto out;
    if (p->identity != EXPECTED_ANY && identity[0] != (char)p->identity &&
        differs(what, err, yes_no(identity[0] != '\0', "is an identity", "is no identity of that kind"),
                yes_no(p->identity != 0, "another", "none")) != 0)
        goto out;
    if (p->generated != EXPECTED_ANY && (generated[0] != '\0') != (p->generated != 0) &&
        differs(what, err, yes_no(generated[0] != '\0', "is generated", "is not generated"),
                yes_no(p->generated != 0, "an expression", "no expression")) != 0)
        goto out;
    rc = 0;
out:
    buf_free(&is);
    return rc;
}

/* "(a, b)" of a list of the tree: Strings, or IndexElems, where an expression is "...". */
static int planned_names(const json_t *list, struct buf *b, struct err *err)
{
    for (size_t i = 0; i < node_count(list); i++) {
        const json_t *item = node_at(list, i);
        const char *name = node_as(item, "IndexElem") != NULL ? node_name(node_as(item, "IndexElem"), "name") : node_string(item);

        if (buf_adds(b, i > 0 ? ", " : "(", err) != 0 || (name != NULL ? quote_plain(b, name, err) : buf_adds(b, "...", err)) != 0)
            return -1;
    }
    return b->len > 0 ? buf_addc(b, ')', err) : 0;
}

/* The same of the answer: FIRST names, or all. */
static int came_names(const char *json, size_t first, struct buf *b, struct err *err)
{
    json_t *list = json != NULL ? json_loads(json, 0, NULL) : NULL;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < json_array_size(list) && i < first; i++) {
        const char *name = json_string_value(json_array_get(list, i));

        rc = buf_adds(b, i > 0 ? ", " : "(", err) != 0 ? -1 : name != NULL ? quote_plain(b, name, err) : buf_adds(b, "...", err);
    }
    if (rc == 0 && b->len > 0)
        rc = buf_addc(b, ')', err);
    json_decref(list);
    return rc;
}

/* LIST, or where it is absent ALONE, against the answer's. */
static int names(const json_t *list, const char *alone, const char *json, size_t first, const char *verb, struct buf *what, struct err *err)
{
    struct buf is = {0}, should = {0};
    int rc = -1;

    if (node_count(list) > 0 ? planned_names(list, &should, err) != 0
                             : alone != NULL && (buf_addc(&should, '(', err) != 0 || quote_plain(&should, alone, err) != 0 ||
                                                 buf_addc(&should, ')', err) != 0))
        goto out;
    if (should.len == 0) {
        rc = 0;
        goto out;
    }
    if (came_names(json, first, &is, err) != 0)
        goto out;
    rc = 0;
    if (is.len == 0 || strcmp(is.data, should.data) != 0) {
        struct buf text = {0};

        rc = buf_addf(&text, err, "%s %s", verb, is.len > 0 ? is.data : "()") != 0 ? -1 : differs(what, err, text.data, should.data);
        buf_free(&text);
    }
out:
    buf_free(&is);
    buf_free(&should);
    return rc;
}

static const char *action(char letter)
{
    switch (letter) {
    case 'r':
        return "RESTRICT";
    case 'c':
        return "CASCADE";
    case 'n':
        return "SET NULL";
    case 'd':
        return "SET DEFAULT";
    default:
        return "NO ACTION";
    }
}

static int acts(const json_t *c, const char *key, const char *came, const char *on, struct buf *what, struct err *err)
{
    char should = node_text(c, key)[0];
    struct buf is = {0};
    int rc = 0;

    if (should == '\0' || should == came[0])
        return 0;
    rc = buf_addf(&is, err, "is ON %s %s", on, action(came[0])) != 0 ? -1 : differs(what, err, is.data, action(should));
    buf_free(&is);
    return rc;
}

static char letter_of(const json_t *c)
{
    static const struct {
        const char *contype;
        char letter;
    } kinds[] = {{"CONSTR_FOREIGN", 'f'}, {"CONSTR_CHECK", 'c'}, {"CONSTR_UNIQUE", 'u'}, {"CONSTR_PRIMARY", 'p'}, {"CONSTR_EXCLUSION", 'x'}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (node_is(c, "contype", kinds[i].contype))
            return kinds[i].letter;
    return '\0';
}

static int constraint(const struct expected_part *p, const struct result *r, int row, struct buf *what, struct err *err)
{
    const json_t *c = p->node;
    char letter = letter_of(c);
    int foreign = letter == 'f', valid = result_int(r, row, VALIDATED) != 0;

    if (letter != '\0' && result_text(r, row, CONTYPE)[0] != letter)
        return differs(what, err, "is a constraint of another kind", "it");
    /* Of an index that is there, or of an expression, the columns are not said. */
    if (letter != 'c' && letter != 'x' && node_name(c, "indexname") == NULL &&
        names(node_get(c, foreign ? "fk_attrs" : "keys"), p->column, result_text(r, row, COLUMNS), SIZE_MAX, "is on", what, err) != 0)
        return -1;
    if (foreign) {
        const char *other = node_name(node_get(c, "pktable"), "relname");

        if (p->partner != 0 ? result_int(r, row, REFERENCED) != (int64_t)p->partner
                            : other != NULL && result_text(r, row, REFERENCED_NAME) != NULL && strcmp(result_text(r, row, REFERENCED_NAME), other) != 0) {
            if (differs(what, err, "references another table", other != NULL ? other : "it") != 0)
                return -1;
        } else if (names(node_get(c, "pk_attrs"), NULL, result_text(r, row, REFERENCED_COLUMNS), SIZE_MAX, "references", what, err) != 0) {
            return -1;
        }
        if (acts(c, "fk_upd_action", result_text(r, row, ON_UPDATE), "UPDATE", what, err) != 0 ||
            acts(c, "fk_del_action", result_text(r, row, ON_DELETE), "DELETE", what, err) != 0)
            return -1;
    }
    if ((result_int(r, row, DEFERRABLE) != 0) != (node_true(c, "deferrable") || node_true(c, "initdeferred")) &&
        differs(what, err, yes_no(result_int(r, row, DEFERRABLE) != 0, "is DEFERRABLE", "is not DEFERRABLE"),
                yes_no(node_true(c, "deferrable"), "DEFERRABLE", "NOT DEFERRABLE")) != 0)
        return -1;
    if ((result_int(r, row, DEFERRED) != 0) != node_true(c, "initdeferred") &&
        differs(what, err, yes_no(result_int(r, row, DEFERRED) != 0, "is INITIALLY DEFERRED", "is INITIALLY IMMEDIATE"),
                yes_no(node_true(c, "initdeferred"), "INITIALLY DEFERRED", "INITIALLY IMMEDIATE")) != 0)
        return -1;
    if (p->valid == 1 && !valid && differs(what, err, "is not valid", "a valid one") != 0)
        return -1;
    return 0;
}

/* DESC and NULLS FIRST of each column, where the access method has an order. */
static int sorted(const json_t *index, const struct result *r, int row, struct buf *what, struct err *err)
{
    const json_t *list = node_get(index, "indexParams");
    json_t *options = strcmp(result_text(r, row, METHOD), "btree") == 0 ? json_loads(result_text(r, row, OPTIONS), 0, NULL) : NULL;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < node_count(list) && i < json_array_size(options); i++) {
        const json_t *e = node_as(node_at(list, i), "IndexElem");
        int is = (int)json_integer_value(json_array_get(options, i)) & (DESCENDING | NULLS_FIRST);
        int descending = node_is(e, "ordering", "SORTBY_DESC");
        int first = node_is(e, "nulls_ordering", "SORTBY_NULLS_FIRST") ||
                    (descending && !node_is(e, "nulls_ordering", "SORTBY_NULLS_LAST"));

        if (is != ((descending ? DESCENDING : 0) | (first ? NULLS_FIRST : 0)))
            rc = differs(what, err, "is sorted otherwise", "another order");
    }
    json_decref(options);
    return rc;
}

static int index_of(const struct expected_part *p, const struct result *r, int row, struct buf *what, struct err *err)
{
    const json_t *x = p->node;
    const char *method = node_name(x, "accessMethod");
    int unique = result_int(r, row, UNIQUE) != 0, partial = result_int(r, row, PREDICATE) != 0;
    struct buf is = {0};
    int rc = -1;

    if (unique != node_true(x, "unique") &&
        differs(what, err, yes_no(unique, "is UNIQUE", "is not UNIQUE"), yes_no(node_true(x, "unique"), "UNIQUE", "no UNIQUE")) != 0)
        goto out;
    if (names(node_get(x, "indexParams"), NULL, result_text(r, row, INDEXED), (size_t)result_int(r, row, KEYS), "is on", what, err) != 0)
        goto out;
    if (method != NULL && strcmp(method, result_text(r, row, METHOD)) != 0 &&
        (buf_addf(&is, err, "is a %s index", result_text(r, row, METHOD)) != 0 || differs(what, err, is.data, method) != 0))
        goto out;
    if (partial != (node_get(x, "whereClause") != NULL) &&
        differs(what, err, yes_no(partial, "has a WHERE", "has no WHERE"), yes_no(!partial, "one", "none")) != 0)
        goto out;
    if (sorted(x, r, row, what, err) != 0)
        goto out;
    if (p->valid == 1 && !result_int(r, row, VALID) && differs(what, err, "is not valid", "a valid one") != 0)
        goto out;
    rc = 0;
out:
    buf_free(&is);
    return rc;
}

/* "public.t.c", "public.t constraint k" */
static int full_name(const struct expected_part *p, struct buf *b, struct err *err)
{
    static const char *const words[] = {".", " constraint ", " index "};

    if (quote_pretty(b, p->schema, p->relation, err) != 0 || buf_adds(b, words[p->kind], err) != 0)
        return -1;
    return p->name != NULL ? quote_plain(b, p->name, err) : buf_adds(b, "(the server names it)", err);
}

static int check_one(const struct expected *x, size_t n, const struct result *r, int put_off, struct objections *found, struct err *err)
{
    const struct expected_part *p = &x->parts[n];
    struct buf what = {0}, name = {0};
    int seen = 0, rc = -1;

    /* Of those that the server may have named, one has to do. */
    for (int row = 0; row < result_rows(r); row++) {
        if ((size_t)result_int(r, row, 0) != n)
            continue;
        seen = 1;
        buf_reset(&what);
        if ((p->kind == EXPECTED_COLUMN       ? column(p, r, row, put_off, &what, err)
             : p->kind == EXPECTED_CONSTRAINT ? constraint(p, r, row, &what, err)
                                              : index_of(p, r, row, &what, err)) != 0)
            goto out;
        if (what.len == 0) {
            rc = 0;
            goto out;
        }
    }
    if (put_off && p->kind == EXPECTED_CONSTRAINT && letter_of(p->node) == 'p') {
        rc = 0;
        goto out;
    }
    if (full_name(p, &name, err) != 0)
        goto out;
    rc = objections_add(found, err, name.data,
                        !seen             ? "is not there, where the plan makes it"
                        : p->name == NULL ? "is not there as the plan makes it"
                                          : what.data);
out:
    buf_free(&what);
    buf_free(&name);
    return rc;
}

int arrived_check(const struct expected *x, const struct result *r, int put_off, struct err *err)
{
    struct objections found = {.count = 0};
    int rc = -1;

    for (size_t i = 0; i < x->count; i++)
        if (check_one(x, i, r, put_off, &found, err) != 0)
            goto out;
    if (found.count > 0) {
        (void)err_set(err, ERR_REFUSED, "what came is not what the plan makes (%d difference%s)", found.count,
                      found.count == 1 ? "" : "s");
        err_detail(err, "%s", found.text.data);
        err_hint(err, "nothing was changed; an event trigger, a trigger or a function of the database did it, or a name means "
                      "another thing there");
        goto out;
    }
    rc = 0;
out:
    objections_free(&found);
    return rc;
}
