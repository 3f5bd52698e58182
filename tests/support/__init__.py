"""What the demo and the end-to-end tests share: kubectl, a Git repository that is applied in a loop, user traffic."""
