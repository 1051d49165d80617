"""What alembic runs in place of a program of its own: one change, in the transaction that it is given."""

from alembic import context

tx = context.config.attributes["connection"]
context.configure(connection=tx)
context.run_migrations()
