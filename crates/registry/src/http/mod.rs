//! OCI distribution v1.1 below `/v2/`.
