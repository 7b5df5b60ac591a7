"""The two faces: members' and employers'; neither imports the other, and each is imported only when served."""
