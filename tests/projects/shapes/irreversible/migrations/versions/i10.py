"""irreversible i10

Revision ID: i10
"""
from alembic import op
import sqlalchemy as sa

revision = 'i10'
down_revision = 'i09'



def upgrade():
    op.add_column("t", sa.Column("c10", sa.Text))


def downgrade():
    op.drop_column("t", "c3")
    raise RuntimeError("half way")
