"""Detectors: each looks at the frames of one attempt and gives one piece of evidence."""
