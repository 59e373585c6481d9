"""k3

Revision ID: k3
"""
from alembic import op

revision = 'k3'
down_revision = 'k2'
branch_labels = None
depends_on = 'k1'


def upgrade():
    op.execute("CREATE TABLE k3 (id int)")


def downgrade():
    op.execute("DROP TABLE k3")
