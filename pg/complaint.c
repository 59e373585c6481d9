#include "pg/complaint.h"

#include <stdio.h>
#include <string.h>

void complaint_line(char *out, size_t size, const char *text)
{
    size_t n = 0;

    for (; *text != '\0' && n + 3 < size; text++) {
        if (*text == '\n') {
            while (text[1] == '\n' || text[1] == '\t' || text[1] == ' ')
                text++;
            if (text[1] == '\0')
                break;
            out[n++] = ';';
            out[n++] = ' ';
        } else {
            out[n++] = *text;
        }
    }
    out[n] = '\0';
}

/* Values of rows are nobody's business but the database's.  Class 23 quotes them in the detail's
 * parentheses, class 22 in quotes, of message and detail alike, in whatever form the server's
 * language has them. */
static void mask_detail(const char *state, char *detail, size_t size)
{
    /* "Key (a, b)=(1, 2) ..."; a row that failed is values alone, and may have such text in it. */
    int is_key = strcmp(state, "23505") == 0 || strcmp(state, "23503") == 0 || strcmp(state, "23P01") == 0;
    char *from = is_key ? strstr(detail, ")=(") : NULL, *to;
    size_t rest;

    if (strncmp(state, "23", 2) != 0)
        return;
    from = from != NULL ? from + 2 : strchr(detail, '(');
    if (from == NULL || (size_t)(from - detail) + 6 > size)
        return;
    /* A value may be shorter than what stands for it, or cut so that its end is missing. */
    to = strrchr(from, ')');
    rest = to != NULL ? strlen(to) : 0;
    if (rest > size - (size_t)(from - detail) - 5)
        rest = size - (size_t)(from - detail) - 5;
    if (to != NULL && rest > 0)
        memmove(from + 4, to, rest);
    from[4 + rest] = '\0';
    memcpy(from + 1, "...", 3);
}

/* The length of the quotation mark at P, 0 where there is none. */
static size_t quote_mark(const char *p)
{
    static const char *const marks[] = {"\"", "\u00ab", "\u00bb", "\u201c", "\u201d", "\u201e", "\u2018",
                                        "\u2019", "\u201a", "\u2039", "\u203a", "\u300c", "\u300d", "\u300e",
                                        "\u300f"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strncmp(p, marks[i], strlen(marks[i])) == 0)
            return strlen(marks[i]);
    return 0;
}

/* What stands between the first quotation mark and the last: the value may hold some itself.  Where
 * the value was cut by our buffer the last one is missing: then all of the rest. */
static void mask_quoted(const char *state, char *text, size_t size)
{
    char *from = NULL, *to = NULL, copy[sizeof(((struct err *)0)->detail)];

    if (strncmp(state, "22", 2) != 0)
        return;
    for (char *p = text; *p != '\0'; p++) {
        size_t n = quote_mark(p);

        if (n == 0)
            continue;
        if (from == NULL)
            from = p + n;
        else
            to = p;
    }
    if (from == NULL)
        return;
    if (to == NULL)
        to = from + strlen(from);
    (void)snprintf(copy, sizeof(copy), "%.*s...%s", (int)(from - text), text, to);
    (void)snprintf(text, size, "%s", copy);
}

int complaint_of(const PGresult *r, struct err *err)
{
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *detail, *hint;

    err_set(err, ERR_FAILED, "%s", message != NULL ? message : "the server gave no reason");
    if (state != NULL) {
        (void)snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", state);
        mask_quoted(state, err->message, sizeof(err->message));
    }
    if ((detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL)) != NULL) {
        err_detail(err, "%s", detail);
        if (state != NULL) {
            mask_detail(state, err->detail, sizeof(err->detail));
            mask_quoted(state, err->detail, sizeof(err->detail));
        }
    }
    if ((hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT)) != NULL)
        err_hint(err, "%s", hint);
    return -1;
}
