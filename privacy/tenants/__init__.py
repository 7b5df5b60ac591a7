"""Organisations: declared in the employers' store, copied whole into the members' store."""
