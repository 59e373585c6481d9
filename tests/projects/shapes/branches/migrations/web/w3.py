"""branches w3

Revision ID: w3
"""
from alembic import op
import sqlalchemy as sa

revision = 'w3'
down_revision = 'w1'



def upgrade():
    op.add_column("web", sa.Column("b", sa.Text))


def downgrade():
    op.drop_column("web", "b")
