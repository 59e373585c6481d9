"""flask f2

Revision ID: f2
"""
from alembic import op
import sqlalchemy as sa

revision = 'f2'
down_revision = 'f1'



def upgrade():
    op.add_column("t", sa.Column("w", sa.Text))


def downgrade():
    op.drop_column("t", "w")
