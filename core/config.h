/*
 * config: mig.json (docs/mig.json.5).
 *
 * One table in config.c names every key with its type and default; a key that
 * is not in it is ERR_USAGE, named with its path and the nearest known key.
 * Keys are paths: "backup.dir", "environments.production.hosts".  Relative
 * paths in "backup.dir" and "state.dir" resolve against the file's folder.
 */
#ifndef MIG_CORE_CONFIG_H
#define MIG_CORE_CONFIG_H

#include <jansson.h>
#include <stddef.h>

#include "core/err.h"

struct config;

enum config_type {
    CONFIG_STRING,
    CONFIG_PATH,     /* a string; relative ones resolve against the file's folder */
    CONFIG_INTEGER,
    CONFIG_BOOLEAN,
    CONFIG_DURATION, /* "30s" (core/cli.h), or a number of seconds */
    CONFIG_CHOICE,   /* one of CHOICES */
    CONFIG_STRINGS,  /* a list of strings, or one string */
    CONFIG_OBJECT,   /* free below this point: its reader checks it */
    CONFIG_LIST,     /* as OBJECT, but an array */
};

/* One row of the table.  "*" in KEY stands for any name: "environments.*.hosts". */
struct config_key {
    const char *key;
    enum config_type type;
    const char *fallback;   /* the default as text, or NULL: none */
    const char *doc;        /* one line */
    const char *choices;    /* CONFIG_CHOICE: "tables|loss" */
};

/* All keys, *N of them (docs/mig.json.5 lists the same: a test compares). */
const struct config_key *config_keys(size_t *n);

/* PATH NULL: ./mig.json if there is one, else all defaults.  A PATH that was given must exist. */
struct config *config_load(const char *path, struct err *err) MIG_MUST_CHECK;
/* The same of TEXT, which was read from PATH (NULL: from nowhere, and then it has nothing to find fault with). */
struct config *config_read(const char *text, size_t len, const char *path, struct err *err) MIG_MUST_CHECK;
void config_free(struct config *c);
/* The file that was read, or NULL. */
const char *config_path(const struct config *c);

/* The value at KEY, or its default from the table, or NULL.  Borrowed from C. */
const char *config_string(const struct config *c, const char *key);
/* A path-typed value, resolved against the file's folder.  Borrowed. */
const char *config_file(const struct config *c, const char *key);
/* Durations are milliseconds. */
long long config_integer(const struct config *c, const char *key);
int config_boolean(const struct config *c, const char *key);
/* CONFIG_CHOICE: the index of the value (or default) in the table's CHOICES. */
int config_choice(const struct config *c, const char *key);
/* CONFIG_STRINGS: how many, and each.  Borrowed. */
size_t config_count(const struct config *c, const char *key);
const char *config_item(const struct config *c, const char *key, size_t i);
/* Was KEY said in the file? */
int config_given(const struct config *c, const char *key);
/* Any subtree as jansson sees it, or NULL.  Borrowed. */
const json_t *config_json(const struct config *c, const char *key);

#endif
