"""branches w2

Revision ID: w2
"""
from alembic import op
import sqlalchemy as sa

revision = 'w2'
down_revision = 'w1'



def upgrade():
    op.add_column("web", sa.Column("a", sa.Text))


def downgrade():
    op.drop_column("web", "a")
