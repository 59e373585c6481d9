# A script of another tool as a rollback.

# run_sql SQL [FLAGS]
run_sql() {
    printf '%s\n' "$1" >down.sql
    shift
    mig mig-rollback run --sql down.sql --yes --confirm "$PGDATABASE" "$@"
}
