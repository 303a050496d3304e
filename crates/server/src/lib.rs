//! Reconcilers and HTTP routes
