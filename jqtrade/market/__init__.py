"""What a security is, and what it traded at: shared by live, paper and replay."""
