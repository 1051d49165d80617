"""Changes of the schema, one after the other, run by alembic; how to add one stands in CONTRIBUTING.md."""
