"""What the notebooks show: figures with their data, tables, and the sentences that the numbers choose."""
