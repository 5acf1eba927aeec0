"""What is asked, and of whom: options and messages become a call that is ready to send."""
