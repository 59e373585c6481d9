/*
 * tag: what the server answers to a statement, and whether it runs inside a
 * transaction block.
 */
#ifndef MIG_SCRIPT_TAG_H
#define MIG_SCRIPT_TAG_H

#include <jansson.h>

/* The command tag without its row count ("ALTER TABLE", "DELETE"); static, NULL if not known. */
const char *tag_of(const json_t *tree);
/* 1: the server refuses TREE inside a transaction block. */
int tag_alone(const json_t *tree);

#endif
