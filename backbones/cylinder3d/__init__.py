"""Cylinder3D: a cylindrical partition, a network on points, asymmetric sparse convolutions and a point branch."""
