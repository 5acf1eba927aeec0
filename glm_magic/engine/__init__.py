"""One prompt in motion: plan it, stream it, accumulate what comes back."""
