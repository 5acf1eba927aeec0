"""The vocabulary: frozen values and their arithmetic, standard library only."""
