#include "migration/plain.h"

#include <string.h>

#include "core/buf.h"
#include "core/log.h"
#include "script/statement.h"

#define MAX_SQL ((size_t)256 << 20)

/* The sections of a file that holds both ways. */
static const struct {
    const char *tool, *up, *down;
} sections[] = {
    {"dbmate", "-- migrate:up", "-- migrate:down"},
    {"goose", "-- +goose Up", "-- +goose Down"},
    {"sql-migrate", "-- +migrate Up", "-- +migrate Down"},
};

/* The line that starts with MARK, or NULL. */
static char *find_line(char *text, const char *mark)
{
    size_t n = strlen(mark);

    for (char *p = text; p != NULL; p = strchr(p, '\n')) {
        if (*p == '\n')
            p++;
        if (strncmp(p, mark, n) == 0 && (p[n] == '\0' || strchr(" \t\r\n", p[n]) != NULL))
            return p;
    }
    return NULL;
}

static void blank(char *from, const char *to)
{
    for (; from < to; from++) {
        if (*from != '\n' && *from != '\r')
            *from = ' ';
    }
}

struct script *plain_text(const char *text, size_t len, const char *file, struct err *err)
{
    enum script_mode mode = SCRIPT_WHOLE;
    struct script *s = NULL;
    struct buf b = {0};

    if (buf_add(&b, text, len, err) != 0 || buf_reserve(&b, 0, err) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]) && strlen(b.data) == len; i++) {
        char *up = find_line(b.data, sections[i].up), *down = find_line(b.data, sections[i].down);
        char *eol;

        if (up == NULL && down == NULL)
            continue;
        if (down == NULL) {
            (void)err_set(err, ERR_FAILED, "%s: a %s migration without \"%s\": there is no way down",
                          file, sections[i].tool, sections[i].down);
            goto out;
        }
        log_info("%s: the down section of a %s migration", file, sections[i].tool);
        eol = down + strcspn(down, "\n");
        if (up != NULL && up > down)
            blank(up, b.data + b.len);
        for (char *p = down; p < eol; p++) {
            if (strncmp(p, "transaction:false", 17) == 0)
                mode = SCRIPT_AUTO;
        }
        if (find_line(b.data, "-- +goose NO TRANSACTION") != NULL)
            mode = SCRIPT_AUTO;
        blank(b.data, down);
        break;
    }
    s = script_read(b.data, b.len, file, mode, err);
out:
    buf_wipe(&b);
    return s;
}

struct script *plain_read(const char *file, struct err *err)
{
    struct buf b = {0};
    struct script *s = NULL;

    if (buf_read_file(&b, file, MAX_SQL, err) == 0)
        s = plain_text(b.data != NULL ? b.data : "", b.len,
                       strcmp(file, "-") == 0 ? "<standard input>" : file, err);
    else
        err->kind = ERR_USAGE;
    buf_wipe(&b);
    return s;
}
