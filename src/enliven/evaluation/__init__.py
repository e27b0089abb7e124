"""How good are networks on people they never learned from, beside what needs no learning?"""
