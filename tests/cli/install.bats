#!/usr/bin/env bats
# make install, make uninstall and make deb put things where they belong.
# asan: no installs the ordinary build

load ../lib/common

setup() { cd "$MIG_ROOT"; }

# What is built is installed: to build again here, with other flags, would pull the programs away from
# under the tests that run beside.
make() { command make -o all "$@"; }

@test "make install DESTDIR= PREFIX=, and uninstall takes all of it away" {
    dest=$BATS_TEST_TMPDIR/dest
    make -s install DESTDIR="$dest" PREFIX=/opt/mig >/dev/null
    for b in mig-backup mig-validate mig-prodcheck mig-rollback; do
        run "$dest/opt/mig/bin/$b" --version
        [ "$status" -eq 0 ]
        [[ "$output" == "$b (mig) "* ]]
        [ -f "$dest/opt/mig/share/man/man1/$b.1" ]
    done
    [ -f "$dest/opt/mig/share/man/man5/mig.json.5" ]
    [ -f "$dest/opt/mig/share/doc/mig/exit-codes.md" ]
    make -s uninstall DESTDIR="$dest" PREFIX=/opt/mig
    [ -z "$(find "$dest" -type f)" ]
}

@test "make deb: a package that names the libraries it needs" {
    command -v dpkg-shlibdeps >/dev/null || skip "no dpkg-dev here, and bootstrap could not install it"
    run command make -s -o all deb
    echo "$output"
    [ "$status" -eq 0 ]
    deb=$(ls build/deb/*.deb)
    for l in libpq5 libsodium23 libjansson4 zlib1g libpg-query; do
        [[ "$(dpkg-deb -f "$deb" Depends)" == *"$l"* ]]
    done
    [[ "$(dpkg-deb -c "$deb")" == *"./usr/bin/mig-rollback"* ]]
    [[ "$(dpkg-deb -c "$deb")" == *"./usr/share/man/man1/mig-backup.1.gz"* ]]
}
