"""text x2

Revision ID: x2
"""
from alembic import op
import sqlalchemy as sa

revision = 'x2'
down_revision = 'x1'



def upgrade():
    op.execute("""CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$
    	SELECT 'a	b; c'::text
    $$""")


def downgrade():
    op.execute("DROP FUNCTION f()")
