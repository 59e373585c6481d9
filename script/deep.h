/*
 * deep: a thread with room for recursion.
 *
 * Deep expressions recurse once per level: an ordinary stack overflows long before 1 MiB of text.
 */
#ifndef MIG_SCRIPT_DEEP_H
#define MIG_SCRIPT_DEEP_H

/* Text of this length cannot nest deeply enough to hurt an ordinary stack (a level takes two
 * characters at least, and about 1 kB of stack); a thread of its own would cost more than the work. */
#define DEEP_SHALLOW_BYTES 2048

/* Run FN(ARG) on a thread with a deep stack; returns when it has ended.  -1: no thread. */
int deep_run(void *(*fn)(void *), void *arg);

/* FN(A) and FN(B), each on such a thread; on one where there is no second.  -1: no thread. */
int deep_run_both(void *(*fn)(void *), void *a, void *b);

#endif
