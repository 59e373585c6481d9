"""user roles become an enum

Revision ID: e05f3b9a6d14
Revises: 91d27be4c035
Create Date: 2025-04-22 10:58:31.440871+00:00

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = 'e05f3b9a6d14'
down_revision = '91d27be4c035'
branch_labels = None
depends_on = None


def upgrade():
    op.execute("CREATE TYPE user_role AS ENUM ('learner', 'manager', 'analyst', 'admin', 'owner')")
    op.execute("ALTER TABLE users ALTER COLUMN role DROP DEFAULT")
    op.execute("ALTER TABLE users ALTER COLUMN role TYPE user_role USING role::user_role")
    op.execute("ALTER TABLE users ALTER COLUMN role SET DEFAULT 'learner'")


def downgrade():
    op.execute("ALTER TABLE users ALTER COLUMN role DROP DEFAULT")
    op.execute("ALTER TABLE users ALTER COLUMN role TYPE varchar(20) USING role::text")
    op.execute("ALTER TABLE users ALTER COLUMN role SET DEFAULT 'learner'")
    op.execute("DROP TYPE user_role")
