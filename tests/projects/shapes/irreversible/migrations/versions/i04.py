"""irreversible i04

Revision ID: i04
"""
from alembic import op
import sqlalchemy as sa

revision = 'i04'
down_revision = 'i03'



def upgrade():
    op.add_column("t", sa.Column("c4", sa.Text))


def downgrade():
    raise Exception("restore the database")
