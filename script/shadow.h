/*
 * shadow: what a script has made, renamed and dropped so far.
 *
 * Not a catalog: it knows only what the script did.  An object that it does not
 * know is the server's, under its own name.
 */
#ifndef MIG_SCRIPT_SHADOW_H
#define MIG_SCRIPT_SHADOW_H

#include "core/err.h"

struct shadow;

/* Objects that share their names. */
enum shadow_space {
    SHADOW_RELATION, /* tables, views, indexes, sequences */
    SHADOW_TYPE,
    SHADOW_SCHEMA,
    SHADOW_ROUTINE,
};

struct shadow_seen {
    int own;            /* made by the script */
    int gone;           /* dropped or renamed away by the script */
    const char *schema; /* its name on the server where a rename hides it, else NULL; borrowed */
    const char *name;   /* until the next change */
};

struct shadow *shadow_new(struct err *err) MIG_MUST_CHECK;
void shadow_free(struct shadow *s);

void shadow_find(const struct shadow *s, enum shadow_space space, const char *schema,
                 const char *name, struct shadow_seen *seen);
/* A column of SCHEMA.NAME (its present name); one of an own table is own. */
void shadow_find_column(const struct shadow *s, const char *schema, const char *name,
                        const char *column, struct shadow_seen *seen);

int shadow_create(struct shadow *s, enum shadow_space space, const char *schema, const char *name,
                  struct err *err) MIG_MUST_CHECK;
int shadow_drop(struct shadow *s, enum shadow_space space, const char *schema, const char *name,
                struct err *err) MIG_MUST_CHECK;
int shadow_rename(struct shadow *s, enum shadow_space space, const char *schema, const char *name,
                  const char *new_schema, const char *new_name, struct err *err) MIG_MUST_CHECK;

int shadow_create_column(struct shadow *s, const char *schema, const char *name,
                         const char *column, struct err *err) MIG_MUST_CHECK;
int shadow_drop_column(struct shadow *s, const char *schema, const char *name, const char *column,
                       struct err *err) MIG_MUST_CHECK;
int shadow_rename_column(struct shadow *s, const char *schema, const char *name,
                         const char *column, const char *new_name, struct err *err)
    MIG_MUST_CHECK;

/* Relations that were moved into SCHEMA (SET SCHEMA) and are the server's: VISIT is called with
 * their present name and the name on the server. */
int shadow_moved_into(const struct shadow *s, const char *schema,
                      int (*visit)(const char *name, const char *server_schema,
                                   const char *server_name, void *arg),
                      void *arg);

/* While ON nothing is learned: what is looked at may not run. */
void shadow_freeze(struct shadow *s, int on);

/* ROLLBACK, SET search_path: what is known of names no longer holds. */
void shadow_forget(struct shadow *s);

#endif
