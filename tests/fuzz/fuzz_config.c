/* fuzz_config: a mig.json, read, and every key of the table asked for as its type says. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted has the type that the table promises to whoever asks. */
static void ask(const struct config *c, const struct config_key *k, const char *key)
{
    const char *value;

    switch (k->type) {
    case CONFIG_STRING:
    case CONFIG_PATH:
        value = k->type == CONFIG_STRING ? config_string(c, key) : config_file(c, key);
        if ((value == NULL) != (k->fallback == NULL && !config_given(c, key)))
            abort();
        break;
    case CONFIG_INTEGER:
        (void)config_integer(c, key);
        break;
    case CONFIG_BOOLEAN:
        if (config_given(c, key) && config_boolean(c, key) != json_is_true(config_json(c, key)))
            abort();
        break;
    case CONFIG_DURATION:
        if (config_integer(c, key) < 0)
            abort();
        break;
    case CONFIG_CHOICE:
        if (config_choice(c, key) < 0)
            abort();
        break;
    case CONFIG_STRINGS:
        if (config_given(c, key) && config_count(c, key) != json_array_size(config_json(c, key)))
            abort();
        for (size_t i = 0; i < config_count(c, key); i++)
            if (config_item(c, key, i) == NULL)
                abort();
        break;
    case CONFIG_OBJECT:
        if (config_given(c, key) && !json_is_object(config_json(c, key)))
            abort();
        break;
    case CONFIG_LIST:
        if (config_given(c, key) && !json_is_array(config_json(c, key)))
            abort();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct config *c = config_read((const char *)data, size, "folder/mig.json", &err);
    const struct config_key *keys;
    const char *name;
    json_t *one;
    size_t n;

    if (c == NULL) {
        if (err.kind != ERR_USAGE || err.message[0] == '\0')
            abort();
        return 0;
    }
    keys = config_keys(&n);
    for (size_t i = 0; i < n; i++) {
        const char *star = strchr(keys[i].key, '*');

        if (star == NULL) {
            ask(c, &keys[i], keys[i].key);
            continue;
        }
        json_object_foreach((json_t *)(uintptr_t)config_json(c, "environments"), name, one) {
            size_t room = strlen(keys[i].key) + strlen(name) + 1;
            char *key = malloc(room);

            if (key == NULL)
                break;
            (void)snprintf(key, room, "%.*s%s%s", (int)(star - keys[i].key), keys[i].key, name, star + 1);
            /* None of what was accepted may be out of reach. */
            if (config_given(c, key) != (json_object_get(one, star + 2) != NULL))
                abort();
            ask(c, &keys[i], key);
            free(key);
        }
    }
    config_free(c);
    return 0;
}
