#include "validate/hazard.h"

#include <ctype.h>
#include <string.h>

#define ALL "all"

const struct hazard hazard_table[] = {
    /* ---- data loss ---- */
    {"drop-table", "data-loss", "DROP TABLE destroys rows", SEVERITY_CRITICAL, HAZARD_LOSS, ALL,
     "The table's rows go with it; going forward again makes an empty table.",
     "Stop using the table, rename it, keep it for some days; back it up (mig-backup create) before it is dropped.",
     "DROP TABLE users", "CREATE TABLE scratch (a int); DROP TABLE scratch"},
    {"drop-column", "data-loss", "DROP COLUMN destroys values", SEVERITY_CRITICAL, HAZARD_LOSS, ALL,
     "The column's values go; going forward again makes an empty column.",
     "Release code that no longer uses the column first; back its values up (mig-backup create --scope loss) before it is dropped.",
     "ALTER TABLE users DROP COLUMN phone",
     "ALTER TABLE users ADD COLUMN extra int; ALTER TABLE users DROP COLUMN extra"},
    {"drop-schema", "data-loss", "DROP SCHEMA destroys what stands in it", SEVERITY_CRITICAL,
     HAZARD_LOSS, ALL, "With CASCADE, every table, view and function in the schema goes.",
     "Drop the objects by name, so that a review sees each of them.",
     "DROP SCHEMA archive CASCADE", "CREATE SCHEMA fresh; DROP SCHEMA fresh"},
    {"drop-database", "data-loss", "DROP DATABASE in a migration", SEVERITY_CRITICAL, 0, ALL,
     "Everything goes, the version table included.", "Never in a migration.",
     "DROP DATABASE app", "DROP TABLE IF EXISTS no_such_table"},
    {"drop-type", "data-loss", "DROP TYPE ... CASCADE drops columns", SEVERITY_CRITICAL, HAZARD_LOSS,
     ALL, "CASCADE drops every column of the type, in every table, without naming one.",
     "Change the columns' type first and drop the type without CASCADE.",
     "DROP TYPE user_role CASCADE", "DROP TYPE IF EXISTS no_such_type"},
    {"drop-extension", "data-loss", "DROP EXTENSION ... CASCADE drops columns and indexes",
     SEVERITY_CRITICAL, HAZARD_LOSS, ALL,
     "CASCADE drops every column of the extension's types and every index of its operator classes.",
     "Convert the columns first and drop the extension without CASCADE.",
     "DROP EXTENSION citext CASCADE", "CREATE EXTENSION IF NOT EXISTS citext"},
    {"drop-cascade", "data-loss", "CASCADE drops what the script does not name", SEVERITY_CRITICAL,
     HAZARD_LOSS, ALL, "What depends on the object goes with it, whatever it is.",
     "Drop the dependent objects by name, in order, without CASCADE.",
     "DROP VIEW user_names CASCADE", "DROP VIEW user_names"},
    {"drop-owned", "data-loss", "DROP OWNED destroys whatever a role owns", SEVERITY_CRITICAL,
     HAZARD_OPAQUE, ALL, "What goes depends on who owns what at that moment.",
     "Drop the objects by name, or REASSIGN OWNED.", "DROP OWNED BY app",
     "REASSIGN OWNED BY app TO postgres"},
    {"truncate", "data-loss", "TRUNCATE destroys rows", SEVERITY_CRITICAL, HAZARD_LOSS, ALL,
     "Every row goes at once, without triggers.",
     "Archive first, or DELETE in batches outside of the migration.", "TRUNCATE users",
     "CREATE TABLE scratch (a int); TRUNCATE scratch"},
    {"truncate-cascade", "data-loss", "TRUNCATE ... CASCADE empties referencing tables",
     SEVERITY_CRITICAL, HAZARD_LOSS, ALL,
     "Every table with a foreign key to it is emptied too, and those that reference them.",
     "Name every table that is to be emptied.", "TRUNCATE users CASCADE", "TRUNCATE orders"},
    {"delete-rows", "data-loss", "DELETE destroys rows", SEVERITY_HIGH, HAZARD_LOSS, ALL,
     "The rows go, and going forward again does not bring them back.",
     "Save the rows first; delete in batches, outside of the migration.", "DELETE FROM users",
     "CREATE TABLE scratch (a int); DELETE FROM scratch"},
    {"delete-cascades", "data-loss", "ON DELETE CASCADE carries the DELETE on", SEVERITY_CRITICAL,
     HAZARD_LOSS, ALL, "Rows of referencing tables go with the deleted ones.",
     "Delete the referencing rows by name first, or change the foreign key to RESTRICT.",
     "DELETE FROM users WHERE id = 1", "DELETE FROM orders WHERE id = 1"},
    {"update-rows", "data-loss", "UPDATE overwrites values", SEVERITY_HIGH, HAZARD_LOSS, ALL,
     "The old values are gone, unless the new ones tell what they were.",
     "Write the new value to a new column, or save the old ones first.",
     "UPDATE users SET phone = NULL",
     "ALTER TABLE users ADD COLUMN extra int; UPDATE users SET extra = 1"},
    {"merge-rows", "data-loss", "MERGE or ON CONFLICT overwrites values", SEVERITY_HIGH, 0,
     "15 and newer (MERGE)", "Which rows change is known when it runs.",
     "Save the table first (mig-backup create).",
     "MERGE INTO users u USING orders o ON u.id = o.id WHEN MATCHED THEN DELETE",
     "INSERT INTO users (id) VALUES (1) ON CONFLICT DO NOTHING"},
    {"drop-sequence", "data-loss", "DROP SEQUENCE forgets its position", SEVERITY_MEDIUM, 0, ALL,
     "A sequence made again starts at 1 and collides with the keys that exist.",
     "Save last_value (mig-backup does) and setval() it after going forward again.",
     "DROP SEQUENCE ticket_seq", "CREATE SEQUENCE s2; DROP SEQUENCE s2"},
    {"drop-identity", "data-loss", "DROP IDENTITY forgets the sequence's position",
     SEVERITY_MEDIUM, 0, ALL, "The identity's sequence is dropped with its position.",
     "Save last_value, and restart the identity after going forward again.",
     "ALTER TABLE tickets ALTER COLUMN id DROP IDENTITY",
     "ALTER TABLE tickets ALTER COLUMN id SET GENERATED ALWAYS"},
    {"drop-materialized-view", "data-loss", "DROP MATERIALIZED VIEW destroys its contents",
     SEVERITY_MEDIUM, HAZARD_LOSS, ALL,
     "Its rows can be computed again only while its sources still say the same.",
     "Create the new one beside it, REFRESH, rename, then drop.",
     "DROP MATERIALIZED VIEW user_counts", "DROP VIEW user_names"},
    {"drop-tablespace", "data-loss", "DROP TABLESPACE", SEVERITY_HIGH, 0, ALL,
     "Tablespaces are the whole cluster's, not this database's.", "Not in a migration.",
     "DROP TABLESPACE fast", "DROP INDEX IF EXISTS no_such_index"},
    {"drop-and-recreate", "data-loss", "a table is dropped and made again", SEVERITY_CRITICAL, 0,
     ALL, "The new table of the same name is empty.",
     "ALTER the table instead, or copy the rows over before the drop.",
     "DROP TABLE orders; CREATE TABLE orders (id int)",
     "CREATE TABLE scratch (id int); DROP TABLE scratch; CREATE TABLE scratch (id int)"},
    {"drop-and-add-column", "data-loss", "a column is dropped and added again: is this a rename?",
     SEVERITY_CRITICAL, 0, ALL,
     "Autogenerated migrations spell a rename as a drop and an add; the values are lost.",
     "ALTER TABLE ... RENAME COLUMN keeps the values.",
     "ALTER TABLE users DROP COLUMN phone, ADD COLUMN phone_number text",
     "ALTER TABLE users RENAME COLUMN phone TO phone_number"},
    /* ---- opaque ---- */
    {"opaque", "opaque", "what this does cannot be known from its text", SEVERITY_MEDIUM,
     HAZARD_OPAQUE, ALL, "DO blocks, procedures and functions may do anything.",
     "Write the statements out; or review them and say so: -- mig:ignore opaque REASON.",
     "DO $$ BEGIN EXECUTE 'drop table users'; END $$", "SELECT lower('X')"},
    {"unparsed", "opaque", "this did not parse", SEVERITY_MEDIUM, HAZARD_OPAQUE, ALL,
     "The parser is PostgreSQL 15's: newer syntax and mistakes look alike to it.",
     "Check the statement; if it is right, review it and say so: -- mig:ignore unparsed REASON.",
     "ALTER TABLE users ALTER COLUMN phone SET EXPRESSION AS ('x')", "SELECT 1"},
    {"online-only", "opaque", "this revision cannot be rendered as SQL", SEVERITY_MEDIUM,
     HAZARD_OPAQUE, ALL, "It reads the database in Python, so what it does depends on what it finds.",
     "Rehearse it on a copy; mig-rollback runs it through the alembic command and verifies after.",
     NULL, NULL},
    /* ---- irreversible ---- */
    {"irreversible", "compatibility", "there is no way back from this revision", SEVERITY_HIGH, 0,
     ALL, "Its downgrade is empty, says pass or raises.", "Write the downgrade, or restore from a backup.",
     NULL, NULL},
    /* ---- transactions ---- */
    {"not-in-transaction", "transactions", "this cannot run inside a transaction", SEVERITY_CRITICAL,
     0, ALL, "The server refuses it inside a transaction block, and Alembic opens one.",
     "Put it into `with op.get_context().autocommit_block():`.",
     "DROP INDEX CONCURRENTLY users_email_idx", "DROP INDEX users_email_idx"},
    {"would-fail", "data-dependent", "the statement fails as the database is now", SEVERITY_HIGH, 0,
     ALL, "It names what is not there, or what others depend on.",
     "Compare the database with the script (was it migrated by hand?).",
     "DROP TABLE no_such_table", "DROP TABLE IF EXISTS no_such_table"},
};

const size_t hazard_count = sizeof(hazard_table) / sizeof(hazard_table[0]);

static int same_code(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        char x = *a == '_' ? '-' : (char)tolower((unsigned char)*a);
        char y = *b == '_' ? '-' : (char)tolower((unsigned char)*b);

        if (x != y)
            return 0;
    }
    return *a == *b;
}

const struct hazard *hazard_find(const char *code)
{
    size_t i;

    for (i = 0; i < hazard_count; i++)
        if (same_code(hazard_table[i].code, code))
            return &hazard_table[i];
    return NULL;
}
