"""Training of the networks: data sets, recipes, loops, evaluation. Needs torch; never imported by the window."""
