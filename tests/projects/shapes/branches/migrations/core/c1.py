"""branches c1

Revision ID: c1
"""
from alembic import op
import sqlalchemy as sa

revision = 'c1'
down_revision = None
branch_labels = ('core',)


def upgrade():
    op.create_table("t", sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Text))


def downgrade():
    op.drop_table("t")
