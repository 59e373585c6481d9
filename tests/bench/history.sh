#!/usr/bin/env bash
# history: 5 000 revision files read and planned, beside Alembic reading them.
# shellcheck source=tests/bench/lib.bash
source "$(dirname "$0")/lib.bash"

N=5000
dir=$BENCH_TMP/history
mkdir -p "$dir/m/versions"
cd "$dir"
printf '[alembic]\nscript_location = m\n' >alembic.ini
: >m/env.py
# Realistic files: a docstring, imports, a table up and down; a merge every hundred, a label, dependencies.
python3 - "$N" <<'END'
import random, sys
n, rnd = int(sys.argv[1]), random.Random(7)
ids = ["%012x" % rnd.getrandbits(48) for _ in range(n)]
body = "".join('        sa.Column("c%d", sa.String(length=%d), nullable=%s),\n' % (i, 10 * i + 5, i % 2 == 0) for i in range(14))
for i, r in enumerate(ids):
    down = repr(ids[i - 1]) if i else "None"
    if i % 100 == 99:
        down = repr((ids[i - 1], ids[i - 2]))
    elif i % 100 == 98:
        down = repr(ids[i - 2])
    deps = repr(ids[i - 50]) if i % 250 == 200 else "None"
    with open("m/versions/%s_step_%d.py" % (r, i), "w") as f:
        f.write('"""step %d\n\nRevision ID: %s\nRevises: %s\nCreate Date: 2024-01-01 10:00:00.000000\n\n"""\n'
                "from alembic import op\nimport sqlalchemy as sa\n\n\n# revision identifiers, used by Alembic.\n"
                "revision = '%s'\ndown_revision = %s\nbranch_labels = None\ndepends_on = %s\n\n\n"
                "def upgrade():\n    op.create_table(\n        \"t%d\",\n%s    )\n"
                "    op.create_index(op.f(\"ix_t%d_c1\"), \"t%d\", [\"c1\"], unique=False)\n\n\n"
                "def downgrade():\n    op.drop_index(op.f(\"ix_t%d_c1\"), table_name=\"t%d\")\n    op.drop_table(\"t%d\")\n"
                % (i, r, down, r, down, deps, i, body, i, i, i, i, i))
END
plan=(mig-rollback plan base --current heads --no-sql --format json)
"${plan[@]}" >/dev/null # the page cache is warm for both
best 5 sh -c "$(printf '%q ' "${plan[@]}") >/dev/null"
ours=$WALL
mem=$RSS
best 3 sh -c "$(printf '%q ' mig-validate history --offline) >/dev/null"
lint=$WALL
measure sh -c 'PATH=/usr/bin:$PATH alembic history >/dev/null 2>&1'
theirs=$WALL
row "plan a downgrade through $N revisions, no SQL (JSON)" "$ours s" "$theirs s (alembic history)" "$ours" "<= 0.2"
note "peak memory of the plan: $((mem / 1024)) MiB"
row "mig-validate history, $N revisions, offline" "$lint s" "$theirs s (alembic history)" "$(ratio "$theirs" "$lint")" ""
