"""autocommit a2

Revision ID: a2
"""
from alembic import op
import sqlalchemy as sa

revision = 'a2'
down_revision = 'a1'



def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("t_v", "t", ["v"], postgresql_concurrently=True)


def downgrade():
    op.execute("UPDATE t SET v = 'a'")
    with op.get_context().autocommit_block():
        op.drop_index("t_v", postgresql_concurrently=True)
    op.execute("UPDATE t SET v = 'b'")
