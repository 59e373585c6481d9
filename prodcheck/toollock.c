#include "prodcheck/toollock.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "pg/query.h"

#define FLYWAY_KEY INT64_C(77431708279161)

/* Keys that are always the same. */
static const struct lock_owner {
    const char *key, *tool;
} owners[] = {
    {"75474063", "sqitch"},
    {"4036779288569897133", "Reshape"},
    {"2686470616", "Atlas"},
    {"72707369", "Prisma"},
    {"5887940537704921958", "goose"},
    {"7169383,1919905644", "mig-rollback"}, /* rollback/locks.c */
};

/* golang-migrate: crc32 of names, salted, in 32 bits. */
static int is_golang(const char *key, const char *names, size_t n)
{
    char own[24];

    (void)snprintf(own, sizeof(own), "%" PRIu32, (uint32_t)crc32(0L, (const Bytef *)names, (uInt)n) * 1486364155u);
    return strcmp(key, own) == 0;
}

/* Rails and SQLx: crc32 of the database's name times SALT. */
static int is_salted(const char *key, const char *database, int64_t salt)
{
    uLong crc = crc32(0L, (const Bytef *)database, (uInt)strlen(database));
    char own[24];

    (void)snprintf(own, sizeof(own), "%" PRId64, salt * (int64_t)crc);
    return strcmp(key, own) == 0;
}

/* Flyway adds the hash of its table's name, 32 bits with a sign. */
static int is_flyway(const char *key)
{
    char *end;
    int64_t v;

    if (strchr(key, ',') != NULL)
        return 0;
    v = strtoll(key, &end, 10) - FLYWAY_KEY;
    return *end == '\0' && v >= INT32_MIN && v <= INT32_MAX;
}

/* The key of the table in ROW of R: schema, table and database, with NUL between. */
static int is_tables(const char *key, const char *schema, const char *table, const char *database)
{
    char names[3 * 64 + 3];
    int n = snprintf(names, sizeof(names), "%s%c%s%c%s", schema, '\0', table, '\0', database);

    return n > 0 && (size_t)n < sizeof(names) && is_golang(key, names, (size_t)n);
}

/* Whose lock KEY is, or NULL. */
static const char *owner_of(const char *key, const char *database, const struct result *r)
{
    size_t i;
    int row;

    for (i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
        if (strcmp(key, owners[i].key) == 0)
            return owners[i].tool;
    if (is_flyway(key))
        return "Flyway";
    if (is_salted(key, database, 2053462845))
        return "Rails";
    if (is_salted(key, database, 0x3d32ad9e))
        return "SQLx";
    /* Older releases hash less; before the first migration there is no table to be found. */
    if (is_golang(key, database, strlen(database)) ||
        is_tables(key, "public", "schema_migrations", database))
        return "golang-migrate";
    for (row = 0; row < result_rows(r); row++)
        if (strcmp(result_text(r, row, 3), "table") == 0 &&
            is_tables(key, result_text(r, row, 0), result_text(r, row, 2), database))
            return "golang-migrate";
    return NULL;
}

int toollock_judge(const struct check *k, const char *database, const struct result *r,
                   struct check_result *out, struct err *err)
{
    int row;

    for (row = 0; row < result_rows(r); row++) {
        const char *who = result_text(r, row, 2), *tool;

        if (strcmp(result_text(r, row, 3), "table") == 0 ||
            (tool = owner_of(result_text(r, row, 0), database, r)) == NULL)
            continue;
        if (check_evidence(out, tool, NULL, who, NULL, err) != 0)
            return -1;
        if (out->message == NULL && check_say(out, k, CHECK_FAIL, err, "%s is migrating: %s", tool,
                                              who != NULL ? who : "a session holds its lock") != 0)
            return -1;
    }
    return out->message != NULL ? 0 : check_say(out, k, CHECK_OK, err, "%s", k->ok);
}
