"""text x6

Revision ID: x6
"""
from alembic import op
import sqlalchemy as sa

revision = 'x6'
down_revision = 'x5'



def upgrade():
    op.add_column("t", sa.Column("y", sa.Text))


def downgrade():
    if input("sure? ") != "yes":
        raise SystemExit("no")
    op.drop_column("t", "y")
