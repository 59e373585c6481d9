# waiting: for a state of the server, and to stop a program in the middle of its COPY.

# until_sql CONDITION: wait until it (SQL, true or false) holds.
until_sql() {
    local i
    for ((i = 0; i < 600; i++)); do
        [ "$(sql "select $1")" != t ] || return 0
        sleep 0.05
    done
    echo "never: $1"
    return 1
}

# Stop PID in the middle of its COPY, however fast it is and slow psql: what nobody reads, the server
# cannot finish sending.
freeze_in_copy() {
    local pid=$1
    until [[ $(ps -o stat= -p "$pid") == Z* ]]; do
        kill -STOP "$pid"
        [ "$(sql "select count(*) > 0 from pg_stat_activity where datname = current_database() and query like 'COPY%' and state = 'active' and application_name = 'mig-backup'")" != t ] || return 0
        kill -CONT "$pid"
        sleep 0.02
    done
    echo "it was never seen in COPY"
    return 1
}
