"""online only o3

Revision ID: o3
"""
from alembic import op
import sqlalchemy as sa

revision = 'o3'
down_revision = 'o2'



def upgrade():
    op.create_index("t_v", "t", ["v"])


def downgrade():
    names = [i["name"] for i in sa.inspect(op.get_bind()).get_indexes("t")]
    if "t_v" in names:
        op.drop_index("t_v")
