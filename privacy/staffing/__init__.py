"""How staff accounts begin, prove themselves, look after each other and end: the employers' store only."""
