//! Runs a program inside the protections that this kernel offers
