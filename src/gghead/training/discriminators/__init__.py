"""What tells real pictures from generated ones while a run trains: by their pixels, or by published features."""
