"""Learning: the loop, the state it carries, the steps it takes, what it reports and keeps."""
