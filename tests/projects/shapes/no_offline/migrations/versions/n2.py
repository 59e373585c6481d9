"""no offline n2

Revision ID: n2
"""
from alembic import op
import sqlalchemy as sa

revision = 'n2'
down_revision = 'n1'



def upgrade():
    op.add_column("t", sa.Column("w", sa.Text))


def downgrade():
    op.drop_column("t", "w")
