"""merges m2

Revision ID: m2
"""
from alembic import op
import sqlalchemy as sa

revision = 'm2'
down_revision = 'm1'



def upgrade():
    op.add_column("t", sa.Column("a", sa.Text))


def downgrade():
    op.drop_column("t", "a")
