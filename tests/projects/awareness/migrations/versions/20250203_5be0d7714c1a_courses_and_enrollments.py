"""courses and enrollments

Revision ID: 5be0d7714c1a
Revises: a3f1c09d2b47
Create Date: 2025-02-03 13:40:02.551930+00:00

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '5be0d7714c1a'
down_revision = 'a3f1c09d2b47'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'courses',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column('company_id', sa.BigInteger(), nullable=True, comment='NULL: in every catalogue'),
        sa.Column('slug', sa.String(length=80), nullable=False),
        sa.Column('title', sa.Text(), nullable=False),
        sa.Column('summary', sa.Text()),
        sa.Column('minutes', sa.SmallInteger(), nullable=False),
        sa.Column('published_at', sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name='courses_company_id_fkey', ondelete='CASCADE'),
        sa.UniqueConstraint('slug', name='courses_slug_key'),
    )
    op.create_table(
        'enrollments',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column('user_id', sa.BigInteger(), nullable=False),
        sa.Column('course_id', sa.BigInteger(), nullable=False),
        sa.Column('enrolled_at', sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column('progress', sa.Numeric(5, 2), nullable=False, server_default='0'),
        sa.Column('score', sa.Numeric(5, 2)),
        sa.Column('completed_at', sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='enrollments_user_id_fkey', ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['course_id'], ['courses.id'], name='enrollments_course_id_fkey'),
        sa.UniqueConstraint('user_id', 'course_id', name='enrollments_user_id_course_id_key'),
        sa.CheckConstraint('progress BETWEEN 0 AND 100', name='enrollments_progress_check'),
    )


def downgrade():
    op.drop_table('enrollments')
    op.drop_table('courses')
