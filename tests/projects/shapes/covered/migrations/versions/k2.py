"""k2

Revision ID: k2
"""
from alembic import op

revision = 'k2'
down_revision = 'k1'
branch_labels = None
depends_on = None


def upgrade():
    op.execute("CREATE TABLE k2 (id int)")


def downgrade():
    op.execute("DROP TABLE k2")
