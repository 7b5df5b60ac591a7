"""The face that members see: everything about themselves."""
