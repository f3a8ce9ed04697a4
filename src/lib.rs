//! bottle: runs a coding agent in a sealed bottle.
