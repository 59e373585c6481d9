#include "prodcheck/selection.h"

#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/nearest.h"
#include "prodcheck/check.h"
#include "prodcheck/local.h"

const json_t *selection_custom(const struct config *config)
{
    return config != NULL ? config_json(config, "prodcheck.sql") : NULL;
}

const json_t *selection_plans(const struct config *config)
{
    return config != NULL ? config_json(config, "prodcheck.plans") : NULL;
}

static int is_known(const char *word, const struct config *config)
{
    return check_find(word) != NULL ||
           (strncmp(word, "sql:", 4) == 0 && json_object_get(selection_custom(config), word + 4) != NULL);
}

int verdict_known(const char *words, const struct config *config, struct err *err)
{
    while (*words != '\0') {
        size_t len = strcspn(words, ","), n;
        char word[64];

        (void)snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), words);
        if (len > 0 && !is_known(word, config)) {
            const struct check *all = check_table(&n);
            const char *names[64];
            const char *close;
            size_t i;

            for (i = 0; i < n && i < 63; i++)
                names[i] = all[i].id;
            err_set(err, ERR_USAGE, "there is no check \"%s\"", word);
            if ((close = nearest_word(word, names, i)) != NULL)
                err_hint(err, "did you mean %s? mig-prodcheck --list shows all", close);
            else
                err_hint(err, "mig-prodcheck --list shows all");
            return -1;
        }
        words += len + (words[len] == ',');
    }
    return 0;
}

static int in_words(const char *words, const char *id)
{
    size_t n = strlen(id);

    while (*words != '\0') {
        size_t len = strcspn(words, ",");

        if (len == n && strncmp(words, id, n) == 0)
            return 1;
        words += len + (words[len] == ',');
    }
    return 0;
}

int selection_lists(const struct cli_list *list, const char *id)
{
    size_t i;

    for (i = 0; list != NULL && i < list->count; i++)
        if (in_words(list->items[i], id))
            return 1;
    return 0;
}

int selection_skips(const struct config *config, const char *id)
{
    size_t i;

    for (i = 0; config != NULL && i < config_count(config, "prodcheck.skip"); i++)
        if (in_words(config_item(config, "prodcheck.skip", i), id))
            return 1;
    return 0;
}

int selection_check(const struct verdict_options *o, struct err *err)
{
    size_t i;

    for (i = 0; o->only != NULL && i < o->only->count; i++)
        if (verdict_known(o->only->items[i], o->config, err) != 0)
            return -1;
    for (i = 0; o->skip != NULL && i < o->skip->count; i++)
        if (verdict_known(o->skip->items[i], o->config, err) != 0)
            return -1;
    for (i = 0; o->config != NULL && i < config_count(o->config, "prodcheck.skip"); i++)
        if (verdict_known(config_item(o->config, "prodcheck.skip", i), o->config, err) != 0)
            return err_prefix(err, "mig.json: prodcheck.skip");
    if (check_thresholds(o->config, err) != 0)
        return -1;
    return local_window_known(o->config, err);
}
