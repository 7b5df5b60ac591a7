"""The attacker: what published tables give away about people, found before somebody else finds it."""
