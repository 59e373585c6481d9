#!/usr/bin/env bats
# mig-prodcheck: the way to the server: TLS, servers that never answer, lists of hosts, poolers.

load ../lib/common
load ../lib/prodcheck

setup_file() {
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$ --tls)"
    export OWN=$MIG_TEST_CLUSTER PGHOST PGPORT PGUSER MIG_TEST_ROOT_CERT PGDATABASE=postgres SOCKET=$PGHOST
    # A port that takes connections and never says anything.
    cat >"$BATS_FILE_TMPDIR/silent.py" <<'END'
import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(64)
open(sys.argv[1] + ".tmp", "w").write(str(s.getsockname()[1]))
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
held = []
while True:
    held.append(s.accept())
END
    closed "$MIG_PYTHON" "$BATS_FILE_TMPDIR/silent.py" "$BATS_FILE_TMPDIR/silent" </dev/null >/dev/null 2>&1 &
    echo $! >"$BATS_FILE_TMPDIR/silent.pid"
    until [ -s "$BATS_FILE_TMPDIR/silent" ]; do sleep 0.05; done
    SILENT=$(cat "$BATS_FILE_TMPDIR/silent")
    export SILENT
}
teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/silent.pid")"
    "$MIG_ROOT/tests/lib/cluster" stop "$OWN"
}
setup() {
    cd "$BATS_TEST_TMPDIR"
    export HOME=$BATS_TEST_TMPDIR
    unset PGSSLMODE PGSSLROOTCERT
}
production() { echo '{"environments": {"live": {"hosts": ["127.0.0.1", "localhost"], "production": true}}}' >mig.json; }

@test "tls: an unencrypted connection in production is reported, and gone over TLS" {
    production
    look tls -h 127.0.0.1 -d 'sslmode=disable'
    verdict_is go
    status_is warn 'not encrypted' 'verify-full'
    assert_equal "$(json "['production']")" true
    look tls -h 127.0.0.1 -d 'sslmode=disable' --strict
    verdict_is no-go
    look tls -h 127.0.0.1 -d "sslmode=verify-full sslrootcert=$MIG_TEST_ROOT_CERT" --strict
    verdict_is go
    status_is ok 'encrypted with TLSv1' 'sslmode=verify-full'
}

@test "tls: encrypted, but to whom?" {
    production
    look tls -h 127.0.0.1 -d 'sslmode=require'
    status_is warn 'nobody checked whose server it is' 'sslmode=require'
    look tls -h 127.0.0.1 # libpq's default: whatever the server likes
    status_is warn 'sslmode=prefer'
    # With a root certificate require checks, as it did in older releases.
    look tls -h 127.0.0.1 -d "sslmode=require sslrootcert=$MIG_TEST_ROOT_CERT"
    status_is ok
    mkdir .postgresql
    cp "$MIG_TEST_ROOT_CERT" .postgresql/root.crt
    look tls -h 127.0.0.1 -d 'sslmode=require'
    status_is ok
    rm mig.json
    rm -r .postgresql
    look tls -h 127.0.0.1 -d 'sslmode=require'
    status_is ok 'encrypted'
}

@test "tls: nobody is between on a socket or on this machine" {
    look tls
    status_is ok 'Unix socket'
    look tls -h 127.0.0.1 -d 'sslmode=disable'
    status_is ok 'loopback'
}

@test "tls: a certificate that is not the server's stops the connection: unknown, with the reason" {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=other -keyout k -out other.crt 2>/dev/null
    look tls -h 127.0.0.1 -d "sslmode=verify-full sslrootcert=other.crt"
    verdict_is unknown
    status_is error 'certificate'
}

@test "a port that takes the connection and never answers: exit 3" {
    mig mig-prodcheck -h 127.0.0.1 -p "$SILENT" --timeout 1s --format json
    assert_exit 3
    assert_equal "$(json "['verdict']")" unknown
    assert_out 'no answer within 1 s'
}

@test "a list of hosts: one that is silent or refuses is passed over" {
    look connection -h 127.0.0.1,127.0.0.1 -p "$SILENT,$PGPORT" --timeout 1s
    verdict_is go
    assert_err "127.0.0.1 port $SILENT did not answer within 1 s; trying the other hosts"
    status_is ok "127.0.0.1:$PGPORT/"
    PGHOST=127.0.0.1,127.0.0.1,$SOCKET PGPORT=1,$SILENT,$PGPORT look connection --timeout 1s
    verdict_is go
    status_is ok "$SOCKET:$PGPORT/"
    look connection -h 127.0.0.1,127.0.0.1 -p "$SILENT,1" --timeout 1s
    verdict_is unknown
    look connection -h 127.0.0.1,127.0.0.1 -p "$SILENT" --timeout 1s
    verdict_is unknown
    status_is error 'no answer within 1 s'
}

@test "a list of hosts that are silent: Ctrl-C is heard" {
    # A shell without job control would start it with SIGINT ignored.
    set -m
    closed mig-prodcheck -h 127.0.0.1,127.0.0.1 -p "$SILENT" --timeout 1h >out 2>err </dev/null &
    pid=$!
    set +m
    until [ -n "$(ls -l /proc/$pid/fd 2>/dev/null | grep socket)" ]; do kill -0 $pid; sleep 0.05; done
    kill -INT $pid
    code=0
    wait $pid || code=$?
    assert_equal "$code" 130
}

@test "pooler: whatever its mode, it is told" {
    pooler=$("$MIG_ROOT/tests/lib/cluster" pooler "$OWN" session)
    look pooler -h "$pooler" -p 6432
    verdict_is go
    status_is warn 'sessions or single transactions cannot be told' MIG_DATABASE_URL
    look tls -h "$pooler" -p 6432
    status_is ok
    look pooler
    status_is ok
}
