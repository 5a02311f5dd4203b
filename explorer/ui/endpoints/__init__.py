"""What programs can call, and what keeps requests on this machine."""
