"""irreversible i01

Revision ID: i01
"""
from alembic import op
import sqlalchemy as sa

revision = 'i01'
down_revision = 'i00'



def upgrade():
    op.add_column("t", sa.Column("c1", sa.Text))


def downgrade():
    """Nothing to do."""
