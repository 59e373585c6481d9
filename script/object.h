/*
 * object: the effects of RENAME, SET SCHEMA and DROP on an object of any kind,
 * and what they do to the shadow.
 */
#ifndef MIG_SCRIPT_OBJECT_H
#define MIG_SCRIPT_OBJECT_H

#include <jansson.h>

struct finder;

/* BODY: a RenameStmt. */
void object_rename(struct finder *f, const json_t *body);
/* BODY: an AlterObjectSchemaStmt. */
void object_set_schema(struct finder *f, const json_t *body);
/* OBJECT, one of those that BODY, a DropStmt, drops; WHAT: its removeType ("OBJECT_TABLE"). */
void object_drop(struct finder *f, const json_t *body, const char *what, const json_t *object);

#endif
