"""irreversible i00

Revision ID: i00
"""
from alembic import op
import sqlalchemy as sa

revision = 'i00'
down_revision = None



def upgrade():
    op.create_table("t", sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Text))


def downgrade():
    pass
