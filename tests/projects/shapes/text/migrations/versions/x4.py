"""text x4

Revision ID: x4
"""
from alembic import op
import sqlalchemy as sa

revision = 'x4'
down_revision = 'x3'



def upgrade():
    op.add_column("t", sa.Column("w", sa.Text))


def downgrade():
    print("dropping w")
    op.drop_column("t", "w")
