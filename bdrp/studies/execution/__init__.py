"""Many runs, planned, shared out, recorded and resumed."""
