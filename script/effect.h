/*
 * effect: what each statement touches and destroys.
 *
 * Found once, used by backup (which tables), validate (which hazards) and
 * rollback (which locks).  A shadow of the catalog follows CREATE, ALTER, RENAME
 * and DROP within the script: an object made in the same script carries
 * EFFECT_OWN, and a renamed one keeps its name on the server in ON_SERVER.
 */
#ifndef MIG_SCRIPT_EFFECT_H
#define MIG_SCRIPT_EFFECT_H

#include <stddef.h>

#include "core/err.h"

struct block;
struct script;
struct statement;

enum effect_kind {
    /* stored data goes or changes */
    EFFECT_DROP_TABLE,
    EFFECT_DROP_COLUMN,
    EFFECT_DROP_SCHEMA,
    EFFECT_DROP_TYPE,      /* type, domain: CASCADE drops columns */
    EFFECT_DROP_EXTENSION,
    EFFECT_DROP_SEQUENCE,
    EFFECT_DROP_MATVIEW,
    EFFECT_DROP_DATABASE,
    EFFECT_DROP_OWNED,
    EFFECT_ALTER_TYPE,     /* ALTER COLUMN TYPE */
    EFFECT_TRUNCATE,
    EFFECT_DELETE,
    EFFECT_UPDATE,
    EFFECT_INSERT,
    EFFECT_COPY_IN,
    EFFECT_MERGE,
    /* structure */
    EFFECT_CREATE_TABLE,
    EFFECT_ADD_COLUMN,
    EFFECT_RENAME_TABLE,
    EFFECT_RENAME_COLUMN,
    EFFECT_RENAME_OTHER,
    EFFECT_SET_NOT_NULL,
    EFFECT_DROP_NOT_NULL,
    EFFECT_SET_DEFAULT,
    EFFECT_DROP_DEFAULT,
    EFFECT_ADD_CONSTRAINT,
    EFFECT_DROP_CONSTRAINT,
    EFFECT_VALIDATE_CONSTRAINT,
    EFFECT_CREATE_INDEX,
    EFFECT_DROP_INDEX,
    EFFECT_REINDEX,
    EFFECT_DROP_VIEW,
    EFFECT_DROP_ROUTINE,
    EFFECT_DROP_TRIGGER,
    EFFECT_CREATE_TRIGGER,
    EFFECT_DROP_OTHER,
    EFFECT_ALTER_TABLE_OTHER,
    EFFECT_ALTER_ENUM,
    EFFECT_CREATE_OTHER,   /* type, function, view, extension, ...: nothing stored is touched */
    EFFECT_SET,            /* SET, RESET, set_config */
    EFFECT_TRANSACTION,    /* BEGIN, COMMIT, SAVEPOINT */
    EFFECT_READ,           /* a SELECT without a function of unknown effect */
    EFFECT_OTHER,          /* known and harmless: COMMENT, GRANT, ... */
    /* cannot be judged from the text */
    EFFECT_OPAQUE,         /* DO, CALL, EXECUTE; a user's function that a query or, for rows, DDL calls */
    EFFECT_UNKNOWN,        /* did not parse */
};

#define EFFECT_OWN 1u        /* the object was made earlier in the same script */
#define EFFECT_CASCADE 2u    /* DROP ... CASCADE, TRUNCATE ... CASCADE */
#define EFFECT_IF_EXISTS 4u
#define EFFECT_CONCURRENTLY 8u
#define EFFECT_WHOLE 16u     /* DELETE or UPDATE without WHERE */
#define EFFECT_ONLY 32u
#define EFFECT_VERSION 64u   /* on alembic's version table */
#define EFFECT_GONE 128u     /* the script itself dropped it, or renamed it away, before */

#define EFFECT_PERHAPS 512u  /* inside of a DO block: it may run */
#define EFFECT_FREED 256u    /* ADD_COLUMN: the script dropped or renamed the column of this name before */

struct effect {
    enum effect_kind kind;
    unsigned flags;
    const struct statement *statement; /* borrowed from the script */
    char *schema;     /* NULL: by search_path */
    char *name;       /* the relation (or schema, type, ...), as the script calls it */
    char *column;     /* of a column effect, or NULL */
    char *on_server;  /* the relation's name on the server where a rename hides it, else NULL */
    char *schema_on_server; /* with ON_SERVER: its schema on the server, NULL by search_path */
    char *column_on_server;
    char *partner_schema, *partner; /* the server's name of the other relation, or NULL (none, or
                       * the script's own): what a foreign key references, the partition that is
                       * attached or detached, the parent that a new table joins */
    char *detail;     /* kind's own, or NULL:
                       * RENAME_*: the new name (RENAME_TABLE by SET SCHEMA: "schema.name")
                       * ADD_CONSTRAINT: "FOREIGN KEY", "CHECK", "UNIQUE", "PRIMARY KEY", "EXCLUDE"
                       * DROP_CONSTRAINT, VALIDATE_CONSTRAINT: the constraint's name
                       * CREATE_INDEX: its name or NULL; *_TRIGGER: its name
                       * ALTER_TABLE_OTHER: the subtype ("AT_SetLogged")
                       * SET: the variable; OPAQUE: what is opaque ("DO", "function f")
                       * the others: the parse tree's node ("ClusterStmt", "OBJECT_POLICY") */
    char *arguments;  /* DROP_ROUTINE: the types of its arguments as SQL, one a line; NULL: not said */
    const void *node; /* the json_t of the clause (AlterTableCmd, Constraint, IndexStmt, ...),
                       * borrowed from the tree; NULL: the whole statement's */
    struct block *block; /* OPAQUE, of DO: what it may run (script/block.h); NULL: not read */
};

struct effects {
    struct effect *items;
    size_t count;
    const struct script *script; /* borrowed */
};

/* VERSION_TABLE: "alembic_version" or "schema.name"; NULL: alembic_version. */
struct effects *effects_find(const struct script *script, const char *version_table,
                             struct err *err) MIG_MUST_CHECK;
/* As effects_find over scripts that run one after another (a plan's steps) and share one shadow. */
struct effects **effects_find_all(const struct script *const *scripts, size_t n,
                                  const char *version_table, struct err *err) MIG_MUST_CHECK;
void effects_free(struct effects *e);
void effects_free_all(struct effects **e, size_t n);
const char *effect_name(enum effect_kind kind); /* "drop-column" */

/* The clause's expression as SQL, through the deparser: USING, DEFAULT, CHECK, WHERE.  NULL where
 * there is none or it cannot be printed.  Owned. */
char *effect_expression(const struct effect *e);
/* ALTER_TYPE, ADD_COLUMN: the type as SQL.  Owned. */
char *effect_type(const struct effect *e);
/* The same of COLDEF, a ColumnDef of E's statement. */
char *effect_type_of(const struct effect *e, const void *coldef);
/* The type that COLDEF's serial stands for: "bigint"; NULL: it is none. */
const char *effect_serial(const void *coldef);
/* ADD COLUMN ... NOT NULL (or PRIMARY KEY) that old rows cannot meet: no default (DEFAULT NULL is none),
 * not generated, not a serial. */
int effect_required(const struct effect *e);
/* "schema.table.column", as the server knows it, for messages.  Owned; NULL: no memory. */
char *effect_object(const struct effect *e);
/* Is it opaque for it calls a function, E's name, of unknown effect? */
int effect_calls(const struct effect *e);

/*
 * Undo's way around ADD COLUMN ... NOT NULL without a default on a table that has rows: *FIRST is the
 * statement without those NOT NULLs and PRIMARY KEYs, *AFTER what sets them when the values are back.
 * IF NOT EXISTS is the caller's to look at: where the column is there, nothing may be set.  Both owned;
 * *FIRST is NULL where there is nothing to rewrite.  ERR_FAILED: the deparser cannot.
 */
int effect_defer_not_null(const struct statement *st, char **first, char **after, struct err *err)
    MIG_MUST_CHECK;

#endif
