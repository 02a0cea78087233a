"""What stands beside the picture: a file a panel."""
