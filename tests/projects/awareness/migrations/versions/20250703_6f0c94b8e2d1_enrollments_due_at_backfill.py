"""enrollments.due_at, 2 of 3: fill it

Revision ID: 6f0c94b8e2d1
Revises: 83de61f4a07b
Create Date: 2025-07-03 12:00:08.161177+00:00

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = '6f0c94b8e2d1'
down_revision = '83de61f4a07b'
branch_labels = None
depends_on = None


# Step 2 of 3: fill it, and let a constraint that is not yet validated hold new rows to it.
def upgrade():
    op.execute("UPDATE enrollments SET due_at = enrolled_at + interval '30 days' WHERE due_at IS NULL")
    op.execute(
        "ALTER TABLE enrollments ADD CONSTRAINT enrollments_due_at_not_null"
        " CHECK (due_at IS NOT NULL) NOT VALID"
    )


def downgrade():
    op.drop_constraint('enrollments_due_at_not_null', 'enrollments', type_='check')
