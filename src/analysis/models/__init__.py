"""Purchase models, the spend model, their posteriors, simulated futures and the back test."""
