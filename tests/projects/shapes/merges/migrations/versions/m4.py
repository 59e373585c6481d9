"""merges m4

Revision ID: m4
"""
from alembic import op
import sqlalchemy as sa

revision = 'm4'
down_revision = 'm1'



def upgrade():
    op.add_column("t", sa.Column("c", sa.Text))


def downgrade():
    op.drop_column("t", "c")
