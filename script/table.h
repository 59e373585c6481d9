/*
 * table: the effects of CREATE TABLE and of ALTER TABLE's commands, and what they
 * do to the shadow.
 */
#ifndef MIG_SCRIPT_TABLE_H
#define MIG_SCRIPT_TABLE_H

#include <jansson.h>

struct finder;

/* BODY: a CreateStmt, or the one inside a CreateForeignTableStmt. */
void table_create(struct finder *f, const json_t *body);
/* BODY: an AlterTableStmt, which also alters views, indexes, sequences and composite types. */
void table_alter(struct finder *f, const json_t *body);

#endif
