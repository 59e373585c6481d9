"""text x3

Revision ID: x3
"""
from alembic import op
import sqlalchemy as sa

revision = 'x3'
down_revision = 'x2'



def upgrade():
    op.execute("UPDATE t SET v = '1';")


def downgrade():
    op.execute("UPDATE t SET v = NULL;")
    op.execute("DELETE FROM t;;")
