"""Frames and labels to networks and back: datasets in, predictions out, nothing on disk."""
