/* fuzz_ini: a configuration file, read and asked, as alembic.ini is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "migration/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const options[] = {"script_location", "version_locations", "sqlalchemy.url",
                                          "a", "b", "here"};
    static const char *const sections[] = {"alembic", "DEFAULT", "x"};
    char *text = malloc(size + 1);
    struct err err = {0};
    struct ini *ini;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    ini = ini_read(text, size, "alembic.ini", "/here", &err);
    if (ini == NULL && (err.kind != ERR_USAGE || err.message[0] == '\0'))
        abort();
    for (size_t s = 0; ini != NULL && s < 3; s++) {
        for (size_t o = 0; o < 6; o++) {
            struct err why = {0};
            char *value = NULL;

            if (ini_get(ini, sections[s], options[o], &value, &why) != 0 && why.kind != ERR_USAGE)
                abort();
            free(value);
        }
    }
    ini_free(ini);
    free(text);
    return 0;
}
