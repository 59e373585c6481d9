"""version table v2

Revision ID: v2
"""
from alembic import op
import sqlalchemy as sa

revision = 'v2'
down_revision = 'v1'



def upgrade():
    op.add_column("t", sa.Column("w", sa.Text))


def downgrade():
    op.drop_column("t", "w")
