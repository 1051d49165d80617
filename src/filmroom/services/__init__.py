"""The transactions, one module each. A service begins and ends the database transaction."""
