"""What heads are made from: the head model, its landmarks, regions and assets, and who a person is."""
