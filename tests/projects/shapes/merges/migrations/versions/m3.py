"""merges m3

Revision ID: m3
"""
from alembic import op
import sqlalchemy as sa

revision = 'm3'
down_revision = 'm1'



def upgrade():
    op.add_column("t", sa.Column("b", sa.Text))


def downgrade():
    op.drop_column("t", "b")
