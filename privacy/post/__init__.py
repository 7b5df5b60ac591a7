"""Letters: queued with what caused them, sealed, sent once (by the roof), neutral wherever an employer could look."""
