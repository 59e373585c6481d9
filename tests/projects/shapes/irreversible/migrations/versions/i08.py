"""irreversible i08

Revision ID: i08
"""
from alembic import op
import sqlalchemy as sa

revision = 'i08'
down_revision = 'i07'



def upgrade():
    op.add_column("t", sa.Column("c8", sa.Text))


def downgrade():
    ...
