"""branches d1

Revision ID: d1
"""
from alembic import op
import sqlalchemy as sa

revision = 'd1'
down_revision = None
branch_labels = ['data']
depends_on = 'web'


def upgrade():
    op.create_table("data", sa.Column("id", sa.Integer))


def downgrade():
    op.drop_table("data")
