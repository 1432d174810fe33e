"""Views of several cameras to the world: cameras, points, poses, with their covariance."""
