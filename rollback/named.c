#include "rollback/named.h"

#include <stdlib.h>

#include "core/buf.h"
#include "pg/array.h"
#include "script/closure.h"

enum { PG_CLASS = 1259 };

static int add(struct buf *classes, struct buf *oids, uint32_t classid, uint32_t oid, struct err *err)
{
    return array_number(classes, classid, err) != 0 ? -1 : array_number(oids, oid, err);
}

int named_objects(const struct closure *closure, int partners, char **classes, char **oids, struct err *err)
{
    struct buf c = {0}, o = {0};
    int rc = -1;

    *classes = *oids = NULL;
    for (size_t i = 0; i < closure->nlinks; i++)
        if (closure->links[i].oid != 0 && add(&c, &o, closure->links[i].classid, closure->links[i].oid, err) != 0)
            goto out;
    for (size_t i = 0; i < closure->ntables; i++)
        if ((partners || (closure->tables[i].fate & CLOSURE_PARTNER) == 0) &&
            add(&c, &o, PG_CLASS, closure->tables[i].oid, err) != 0)
            goto out;
    if (array_end(&c, err) != 0 || array_end(&o, err) != 0 || (*classes = buf_take(&c, err)) == NULL ||
        (*oids = buf_take(&o, err)) == NULL)
        goto out;
    rc = 0;
out:
    buf_free(&c);
    buf_free(&o);
    if (rc != 0) {
        free(*classes);
        *classes = NULL;
    }
    return rc;
}
