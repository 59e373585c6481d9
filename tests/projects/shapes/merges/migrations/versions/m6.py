"""merges m6

Revision ID: m6
"""
from alembic import op
import sqlalchemy as sa

revision = 'm6'
down_revision = 'm5'



def upgrade():
    op.add_column("t", sa.Column("d", sa.Text))


def downgrade():
    op.drop_column("t", "d")
