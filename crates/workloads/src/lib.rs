//! Runs manifests as local processes
