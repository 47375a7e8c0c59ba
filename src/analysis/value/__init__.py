"""Customer value, retention and its lift, cohorts: what the base, its segments and every customer are still worth."""
