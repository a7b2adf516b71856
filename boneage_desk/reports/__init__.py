"""The report on paper: one-page PDF with embedded fonts. Importing this package costs nothing."""
