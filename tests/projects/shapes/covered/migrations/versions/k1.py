"""k1

Revision ID: k1
"""
from alembic import op

revision = 'k1'
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.execute("CREATE TABLE k1 (id int)")


def downgrade():
    op.execute("DROP TABLE k1")
