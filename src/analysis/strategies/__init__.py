"""Loyalty strategies: the dynamics of deals and experiences, what follows from them, and what to do."""
