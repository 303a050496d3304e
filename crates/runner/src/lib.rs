//! Runs the jobs of a pipeline in sandboxes and keeps their logs
