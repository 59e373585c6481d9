"""autocommit a3

Revision ID: a3
"""
from alembic import op
import sqlalchemy as sa

revision = 'a3'
down_revision = 'a2'



def upgrade():
    op.add_column("t", sa.Column("w", sa.Text))


def downgrade():
    op.drop_column("t", "w")
