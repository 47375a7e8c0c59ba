"""Side-by-side timings, each comparison in one run on one machine."""
