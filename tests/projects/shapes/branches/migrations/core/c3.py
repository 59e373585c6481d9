"""branches c3

Revision ID: c3
"""
from alembic import op
import sqlalchemy as sa

revision = 'c3'
down_revision = 'c2'



def upgrade():
    op.add_column("t", sa.Column("c3", sa.Text))


def downgrade():
    op.drop_column("t", "c3")
