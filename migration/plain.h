/*
 * plain: SQL files of any other tool, one step each.
 *
 * Flyway's undo, golang-migrate's .down.sql and sqitch's revert are SQL as it
 * stands; of dbmate's and goose's files the down section is taken.
 */
#ifndef MIG_MIGRATION_PLAIN_H
#define MIG_MIGRATION_PLAIN_H

#include <stddef.h>

#include "core/err.h"

struct script;

/* Who runs a file, and what that tool puts into one transaction. */
struct plain_manner {
    const char *tool;  /* static; "" where nobody knows */
    const char *how;   /* static: "each statement commits by itself" */
    int assumed;       /* nobody said so: the file's name or text did, or it is the usual case */
    int either;        /* assumed to commit each statement only because one of them must run alone */
    int down;          /* a way back, by its name or its section */
};

/* What --tool takes, NULL-terminated; the first is "auto". */
extern const char *const plain_tools[];

/* FILE "-" is standard input.  Lines keep their numbers.  TOOL: one of plain_tools, or NULL: one
 * transaction, but where the file's own marks say otherwise (so mig-rollback runs it). */
struct script *plain_read(const char *file, const char *tool, struct plain_manner *manner,
                          struct err *err) MIG_MUST_CHECK;
/* Of a file that holds both ways, the way up; of any other, all of it.  In one transaction, as above. */
struct script *plain_read_up(const char *file, struct err *err) MIG_MUST_CHECK;
/* The file that goes forward again, by the tools' own naming: X.up.sql of X.down.sql (golang-migrate), V2__x.sql
 * of U2__x.sql (Flyway), deploy/x.sql of revert/x.sql (sqitch), FILE itself where it holds both ways.
 * *FOUND is owned; NULL where there is none. */
int plain_forward(const char *file, char **found, struct err *err) MIG_MUST_CHECK;
/* plain_read from memory. */
struct script *plain_text(const char *text, size_t len, const char *file, const char *tool,
                          struct plain_manner *manner, struct err *err) MIG_MUST_CHECK;

#endif
