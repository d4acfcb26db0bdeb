"""Attacks on presentation attack detection: instruments, species, tries."""
