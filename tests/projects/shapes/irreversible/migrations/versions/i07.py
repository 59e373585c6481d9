"""irreversible i07

Revision ID: i07
"""
from alembic import op
import sqlalchemy as sa

revision = 'i07'
down_revision = 'i06'



def upgrade():
    op.add_column("t", sa.Column("c7", sa.Text))


def downgrade():
    return
