# common: what every .bats file loads.
#
#   load ../lib/common
#   setup_file() { db_create; key_make; }          # a database and a key of this file's own
#   @test "..." { mig mig-backup list; assert_exit 0; assert_out "no backups"; }
#
# The environment is clean: HOME is the file's own folder, no MIG_*, no DATABASE_URL.
# The connection is in PGHOST, PGPORT, PGUSER (postgres, trusted) and, after db_create, PGDATABASE.
# Role mig_password must log in with the password "right".

bats_require_minimum_version 1.5.0

MIG_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export MIG_ROOT
# tests/run sets MIG_BIN for the sanitizer build.
export MIG_BIN=${MIG_BIN:-$MIG_ROOT/build/bin}
case ":$PATH:" in *":$MIG_BIN:"*) ;; *) export PATH="$MIG_BIN:$PATH" ;; esac
# So does it set this for tests/cli: a folder for what alembic renders (lib/memo/alembic).
[ -z "${MIG_TEST_RENDERINGS:-}" ] || case ":$PATH:" in *":$MIG_ROOT/tests/lib/memo:"*) ;; *) export PATH="$MIG_ROOT/tests/lib/memo:$PATH" ;; esac
# Debian's Python is the one that has alembic and psycopg2.
MIG_PYTHON=$(PATH=/usr/bin:$PATH command -v python3)
export MIG_PYTHON
unset DATABASE_URL PGPASSWORD PGDATABASE_URL PGSERVICE PGOPTIONS ALEMBIC_CONFIG CI
unset MIG_ENV MIG_KEY MIG_KEY_FILE MIG_DATABASE_URL MIG_BACKUP_DIR MIG_LOG_FILE MIG_STATE_DIR
export PGCONNECT_TIMEOUT=30 PGTZ=UTC LC_ALL=C.UTF-8 NO_COLOR=1
if [ -n "${BATS_FILE_TMPDIR:-}" ]; then
    export HOME=$BATS_FILE_TMPDIR/home
    mkdir -p "$HOME"
fi

# mig PROGRAM ARGUMENTS...: run it; $status, $output (stdout), $stderr.  Standard input is empty,
# and there is no terminal to ask on, whoever runs the tests.
mig() {
    run --separate-stderr setsid -w "$@" </dev/null
}

# sql [-d DATABASE] [-U ROLE] [-f FILE | SQL]...: unaligned tuples; fails on the first error.
sql() {
    local args=()
    while [ $# -gt 0 ]; do
        case $1 in
        -d | -U | -f | -v) args+=("$1" "$2"); shift 2 ;;
        *) args+=(-c "$1"); shift ;;
        esac
    done
    psql -XAtq -v ON_ERROR_STOP=1 "${args[@]}"
}

# db_create [NAME [TEMPLATE]]: a fresh database, named after the file unless told; exports PGDATABASE.
# (Its files are copied where the server has the choice: half the time of writing them to the log.)
db_create() {
    local name=${1:-t_$(basename "${BATS_TEST_FILENAME:-x}" .bats | tr -c 'a-z0-9\n' _)_$$}
    psql -XAtq -d postgres -v ON_ERROR_STOP=1 -v name="$name" -v template="${2:-template1}" 2>/dev/null <<'END'
select :SERVER_VERSION_NUM >= 150000 as copied \gset
drop database if exists :"name" with (force);
\if :copied
create database :"name" template :"template" strategy file_copy;
\else
create database :"name" template :"template";
\endif
END
    export PGDATABASE=$name
}

db_drop() {
    sql -d postgres "drop database if exists \"${1:-$PGDATABASE}\" with (force)" 2>/dev/null
}

# role_create NAME [OPTIONS]: an ordinary login role, made once per cluster (roles are shared).
role_create() {
    sql -d postgres "select pg_advisory_lock(727)" \
        "do \$\$ begin if to_regrole('$1') is null then create role \"$1\" login ${2:-}; end if; end \$\$"
}

# key_make [FILE]: a key of our own (default: where the programs look).
key_make() {
    if [ $# -gt 0 ]; then mig-backup keygen -o "$1" >/dev/null; else mig-backup keygen >/dev/null; fi
}

# awareness [REV [ROWS]]: the demo project at REV (default head), filled with about ROWS
# (default 0) in a database of this file's own, and a copy of its files in $AWARENESS,
# which becomes the working directory.  Called in setup_file; each test's setup does `cd "$AWARENESS"`.
# A revision is migrated once per run; later ones are clones of that database.
awareness() {
    local rev=${1:-head} rows=${2:-0} template
    template=awareness_${rev//[^a-z0-9]/_}_$rows
    AWARENESS=$BATS_FILE_TMPDIR/awareness
    export AWARENESS
    [ -d "$AWARENESS" ] || cp -R "$MIG_ROOT/tests/projects/awareness" "$AWARENESS"
    (
        flock 9
        if [ "$(sql -d postgres "select count(*) from pg_database where datname = '$template' and datistemplate")" = 0 ]; then
            sql -d postgres "drop database if exists \"$template\"" "create database \"$template\"" 2>/dev/null
            alembic_run "$template" upgrade "$rev"
            [ "$rows" = 0 ] || "$AWARENESS/generate" -d "$template" --rows "$rows"
            sql -d postgres "alter database \"$template\" is_template true" 2>/dev/null
        fi
    ) 9>"${MIG_TEST_CLUSTER:?}/awareness.lock" || return
    db_create "" "$template"
    cd "$AWARENESS" || return
}

# alembic_run DATABASE ARGUMENTS...: Alembic of the project in $AWARENESS on that database.
# Quiet, unless it fails.
alembic_run() {
    local db=$1 said
    shift
    if ! said=$(cd "$AWARENESS" && PGDATABASE=$db alembic "$@" 2>&1); then
        printf '%s\n' "$said" >&2
        return 1
    fi
}

# --- assertions: each shows what there was ---

_show() {
    printf 'exit %s\n--- stdout\n%s\n--- stderr\n%s\n' "${status-}" "${output-}" "${stderr-}"
}
assert_exit() {
    if [ "${status:?}" -ne "$1" ]; then
        echo "expected exit $1"
        _show
        return 1
    fi
}
# assert_out/assert_err PATTERN...: each an extended regular expression, found in stdout/stderr.
assert_out() {
    local p
    for p in "$@"; do
        grep -qE -- "$p" <<<"$output" || { echo "not in stdout: $p"; _show; return 1; }
    done
}
assert_err() {
    local p
    for p in "$@"; do
        grep -qE -- "$p" <<<"$stderr" || { echo "not in stderr: $p"; _show; return 1; }
    done
}
refute_out() {
    local p
    for p in "$@"; do
        ! grep -qE -- "$p" <<<"$output" || { echo "in stdout: $p"; _show; return 1; }
    done
}
refute_err() {
    local p
    for p in "$@"; do
        ! grep -qE -- "$p" <<<"$stderr" || { echo "in stderr: $p"; _show; return 1; }
    done
}
# assert_equal ACTUAL EXPECTED
assert_equal() {
    if [ "$1" != "$2" ]; then
        printf 'expected: %s\nactual:   %s\n' "$2" "$1"
        return 1
    fi
}
# json PATH: a value of $output (or of standard input with -), PATH in Python's manner: ['tables'][0]['rows'].
json() {
    local from=$output
    [ "${2:-}" != - ] || from=$(cat)
    "$MIG_PYTHON" -c 'import json,sys
v = eval("d" + sys.argv[1], {"d": json.loads(sys.stdin.read())})
print(v if isinstance(v, str) else json.dumps(v))' "$1" <<<"$from"
}
# db_digest [DATABASE]: one line that changes with any row, table or version row, and not with the
# order in which rows happen to stand.
db_digest() {
    pg_dump -d "${1:-$PGDATABASE}" | grep -vE '^\\(un)?restrict' | LC_ALL=C sort | sha256sum
}
