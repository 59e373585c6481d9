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

#include "core/err.h"

struct config;

/* PATH NULL: ./mig.json if there is one, else all defaults.  A PATH that was given must exist. */
struct config *config_load(const char *path, struct err *err) MIG_MUST_CHECK;
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
/* Any subtree as jansson sees it, or NULL.  Borrowed. */
const json_t *config_json(const struct config *c, const char *key);

#endif
