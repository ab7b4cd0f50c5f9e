"""The synthetic demo town: seeded, and it says so."""
