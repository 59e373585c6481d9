# mig.mk: the targets that an Alembic team types, with mig under them.
#
#   include mig.mk              in your Makefile, next to alembic.ini
#
# The database is found as every program of mig finds it ($MIG_DATABASE_URL, $DATABASE_URL, PG*, alembic.ini); the key is
# in $MIG_KEY or $MIG_KEY_FILE.  MIG_FLAGS goes to every program of mig, ALEMBIC_FLAGS to alembic.

ALEMBIC       ?= alembic
ALEMBIC_FLAGS ?=
MIG_FLAGS     ?=

# Values reach the shell as variables, never as text of a command.
export MSG REV BACKUP MIG_TEST_DATABASE_URL

.PHONY: migrate-up migrate-current migrate-check migrate-history migrate-new migrate-test migrate-backup \
	migrate-validate migrate-prod-check migrate-rollback migrate-list-backups migrate-show-backup

# --- Alembic's own ---

migrate-up:
	$(ALEMBIC) $(ALEMBIC_FLAGS) upgrade "$${REV:-head}"

migrate-current:
	$(ALEMBIC) $(ALEMBIC_FLAGS) current

# `alembic check` (models against database) came with 1.9; the files themselves are checked in any case.
migrate-check:
	mig-validate history $(MIG_FLAGS)
	@if $(ALEMBIC) check --help >/dev/null 2>&1; then set -x; $(ALEMBIC) $(ALEMBIC_FLAGS) check; \
	else echo "this alembic has no check command (1.9 has): models were not compared"; fi

migrate-history:
	$(ALEMBIC) $(ALEMBIC_FLAGS) history

migrate-new:
	@[ -n "$$MSG" ] || { echo 'usage: make migrate-new MSG="add users.phone"' >&2; exit 2; }
	$(ALEMBIC) $(ALEMBIC_FLAGS) revision -m "$$MSG"

# Up, down and up again, on a database that may be destroyed: never the one that DATABASE_URL names.
migrate-test:
	@[ -n "$$MIG_TEST_DATABASE_URL" ] || { echo 'usage: make migrate-test MIG_TEST_DATABASE_URL=postgresql://.../scratch' >&2; exit 2; }
	DATABASE_URL="$$MIG_TEST_DATABASE_URL" $(ALEMBIC) $(ALEMBIC_FLAGS) upgrade head
	DATABASE_URL="$$MIG_TEST_DATABASE_URL" $(ALEMBIC) $(ALEMBIC_FLAGS) downgrade -1
	DATABASE_URL="$$MIG_TEST_DATABASE_URL" $(ALEMBIC) $(ALEMBIC_FLAGS) upgrade head

# --- mig's ---

# What the upgrade to the heads would touch; with REV, what the downgrade to it would.
migrate-backup:
	@if [ -n "$$REV" ]; then set -x; mig-backup create --for-downgrade "$$REV" $(MIG_FLAGS); \
	else set -x; mig-backup create --for-upgrade heads $(MIG_FLAGS); fi

migrate-validate:
	@[ -n "$$REV" ] || { echo 'usage: make migrate-validate REV=-1' >&2; exit 2; }
	mig-validate to "$$REV" $(MIG_FLAGS)

migrate-prod-check:
	mig-prodcheck --for-upgrade heads $(MIG_FLAGS)

migrate-rollback:
	@[ -n "$$REV" ] || { echo 'usage: make migrate-rollback REV=-1' >&2; exit 2; }
	mig-rollback run "$$REV" $(MIG_FLAGS)

migrate-list-backups:
	mig-backup list $(MIG_FLAGS)

migrate-show-backup:
	@[ -n "$$BACKUP" ] || { echo 'usage: make migrate-show-backup BACKUP=latest' >&2; exit 2; }
	mig-backup show "$$BACKUP" $(MIG_FLAGS)
