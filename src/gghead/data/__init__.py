"""Pictures with cameras and masks: archives, labels, the dataset, the order of a run, batches, synthetic heads."""
