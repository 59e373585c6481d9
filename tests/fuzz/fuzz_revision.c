/* A revision file, alembic.ini and mig.json from anybody: an answer or an error, never a crash. */
#include <stdint.h>
#include <stdlib.h>

#include "core/buf.h"
#include "migration/ini.h"
#include "migration/revision.h"
#include "migration/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tokens tokens; /* kept from file to file, as in use */
    struct err err = {0}, other = {0};
    struct revision *r = revision_read((const char *)data, size, "x.py", &tokens, &err);
    struct ini *ini = ini_read((const char *)data, size, "alembic.ini", "/here", &other);

    if (r != NULL) {
        struct buf why = {0};
        struct err none = {0};

        (void)!revision_irreversible(r, &why, &none);
        buf_free(&why);
    } else if (err.kind == ERR_NONE) {
        abort();
    }
    if (ini != NULL) {
        static const char *const options[] = {"script_location", "sqlalchemy.url", "version_locations", "a"};
        static const char *const sections[] = {"alembic", "DEFAULT", "a"};

        for (size_t s = 0; s < 3; s++)
            for (size_t o = 0; o < 4; o++) {
                struct err none = {0};
                char *value = NULL;

                if (ini_get(ini, sections[s], options[o], &value, &none) != 0 && none.kind == ERR_NONE)
                    abort();
                free(value);
            }
    } else if (other.kind == ERR_NONE) {
        abort();
    }
    revision_free(r);
    ini_free(ini);
    return 0;
}
