"""The report on paper: PDF with embedded fonts. Importing this package costs nothing."""
