"""What the frames of one scene do not share: registration and difference maps."""
