"""env prints e2

Revision ID: e2
"""
from alembic import op
import sqlalchemy as sa

revision = 'e2'
down_revision = 'e1'



def upgrade():
    op.add_column("t", sa.Column("w", sa.Text))


def downgrade():
    op.drop_column("t", "w")
