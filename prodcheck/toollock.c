#include "prodcheck/toollock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "pg/query.h"

struct lock_owner {
    const char *key;
    const char *tool;
};

/* golang-migrate's key: crc32 of the database's and schema's names, salted. */
static void migrate_key(const char *database, char key[24])
{
    uLong crc = crc32(0L, (const Bytef *)database, (uInt)strlen(database));

    (void)snprintf(key, 24, "%" PRIu32, (uint32_t)crc * 1486364155u);
}

static void rails_key(const char *database, char key[24])
{
    uLong crc = crc32(0L, (const Bytef *)database, (uInt)strlen(database));

    (void)snprintf(key, 24, "%" PRId64, (int64_t)2053462845 * (int64_t)crc);
}

int toollock_judge(const struct check *k, const char *database, const struct result *r,
                   struct check_result *out, struct err *err)
{
    char migrate[24], rails[24];
    const struct lock_owner owners[] = {
        {"77431708279161", "Flyway"},  {"75474063", "sqitch"}, {"4036779288569897133", "Reshape"},
        {"2686470616", "Atlas"},       {migrate, "golang-migrate"}, {rails, "Rails"},
        {"7169383,1919905644", "mig-rollback"}, /* rollback/locks.c */
    };
    size_t i;
    int row;

    migrate_key(database, migrate);
    rails_key(database, rails);
    for (row = 0; row < result_rows(r); row++)
        for (i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
            if (strcmp(result_text(r, row, 0), owners[i].key) == 0) {
                const char *who = result_text(r, row, 2);

                if (check_evidence(out, owners[i].tool, NULL, who, NULL, err) != 0)
                    return -1;
                if (out->message == NULL &&
                    check_say(out, k, CHECK_FAIL, err, "%s is migrating: %s", owners[i].tool,
                              who != NULL ? who : "a session holds its lock") != 0)
                    return -1;
            }
    return out->message != NULL ? 0 : check_say(out, k, CHECK_OK, err, "%s", k->ok);
}
