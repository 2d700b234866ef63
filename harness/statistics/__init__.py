"""What seeds and roads say of a figure and of a difference: numbers in, numbers out."""
