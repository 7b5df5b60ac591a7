"""What members earn and who pays for it."""
