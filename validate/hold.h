/*
 * hold: how long each lock is held: from the statement that takes it to the end of its transaction,
 * in a range that is estimated from sizes and the server's pace.
 *
 * The wait for the lock itself is not in it.
 */
#ifndef MIG_VALIDATE_HOLD_H
#define MIG_VALIDATE_HOLD_H

struct effects;
struct inquiry;

/* After locks_predict and, with a database, measure_run.  Into the judgement. */
void hold_predict(struct inquiry *q, struct effects *const *steps);
/* Reading ROWS rows of BYTES bytes, on the machine that the costs were taken on. */
double hold_scan_seconds(double rows, double bytes);

#endif
