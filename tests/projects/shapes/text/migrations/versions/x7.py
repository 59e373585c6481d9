"""text x7

Revision ID: x7
"""
from alembic import op
import sqlalchemy as sa

revision = 'x7'
down_revision = 'x6'



def upgrade():
    op.add_column("t", sa.Column("z", sa.Text))


def downgrade():
    op.execute("COMMIT")
    op.drop_column("t", "z")
    op.execute("BEGIN")
