"""What Bonafide knows about faces, challenges and verdicts: pure, no I/O, standard library and numpy only."""
