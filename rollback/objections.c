#include "rollback/objections.h"

enum { SHOWN = 12 };

int objections_add(struct objections *o, struct err *err, const char *name, const char *what)
{
    o->count++;
    if (o->count > SHOWN)
        return 0;
    return buf_addf(&o->text, err, "%s%s %s", o->count > 1 ? "; " : "", name, what);
}

void objections_free(struct objections *o)
{
    buf_free(&o->text);
}
