"""user preferences

Revision ID: 19d4b2e7f08c
Revises: 40b6ce19f7a8
Create Date: 2025-10-06 08:33:29.485002+00:00

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = '19d4b2e7f08c'
down_revision = '40b6ce19f7a8'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'user_preferences',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column('user_id', sa.BigInteger(), nullable=False),
        sa.Column('theme', sa.String(length=16), nullable=False, server_default='system'),
        sa.Column('digest', sa.String(length=8), nullable=False, server_default='weekly'),
        sa.Column('quiet_hours', postgresql.TSTZRANGE()),
        sa.Column('topics', postgresql.ARRAY(sa.Text()), nullable=False, server_default='{}'),
        sa.Column('settings', postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name='user_preferences_user_id_fkey', ondelete='CASCADE'),
        sa.UniqueConstraint('user_id', name='user_preferences_user_id_key'),
    )
    op.add_column('users', sa.Column('preferences_id', sa.BigInteger()))
    # Everybody starts with the defaults.
    op.execute("INSERT INTO user_preferences (user_id) SELECT id FROM users ORDER BY id")
    op.execute("UPDATE users SET preferences_id = p.id FROM user_preferences p WHERE p.user_id = users.id")
    op.create_foreign_key(
        'users_preferences_id_fkey', 'users', 'user_preferences', ['preferences_id'], ['id'], ondelete='SET NULL'
    )


def downgrade():
    op.drop_constraint('users_preferences_id_fkey', 'users', type_='foreignkey')
    op.drop_column('users', 'preferences_id')
    op.drop_table('user_preferences')
