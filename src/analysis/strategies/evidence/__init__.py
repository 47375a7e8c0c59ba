"""What the data say of loyalty: deals, promotion weeks, campaigns, and satisfaction."""
