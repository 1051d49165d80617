"""The changes, numbered and frozen: none imports the tables, which go on changing."""
