"""Who people are and who may see what: the ground floor that every other floor stands on."""
