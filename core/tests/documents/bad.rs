//! What is wrong, where, and what is said about it.
