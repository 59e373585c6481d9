"""branches c2

Revision ID: c2
"""
from alembic import op
import sqlalchemy as sa

revision = 'c2'
down_revision = 'c1'



def upgrade():
    op.add_column("t", sa.Column("c2", sa.Text))


def downgrade():
    op.drop_column("t", "c2")
