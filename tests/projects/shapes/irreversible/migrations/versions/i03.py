"""irreversible i03

Revision ID: i03
"""
from alembic import op
import sqlalchemy as sa

revision = 'i03'
down_revision = 'i02'



def upgrade():
    op.add_column("t", sa.Column("c3", sa.Text))


def downgrade():
    raise NotImplemented("no way back")
