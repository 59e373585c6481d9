"""online only o2

Revision ID: o2
"""
from alembic import op
import sqlalchemy as sa

revision = 'o2'
down_revision = 'o1'



def upgrade():
    op.add_column("t", sa.Column("w", sa.Text))


def downgrade():
    bind = op.get_bind()
    for row in bind.execute(sa.text("SELECT id FROM t")).fetchall():
        op.execute("UPDATE t SET v = 'x' WHERE id = %d" % row[0])
    op.drop_column("t", "w")
