"""The index: rows of Studies, Series and Instances in SQLite or PostgreSQL. Functions take a connection and never commit."""
