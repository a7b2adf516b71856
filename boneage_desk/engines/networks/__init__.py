"""Network definitions and their pre- and post-processing. Imported in the model process only."""
