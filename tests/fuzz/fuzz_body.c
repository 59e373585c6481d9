/* The text of a routine: SQL, PL/pgSQL or anything; what it names is an answer, never a crash. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "script/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte picks the language; the rest is the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = {"sql", "plpgsql", "plpgsql", "plperl"};
    static const char head[] = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $mig_fuzz$", tail[] = "$mig_fuzz$";
    const struct body_word words[] = {{NULL, "users", "phone", 0, 0}, {"public", "users", NULL, 0, 1}, {NULL, "f", NULL, 1, 0}};
    char *source, *create;
    struct body body;

    if (size == 0 || size > 65536 || (source = calloc(1, size)) == NULL)
        return 0;
    memcpy(source, data + 1, size - 1);
    if ((create = malloc(sizeof(head) + sizeof(tail) + size)) == NULL) {
        free(source);
        return 0;
    }
    (void)strcpy(create, head);
    (void)strcat(create, source);
    (void)strcat(create, tail);
    body = (struct body){languages[data[0] % 4], source, create};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        enum body_answer answer = body_names(&body, &words[i]);

        if (answer != BODY_NO && answer != BODY_MAYBE && answer != BODY_YES)
            abort();
    }
    free(source);
    free(create);
    return 0;
}
