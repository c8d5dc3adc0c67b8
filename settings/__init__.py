"""What we were told: typed, frozen, read once."""
