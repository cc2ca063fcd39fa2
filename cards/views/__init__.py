"""Pages of card holders, of the card office, of pickup points and of the telephone desk."""
