"""Small programs in pairs, one right and one with a planted bug, to measure the checker by."""
