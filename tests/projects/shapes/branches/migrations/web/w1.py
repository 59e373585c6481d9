"""branches w1

Revision ID: w1
"""
from alembic import op
import sqlalchemy as sa

revision = 'w1'
down_revision = None
branch_labels = 'web'
depends_on = 'c2'


def upgrade():
    op.create_table("web", sa.Column("id", sa.Integer))


def downgrade():
    op.drop_table("web")
