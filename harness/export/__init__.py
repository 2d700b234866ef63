"""Write leaderboard archives."""
