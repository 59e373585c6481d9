# prodcheck: what the tests of mig-prodcheck share.

# look CHECK [OPTION...]: make this check alone; $output is the JSON.
look() {
    local id=$1
    shift
    mig mig-prodcheck --only "$id" --format json "$@"
}

# status_is STATUS [PATTERN...]: of the only check; each pattern is found in its message, remedy and evidence.
status_is() {
    local want=$1 got said p
    shift
    got=$(json "['checks'][0]['status']") || { _show; return 1; }
    if [ "$got" != "$want" ]; then
        echo "expected $want"
        _show
        return 1
    fi
    said=$("$MIG_PYTHON" -c 'import json, sys
c = json.loads(sys.stdin.read())["checks"][0]
print(c["message"], c["remedy"], json.dumps(c["evidence"]))' <<<"$output")
    for p in "$@"; do
        grep -qE -- "$p" <<<"$said" || { echo "not said: $p"; _show; return 1; }
    done
}

# verdict_is go|no-go|unknown: with the exit code that goes with it.
verdict_is() {
    assert_equal "$(json "['verdict']")" "$1" || { _show; return 1; }
    case $1 in go) assert_exit 0 ;; no-go) assert_exit 1 ;; unknown) assert_exit 3 ;; esac
}

# limits CHECK WARN FAIL: a mig.json with these thresholds.
limits() { printf '{"prodcheck": {"thresholds": {"%s": {"warn": %s, "fail": %s}}}}\n' "$1" "$2" "$3" >mig.json; }

# closed COMMAND... &: without bats' descriptors and the sessions' pipes, which an open end would keep going.
closed() {
    for fd in /proc/self/fd/*; do
        fd=${fd##*/}
        [ "$fd" -le 2 ] || [ "$fd" -ge 250 ] || eval "exec $fd>&-" 2>/dev/null || :
    done
    exec "$@"
}

# session NAME: a psql that stays open, told what to do by `tell NAME SQL`, ended by `hang_up NAME`.
session() {
    mkfifo "$BATS_TEST_TMPDIR/$1"
    PGAPPNAME=$1 closed psql -XAtq -f "$BATS_TEST_TMPDIR/$1" >"$BATS_TEST_TMPDIR/$1.out" 2>&1 &
    eval "session_$1_pid=$!"
    eval "exec {session_$1_fd}>\"$BATS_TEST_TMPDIR/$1\""
}
tell() {
    local fd=session_$1_fd
    printf '%s;\n' "$2" >&"${!fd}"
}
hang_up() {
    local fd=session_$1_fd pid=session_$1_pid
    eval "exec ${!fd}>&-"
    wait "${!pid}" 2>/dev/null || :
}

# until_sql SQL: wait until the server answers t (for as long as it takes).
until_sql() { until [ "$(sql "$1")" = t ]; do sleep 0.05; done; }
# until_state NAME STATE: until the session of that name is in it.
until_state() { until_sql "select exists (select from pg_stat_activity where application_name = '$1' and state = '$2')"; }
