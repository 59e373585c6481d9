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

/* FILE "-" is standard input.  Lines keep their numbers. */
struct script *plain_read(const char *file, struct err *err) MIG_MUST_CHECK;
/* The same from memory. */
struct script *plain_text(const char *text, size_t len, const char *file, struct err *err)
    MIG_MUST_CHECK;

#endif
