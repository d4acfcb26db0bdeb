"""Use cases, one a file, read in the order of the pipeline. They speak to the world through `ports`."""
