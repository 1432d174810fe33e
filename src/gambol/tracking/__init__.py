"""Detections to identities: costs in nats, online trackers, stitching, review."""
