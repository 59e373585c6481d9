"""irreversible i09

Revision ID: i09
"""
from alembic import op
import sqlalchemy as sa

revision = 'i09'
down_revision = 'i08'



def upgrade():
    op.add_column("t", sa.Column("c9", sa.Text))


def downgrade():
    print("cannot go back")
