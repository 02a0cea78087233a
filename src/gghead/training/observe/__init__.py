"""What a run shows of itself: progress, trackers, snapshots, health, measurements, estimates."""
