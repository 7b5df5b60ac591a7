"""The kinds of rules, one module a kind: what its document says, what it pays for everybody at once, and the words."""
