"""What a row counts for that was measured with a known variance, in methods that weigh rows."""
