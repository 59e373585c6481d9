# lib: what every tests/bench/NAME.sh sources.
#
#   measure COMMAND...          run it; WALL (seconds), RSS (KiB, of the largest process), CODE
#   best N COMMAND...           the fastest of N runs
#   row WHAT OURS PEER RATIO GOAL
#                               one line of the table.  OURS and PEER are text ("1.23 s"); RATIO is a
#                               number; GOAL is ">= 5", "<= 1.1", or "" (no goal: for information)
#   ratio A B                   A / B with two decimals
#   skip WHAT WHY               the row that could not be measured
#   note TEXT                   a line under the table
#
# tests/bench/run has started a cluster (PGHOST, PGUSER=postgres, fsync as the server ships it), put
# build/bin in front of PATH and a scratch folder in $BENCH_TMP; BENCH_SCALE (default 1) multiplies
# sizes.  Standard error is for progress.  A script that fails fails the run; a missed goal does not.
set -euo pipefail

measure() {
    local t=$BENCH_TMP/.time
    CODE=0
    /usr/bin/env LC_ALL=C python3 - "$t" "$@" <<'END' || CODE=$?
import os, sys, threading, time
# Python only starts, waits and looks.  The kernel's ru_maxrss would begin at this process's own
# size; VmHWM begins at the program's exec.
out, argv = sys.argv[1], sys.argv[2:]
peak, done = 0, threading.Event()
t = time.monotonic()
pid = os.posix_spawnp(argv[0], argv, os.environ)
def look(p):
    """The largest of P and what it started: where a shell runs the program, the shell says nothing."""
    global peak
    try:
        with open(f"/proc/{p}/status") as f:
            peak = max([peak] + [int(l.split()[1]) for l in f if l.startswith("VmHWM")])
        with open(f"/proc/{p}/task/{p}/children") as f:
            children = f.read().split()
    except (OSError, ProcessLookupError):
        return
    for c in children:
        look(c)
def watch():
    while not done.wait(0.005):
        look(pid)
w = threading.Thread(target=watch)
w.start()
_, status = os.waitpid(pid, 0)
t = time.monotonic() - t
done.set()
w.join()
with open(out, "w") as f:
    print(f"{t:.4f} {peak}", file=f)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
END
    read -r WALL RSS <"$t"
}
best() {
    local n=$1 least='' rss=0 i
    shift
    for ((i = 0; i < n; i++)); do
        measure "$@"
        [ "$CODE" -eq 0 ] || { echo "bench: exit $CODE: $*" >&2; return 1; }
        if [ -z "$least" ] || awk "BEGIN { exit !($WALL < $least) }"; then least=$WALL; fi
        [ "$RSS" -le "$rss" ] || rss=$RSS
    done
    WALL=$least
    RSS=$rss
}
ratio() { awk "BEGIN { printf \"%.2f\", ($1) / (($2) == 0 ? 1e-9 : ($2)) }"; }
row() {
    local verdict=''
    if [ -n "${5:-}" ]; then
        if awk "BEGIN { exit !($4 $5) }"; then verdict=met; else verdict=MISSED; fi
    fi
    printf 'row\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${5:-}" "$verdict"
}
skip() { printf 'row\t%s\t\t\t\t\tnot measured: %s\n' "$1" "$2"; }
note() { printf 'note\t%s\n' "$1"; }
