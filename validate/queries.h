/*
 * queries: does the server take the plan's queries?
 *
 * Those that come before anything that changes the schema are given to the server's parser and rewriter
 * (PREPARE, in a transaction that is rolled back): names, types and literals that do not fit are a
 * would-fail.  Nothing is run.
 */
#ifndef MIG_VALIDATE_QUERIES_H
#define MIG_VALIDATE_QUERIES_H

struct inquiry;

/* After the other detectors: of a statement that is foretold to fail no more is said. */
void queries_detect(struct inquiry *q);

#endif
