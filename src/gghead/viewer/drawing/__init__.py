"""From a head and a viewpoint to what the page shows."""
