"""Text typed in a cell -> options; commands; completion; configuration."""
