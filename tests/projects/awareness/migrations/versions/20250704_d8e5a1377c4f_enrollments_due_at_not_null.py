"""enrollments.due_at, 3 of 3: NOT NULL

Revision ID: d8e5a1377c4f
Revises: 6f0c94b8e2d1
Create Date: 2025-07-04 12:00:15.730026+00:00

"""
from alembic import op

# revision identifiers, used by Alembic.
revision = 'd8e5a1377c4f'
down_revision = '6f0c94b8e2d1'
branch_labels = None
depends_on = None


# Step 3 of 3: validating reads the table without holding up writers, and the valid constraint
# spares SET NOT NULL its own scan.
def upgrade():
    op.execute("ALTER TABLE enrollments VALIDATE CONSTRAINT enrollments_due_at_not_null")
    op.alter_column('enrollments', 'due_at', nullable=False)
    op.drop_constraint('enrollments_due_at_not_null', 'enrollments', type_='check')


def downgrade():
    op.execute(
        "ALTER TABLE enrollments ADD CONSTRAINT enrollments_due_at_not_null"
        " CHECK (due_at IS NOT NULL) NOT VALID"
    )
    op.alter_column('enrollments', 'due_at', nullable=True)
