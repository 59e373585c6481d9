/* keys: the keys of mig.json as the manual page lists them, from the table that reads them. */
#include <stdio.h>
#include <string.h>

#include "core/config.h"

static const char *const types[] = {
    [CONFIG_STRING] = "string",   [CONFIG_PATH] = "path",         [CONFIG_INTEGER] = "whole number",
    [CONFIG_BOOLEAN] = "boolean", [CONFIG_DURATION] = "duration", [CONFIG_CHOICE] = "one of",
    [CONFIG_STRINGS] = "string or list of strings", [CONFIG_OBJECT] = "object", [CONFIG_LIST] = "list",
};

/* TEXT as roff reads it back. */
static void put(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
    }
}

int main(void)
{
    const char *group = "";
    size_t n, len = 0;
    const struct config_key *keys = config_keys(&n);

    for (size_t i = 0; i < n; i++) {
        const struct config_key *k = &keys[i];

        if (i == 0 || strncmp(k->key, group, len) != 0 || (k->key[len] != '.' && k->key[len] != '\0')) {
            group = k->key;
            len = strcspn(group, ".");
            printf(".SS %.*s\n", (int)len, group);
        }
        fputs(".TP\n.B ", stdout);
        put(k->key);
        fputs("\n", stdout);
        put(k->doc);
        fputs("\n(", stdout);
        fputs(types[k->type], stdout);
        for (const char *c = k->choices; c != NULL && *c != '\0'; c += strcspn(c, "|") + (c[strcspn(c, "|")] == '|'))
            printf("%s \\(lq%.*s\\(rq", c == k->choices ? "" : ",", (int)strcspn(c, "|"), c);
        if (k->fallback != NULL) {
            fputs("; default ", stdout);
            put(k->fallback);
        }
        fputs(")\n", stdout);
    }
    return 0;
}
