"""irreversible i05

Revision ID: i05
"""
from alembic import op
import sqlalchemy as sa

revision = 'i05'
down_revision = 'i04'



def upgrade():
    op.add_column("t", sa.Column("c5", sa.Text))


def downgrade():
    assert False, "no"
