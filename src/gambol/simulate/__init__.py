"""Animals, cameras and behaviour whose truth is known at every stage."""
