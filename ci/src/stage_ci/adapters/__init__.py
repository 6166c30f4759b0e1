"""What runs containers and speaks to servers; knows no rule."""
