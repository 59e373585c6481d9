"""irreversible i02

Revision ID: i02
"""
from alembic import op
import sqlalchemy as sa

revision = 'i02'
down_revision = 'i01'



def upgrade():
    op.add_column("t", sa.Column("c2", sa.Text))


def downgrade():
    raise NotImplementedError
