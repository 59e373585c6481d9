"""split users into users and user_profiles

Revision ID: 2d9b7f4ce816
Revises: e05f3b9a6d14
Create Date: 2025-06-09 11:30:00.716402+00:00

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '2d9b7f4ce816'
down_revision = 'e05f3b9a6d14'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'user_profiles',
        sa.Column('user_id', sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column('phone', sa.String(length=32)),
        sa.Column('job_title', sa.Text()),
        sa.Column('locale', sa.String(length=8), nullable=False, server_default='en'),
        sa.Column('bio', sa.Text()),
        sa.Column('time_zone', sa.Text()),
        sa.Column('avatar', sa.LargeBinary()),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='user_profiles_user_id_fkey', ondelete='CASCADE'),
    )
    op.execute(
        "INSERT INTO user_profiles (user_id, phone, job_title, locale, bio)"
        " SELECT id, phone, job_title, locale, bio FROM users"
    )
    op.drop_column('users', 'phone')
    op.drop_column('users', 'job_title')
    op.drop_column('users', 'locale')
    op.drop_column('users', 'bio')


def downgrade():
    op.add_column('users', sa.Column('phone', sa.String(length=32)))
    op.add_column('users', sa.Column('job_title', sa.Text()))
    op.add_column('users', sa.Column('locale', sa.String(length=8), nullable=False, server_default='en'))
    op.add_column('users', sa.Column('bio', sa.Text()))
    op.execute(
        "UPDATE users SET phone = p.phone, job_title = p.job_title, locale = p.locale, bio = p.bio"
        " FROM user_profiles p WHERE p.user_id = users.id"
    )
    op.drop_table('user_profiles')
