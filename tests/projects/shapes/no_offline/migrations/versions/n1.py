"""no offline n1

Revision ID: n1
"""
from alembic import op
import sqlalchemy as sa

revision = 'n1'
down_revision = None



def upgrade():
    op.create_table("t", sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Text))


def downgrade():
    op.drop_table("t")
