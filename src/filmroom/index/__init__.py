"""The index: rows of Studies, Series and Instances. Functions take a connection and never commit."""
