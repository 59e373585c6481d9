/*
 * body: what the text of a routine names.
 *
 * SQL and PL/pgSQL are parsed; of any other language, and of what does not parse or is put together at
 * run time, only the words are looked at.
 */
#ifndef MIG_SCRIPT_BODY_H
#define MIG_SCRIPT_BODY_H

struct body {
    const char *language; /* pg_language.lanname */
    const char *source;   /* prosrc */
    const char *create;   /* CREATE FUNCTION ..., of PL/pgSQL */
};

/* What is looked for; SCHEMA may be NULL. */
struct body_word {
    const char *schema, *relation; /* or a routine's name, with ROUTINE */
    const char *column;            /* of RELATION, or NULL */
    int routine;
    int row;                       /* the body is a trigger function of RELATION: NEW and OLD are its rows */
};

enum body_answer { BODY_NO, BODY_MAYBE, BODY_YES };

enum body_answer body_names(const struct body *body, const struct body_word *word);

#endif
