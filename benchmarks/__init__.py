"""What is measured, on real recordings, side by side with peers where they install."""
