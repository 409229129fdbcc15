"""The learned matcher ``duet`` and the cohort assigners: numpy to serve, scipy to train and to place."""
