"""Pictures for people: figures, overlays, movies, the report."""
