"""enrollments.due_at, 1 of 3: add it

Revision ID: 83de61f4a07b
Revises: b47c0e2d915f
Create Date: 2025-07-02 12:00:21.904410+00:00

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '83de61f4a07b'
down_revision = 'b47c0e2d915f'
branch_labels = None
depends_on = None


# Step 1 of 3: the column may be NULL and has no default, so that no row is rewritten.
def upgrade():
    op.add_column('enrollments', sa.Column('due_at', sa.DateTime(timezone=True)))


def downgrade():
    op.drop_column('enrollments', 'due_at')
