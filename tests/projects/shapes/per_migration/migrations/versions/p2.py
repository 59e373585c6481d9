"""per migration p2

Revision ID: p2
"""
from alembic import op
import sqlalchemy as sa

revision = 'p2'
down_revision = 'p1'



def upgrade():
    op.add_column("t", sa.Column("w", sa.Text))


def downgrade():
    op.drop_column("t", "w")
