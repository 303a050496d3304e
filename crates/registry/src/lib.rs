//! OCI distribution over a local blob store
